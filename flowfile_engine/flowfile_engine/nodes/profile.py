"""A profile of a table's columns: what `describe` gives and what `explore` draws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars

    from flowfile_engine.nodes.base import Frame, PolarsNamespace

NUMBERS = ("mean", "std", "q25", "median", "q75")
QUARTILES = {"q25": 0.25, "q75": 0.75}
RAW = ("type", "count", "nulls", "distinct", "min", "max", *NUMBERS)
"""The figures that come from the data, in the order of `_constants`."""


def profile(pl: PolarsNamespace, main: Frame) -> Frame:
    """One row for each column, in the columns' order.

    Each column becomes one list, and the lists of one type become rows, on which every figure is one operation. So the
    plan grows with the number of types and not of columns: a select of ten thousand `n_unique` or `quantile` takes
    Polars time by the square of them, and for a few columns it is no quicker.
    """
    schema = main.collect_schema()
    by_type: dict[Any, list[str]] = {}
    for name, dtype in schema.items():
        by_type.setdefault(dtype, []).append(name)
    if not by_type:
        return _no_columns(pl)
    lists = main.select(pl.selectors.all().implode())
    rows = pl.concat([_of_type(pl, lists, dtype, names) for dtype, names in by_type.items()], how="vertical")
    share = (pl.col("nulls") / (pl.col("count") + pl.col("nulls"))).fill_nan(None)
    names = ["column", "type", "count", "nulls", share.alias("null_share"), "distinct", "min", "max", *NUMBERS]
    return rows.sort(pl.col("column").cast(pl.Enum(schema.names()))).select(names)


def _of_type(pl: PolarsNamespace, lists: Frame, dtype: polars.DataType, names: list[str]) -> Frame:
    """The rows of the columns of one type."""
    figures = _figures(pl, pl.element(), dtype)
    parts = [
        pl.col("values").list.agg(figures[key]) if key in figures else constant
        for key, constant in _constants(pl, dtype).items()
    ]
    rows = lists.select(pl.selectors.by_name(names)).unpivot(
        pl.selectors.all(), index=[], variable_name="column", value_name="values"
    )
    return rows.select(["column", *[part.alias(key) for key, part in zip(RAW, parts, strict=True)]])


def _constants(pl: PolarsNamespace, dtype: polars.DataType) -> dict[str, polars.Expr]:
    """What stands for a figure that a type does not have, by the figure's name."""
    from flowfile_engine.dtypes import dtype_text

    constants: dict[str, polars.Expr] = {"type": pl.lit(dtype_text(dtype))}
    constants |= {name: pl.lit(None, dtype=pl.UInt32) for name in ("count", "nulls", "distinct")}
    constants |= {name: pl.lit(None, dtype=pl.String) for name in ("min", "max")}
    return constants | {name: pl.lit(None, dtype=pl.Float64) for name in NUMBERS}


def _figures(pl: PolarsNamespace, values: polars.Expr, dtype: polars.DataType) -> dict[str, polars.Expr]:
    """What can be said about the values of a column, by the figure's name."""
    from flowfile_engine.compatibility import kind_of

    kind = kind_of(dtype)
    figures: dict[str, polars.Expr] = {
        "count": values.count(),
        "nulls": values.null_count(),
        "distinct": values.drop_nulls().n_unique(),
    }
    if kind == "duration":
        figures |= {"min": values.min().dt.to_string(), "max": values.max().dt.to_string()}
    elif kind not in ("nested", "binary", "object"):
        figures |= {"min": values.min().cast(pl.String), "max": values.max().cast(pl.String)}
    if kind == "number":
        numbers = values.cast(pl.Float64)
        figures |= {"mean": numbers.mean(), "std": numbers.std(), "median": numbers.median()}
        figures |= {name: numbers.quantile(share, interpolation="linear") for name, share in QUARTILES.items()}
    return figures


def _no_columns(pl: PolarsNamespace) -> Frame:
    return pl.LazyFrame(
        schema={
            "column": pl.String,
            "type": pl.String,
            "count": pl.UInt32,
            "nulls": pl.UInt32,
            "null_share": pl.Float64,
            "distinct": pl.UInt32,
            "min": pl.String,
            "max": pl.String,
            **dict.fromkeys(NUMBERS, pl.Float64),
        }
    )
