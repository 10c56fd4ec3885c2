"""Small steps that several node types share in `lower`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from flowfile_engine.dtypes import dtype_text, parse_dtype
from flowfile_engine.errors import ColumnMissingError, SettingsError
from flowfile_engine.values import FALSE_TEXTS, TRUE_TEXTS, in_utc, typed_value

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars

    from flowfile_engine.nodes.base import Frame, PolarsNamespace
    from flowfile_engine.nodes.fields import SortKey

ORDER_COLUMN = "__flowfile_order"
"""A column that stands for several order keys while a frame is lowered."""

_PLAIN = (bool, int, float, str, Decimal, date, time, timedelta)

_BOOLEANS = {**dict.fromkeys(TRUE_TEXTS, True), **dict.fromkeys(FALSE_TEXTS, False)}


def cast(expression: polars.Expr, dtype: str | None, *, strict: bool = True) -> polars.Expr:
    """The expression, cast if a type is given."""
    return expression if dtype is None else expression.cast(parse_dtype(dtype), strict=strict)


def convert(
    pl: PolarsNamespace,
    expression: polars.Expr,
    source: polars.DataType,
    target: polars.DataType,
    *,
    strict: bool = True,
    format: str | None = None,
) -> polars.Expr:
    """The expression as another type, also where Polars' `cast` reads no text: dates, times, booleans.

    Args:
        pl: the `pl` of `lower`.
        expression: a column.
        source: its type.
        target: the type wanted.
        strict: a value that does not fit is an error; else it becomes null.
        format: how dates and times are written in text, in chrono's notation; None: ISO 8601, or what the first value
            looks like.
    """
    if isinstance(source, pl.String):
        match target:
            case pl.Date():
                return expression.str.to_date(format, strict=strict)
            case pl.Time():
                return expression.str.to_time(format, strict=strict)
            case pl.Datetime():
                return expression.str.to_datetime(
                    format, time_unit=target.time_unit, time_zone=target.time_zone, strict=strict
                )
            case pl.Boolean():
                texts = expression.str.strip_chars().str.to_lowercase()
                if strict:
                    return texts.replace_strict(_BOOLEANS, return_dtype=target)
                return texts.replace_strict(_BOOLEANS, default=None, return_dtype=target)
            case _:
                pass
    if format is not None and source.is_temporal() and isinstance(target, pl.String):
        return expression.dt.strftime(format)
    return expression.cast(target, strict=strict)


def guesses(dtype: str | None, format: str | None = None) -> bool:
    """Whether `convert` from text reads the first values to see how the others are written: not row by row."""
    return dtype is not None and format is None and dtype.startswith(("Date", "Time"))


def dtype_of(schema: polars.Schema, column: str, field: str) -> polars.DataType:
    """A column's type.

    Raises:
        ColumnMissingError: the schema has no such column.
    """
    if column not in schema:
        raise ColumnMissingError.for_column(column, schema, "main", field)
    return schema[column]


def check_text(schema: polars.Schema, column: str, field: str) -> None:
    """Refuse a column that does not hold text."""
    name = dtype_text(dtype_of(schema, column, field))
    if name != "String":
        raise SettingsError(
            f"the column {column!r} is {name}, text is expected", hint="turn it into String with Select", field=field
        )


def check_new_names(existing: Iterable[str], names: Sequence[tuple[str, str]]) -> None:
    """Refuse new columns that would overwrite others.

    Args:
        existing: the columns that stay.
        names: each new name with the field that gave it.

    Raises:
        SettingsError: a name exists already, or comes twice.
    """
    taken = set(existing)
    for name, field in names:
        if type(name) is not str:
            continue  # a parameter: only the run knows its text, and Polars refuses a double
        if name in taken:
            raise SettingsError(f"there is a column {name!r} already", hint="choose another name", field=field)
        taken.add(name)


def typed_literal(pl: PolarsNamespace, value: Any, dtype: polars.DataType, field: str, *, exact: bool = False) -> Any:
    """What a typed value is beside a column: a plain Python value, or an expression where no plain one will do.

    Args:
        pl: the `pl` of `lower`.
        value: None, a boolean, a number, a text, or the stand-in for a parameter.
        dtype: the column's type.
        field: the setting, for the error.
        exact: the column itself must be able to hold the value.
    """
    if value is not None and type(value) not in (bool, int, float, str):
        # A parameter while an export is written: its text is read when the script runs.
        textual = isinstance(dtype, pl.String | pl.Categorical | pl.Enum)
        if not isinstance(value, str) or textual:
            return value
        return convert(pl, pl.lit(value), pl.String(), dtype, format="%Y-%m-%d" if isinstance(dtype, pl.Date) else None)
    found = typed_value(value, dtype, field, exact=exact)
    moment = in_utc(found, dtype) if found is not None else None
    if moment is not None:
        utc, utc_dtype, zone = moment
        return pl.lit(utc, dtype=utc_dtype).dt.convert_time_zone(zone)
    return found


def is_plain(value: Any) -> bool:
    """Whether `typed_literal` gave a Python value and no expression."""
    return isinstance(value, _PLAIN)


def ordered(pl: PolarsNamespace, main: Frame, keys: Sequence[SortKey]) -> tuple[Frame, dict[str, Any]]:
    """A frame and the arguments that make `over` follow an order.

    `over` takes one direction for all its keys: several keys are first brought down to one column, `ORDER_COLUMN`,
    which the caller drops (`unordered`).
    """
    if not keys:
        return main, {}
    if len(keys) == 1:
        key = keys[0]
        return main, {"order_by": key.column, "descending": key.descending, "nulls_last": key.nulls_last}
    places = pl.arg_sort_by(
        [key.column for key in keys],
        descending=[key.descending for key in keys],
        nulls_last=[key.nulls_last for key in keys],
        maintain_order=True,
    ).arg_sort()
    return main.with_columns(places.alias(ORDER_COLUMN)), {"order_by": ORDER_COLUMN}


def unordered(frame: Frame, keys: Sequence[SortKey]) -> Frame:
    """The frame without what `ordered` added."""
    return frame.drop(ORDER_COLUMN) if len(keys) > 1 else frame


def over(expression: polars.Expr, partition_by: Sequence[str], order: dict[str, Any] | None = None) -> polars.Expr:
    """The expression within groups, in an order; with neither, over all rows as they come."""
    if not partition_by and not order:
        return expression
    return expression.over(list(partition_by) or None, **(order or {}))
