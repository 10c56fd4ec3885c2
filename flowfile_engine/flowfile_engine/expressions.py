"""SQL expressions, as Polars' own parser reads them."""

from __future__ import annotations

from functools import lru_cache

import polars as pl


@lru_cache(maxsize=4096)
def root_names(expression: str) -> tuple[str, ...]:
    """The columns that a SQL expression reads; none if it does not parse (its own error says so)."""
    try:
        return tuple(dict.fromkeys(name for name in pl.sql_expr(expression).meta.root_names() if name != "*"))
    except pl.exceptions.PolarsError:
        return ()
