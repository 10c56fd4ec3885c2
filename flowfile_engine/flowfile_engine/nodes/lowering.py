"""Small steps that several node types share in `lower`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowfile_engine.dtypes import parse_dtype

if TYPE_CHECKING:
    import polars


def cast(expression: polars.Expr, dtype: str | None, *, strict: bool = True) -> polars.Expr:
    """The expression, cast if a type is given."""
    return expression if dtype is None else expression.cast(parse_dtype(dtype), strict=strict)
