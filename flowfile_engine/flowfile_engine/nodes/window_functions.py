"""What the functions of the Window node compute, within one group and in its order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import polars

    from flowfile_engine.nodes.base import PolarsNamespace

Function = Literal[
    "row_number", "rank", "dense_rank", "max_rank", "average_rank", "ntile",
    "lag", "lead", "difference", "percent_change", "first", "last",
    "cumulative_sum", "cumulative_mean", "cumulative_min", "cumulative_max", "cumulative_count",
    "rolling_sum", "rolling_mean", "rolling_min", "rolling_max", "rolling_std",
    "sum", "mean", "median", "min", "max", "std", "count", "n_unique", "share",
]  # fmt: skip

RANKS = ("rank", "dense_rank", "max_rank", "average_rank")
WITHOUT_COLUMN = (*RANKS, "row_number", "ntile", "count", "cumulative_count")
"""Functions of the rows: they take no column, or need none."""

WHOLE_GROUP = ("sum", "mean", "median", "min", "max", "std", "count", "n_unique", "share")
"""Functions that the order of the rows does not change."""

OF_NUMBERS = (
    "percent_change", "cumulative_mean", "rolling_sum", "rolling_mean", "rolling_std", "mean", "median", "std", "share",
)  # fmt: skip


def rank(pl: PolarsNamespace, function: str, keys: list[str]) -> polars.Expr:
    """A rank by the order of the window, where rows with equal keys share one.

    Not Polars' `rank`: that one leaves missing values out, and knows one direction for all keys.
    """
    # Rows that tie stand side by side: a run of equal keys.
    runs = pl.struct(keys).rle_id()
    if function == "dense_rank":
        return runs.cast(pl.Int64) + 1
    places = pl.int_range(1, pl.len() + 1)
    first = pl.when(runs.diff().fill_null(1) != 0).then(places).forward_fill()
    if function == "rank":
        return first
    last = pl.when(runs.diff(-1).fill_null(1) != 0).then(places).backward_fill()
    return last if function == "max_rank" else (first + last) / 2


def ntile(pl: PolarsNamespace, buckets: int) -> polars.Expr:
    """The number of the bucket: buckets differ by at most one row, the larger ones come first."""
    place, rows = pl.int_range(pl.len()), pl.len().cast(pl.Int64)
    size, larger = rows // buckets, rows % buckets
    in_larger = larger * (size + 1)
    return pl.when(place < in_larger).then(place // (size + 1)).otherwise(larger + (place - in_larger) // size) + 1


def of_rows(pl: PolarsNamespace, function: str, column: str | None) -> polars.Expr:
    """Counts and numbers of rows; with a column, of its values that are not missing."""
    if function == "row_number" or (function == "cumulative_count" and column is None):
        return pl.int_range(1, pl.len() + 1)
    if function == "cumulative_count":
        return pl.col(column).cum_count().cast(pl.Int64)
    counted = pl.len() if column is None else pl.col(column).count()
    return counted.cast(pl.Int64)


def of_neighbours(value: polars.Expr, function: str, offset: int, default: Any) -> polars.Expr:
    """Values of rows before and behind."""
    match function:
        case "lag":
            return value.shift(offset, fill_value=default)
        case "lead":
            return value.shift(-offset, fill_value=default)
        case "difference":
            return value - value.shift(offset)
        case _:
            return value / value.shift(offset) - 1


def of_group(pl: PolarsNamespace, value: polars.Expr, function: str) -> polars.Expr:
    """A figure of the whole group."""
    match function:
        case "sum":
            return value.sum()
        case "mean":
            return value.mean()
        case "median":
            return value.median()
        case "min":
            return value.min()
        case "max":
            return value.max()
        case "std":
            return value.std()
        case "n_unique":
            return value.n_unique().cast(pl.Int64)
        case "share":
            return value / value.sum()
        case "first":
            return value.first()
        case _:
            return value.last()


def cumulative(value: polars.Expr, function: str) -> polars.Expr:
    """A figure of the group's rows so far. As in SQL, a missing value adds nothing and shows the figure so far."""
    match function:
        case "cumulative_sum":
            return value.cum_sum().forward_fill()
        case "cumulative_mean":
            return value.cum_sum().forward_fill() / value.cum_count()
        case "cumulative_min":
            return value.cum_min().forward_fill()
        case _:
            return value.cum_max().forward_fill()


def rolling(value: polars.Expr, function: str, size: int, min_rows: int) -> polars.Expr:
    """A figure of the row itself and the rows before it."""
    match function:
        case "rolling_sum":
            return value.rolling_sum(size, min_samples=min_rows)
        case "rolling_mean":
            return value.rolling_mean(size, min_samples=min_rows)
        case "rolling_min":
            return value.rolling_min(size, min_samples=min_rows)
        case "rolling_max":
            return value.rolling_max(size, min_samples=min_rows)
        case _:
            return value.rolling_std(size, min_samples=min_rows)
