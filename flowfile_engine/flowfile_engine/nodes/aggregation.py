"""Aggregations: what their names mean, and which types they work on. Shared by the nodes that aggregate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from flowfile_engine.errors import DataError

if TYPE_CHECKING:
    import polars

    from flowfile_engine.nodes.base import PolarsNamespace

AggregateFunction = Literal[
    "sum", "mean", "median", "min", "max", "count", "len", "n_unique", "first", "last", "std", "var", "quantile",
    "product", "mode", "any", "all", "list", "concat",
]  # fmt: skip

FUNCTIONS: tuple[str, ...] = get_args(AggregateFunction)

_NOT_ORDERED = ("nested", "object")
_NUMBERS = ("number", "boolean", "null")
ACCEPTED: dict[str, tuple[str, ...]] = {
    "sum": (*_NUMBERS, "duration"),
    "product": _NUMBERS,
    "mean": (*_NUMBERS, "temporal", "duration"),
    "median": (*_NUMBERS, "temporal", "duration"),
    "std": _NUMBERS,
    "var": _NUMBERS,
    "quantile": ("number", "duration"),
    "min": ("number", "boolean", "text", "category", "temporal", "duration", "binary", "null"),
    "max": ("number", "boolean", "text", "category", "temporal", "duration", "binary", "null"),
    "any": ("boolean", "null"),
    "all": ("boolean", "null"),
    "concat": ("number", "boolean", "text", "category", "temporal", "null"),
}
"""The kinds of values that a function takes; a function that is not here takes all."""


def aggregated(
    pl: PolarsNamespace,
    values: polars.Expr,
    function: AggregateFunction,
    *,
    quantile: float = 0.5,
    separator: str = ", ",
) -> polars.Expr:
    """The aggregate of an expression's values, one value a group.

    `mode` gives the smallest of the most frequent values, so that it is the same at each run.
    """
    match function:
        case "quantile":
            return values.quantile(quantile, interpolation="linear")
        case "mode":
            return values.drop_nulls().mode().sort().first()
        case "list":
            return values.implode()
        case "concat":
            return values.cast(pl.String).drop_nulls().implode().list.join(separator)
        case _:  # the others are methods of Polars by the same name
            return getattr(values, function)()


def check_aggregate(function: str, dtype: polars.DataType, column: str, field: str) -> None:
    """Refuse a function that means nothing for a column's type.

    Raises:
        DataError: placed on the field.
    """
    from flowfile_engine.compatibility import kind_of
    from flowfile_engine.dtypes import dtype_text

    if function in ACCEPTED and kind_of(dtype) not in ACCEPTED[function]:
        usable = [name for name in FUNCTIONS if name not in ACCEPTED or kind_of(dtype) in ACCEPTED[name]]
        raise DataError(
            f"{function} does not work on {column!r}, which is {dtype_text(dtype)}",
            hint=f"for such values there are {', '.join(usable)}",
            field=field,
        )
