"""Which columns a node works on: named ones, or all of a kind."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from flowfile_engine.nodes.lowering import dtype_of

if TYPE_CHECKING:
    import polars

    from flowfile_engine.nodes.base import PolarsNamespace

Target = Literal["columns", "all", "numeric", "string", "boolean", "temporal"]


def selector_of(pl: PolarsNamespace, target: Target, columns: list[str], without: list[str]) -> polars.Expr:
    """The selector of a node's target.

    Args:
        pl: the `pl` of `lower`.
        target: named `columns`, or all columns of a kind.
        columns: the named ones.
        without: columns that are left alone if they were not named.
    """
    kinds = pl.selectors
    match target:
        case "columns":
            return kinds.by_name(columns)
        case "all":
            chosen = kinds.all()
        case "numeric":
            chosen = kinds.numeric()
        case "string":
            chosen = kinds.string()
        case "boolean":
            chosen = kinds.boolean()
        case _:
            chosen = kinds.temporal()
    return chosen - kinds.by_name(without) if without else chosen


def is_target(target: Target, dtype: polars.DataType) -> bool:
    """Whether a column of a type belongs to a target other than `columns`."""
    match target:
        case "numeric":
            return dtype.is_numeric()
        case "temporal":
            return dtype.is_temporal()
        case "string" | "boolean":
            return type(dtype).__name__.lower() == target
        case _:
            return True


def dtypes_of_target(
    schema: polars.Schema, target: Target, columns: list[str], without: Iterable[str] = ()
) -> dict[polars.DataType, list[str]]:
    """The different types among a node's columns, in their order, with the columns of each."""
    if target == "columns":
        found = {name: dtype_of(schema, name, f"columns.{index}") for index, name in enumerate(columns)}
    else:
        left_alone = set(without)
        found = {name: dtype for name, dtype in schema.items() if name not in left_alone and is_target(target, dtype)}
    grouped: dict[polars.DataType, list[str]] = {}
    for name, dtype in found.items():
        grouped.setdefault(dtype, []).append(name)
    return grouped


def shown_target(target: Target, columns: list[str]) -> str:
    """The target as a person reads it."""
    return ", ".join(columns) if target == "columns" else f"{target} columns"
