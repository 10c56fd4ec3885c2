"""Unique: one row for each combination of values."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from flowfile_engine.nodes.base import Example, Frame, Node, NodeInfo, PolarsNamespace, Table
from flowfile_engine.nodes.fields import Columns


class Unique(Node):
    """Keep one row for each distinct combination of the chosen columns."""

    type: Literal["unique"] = "unique"
    info = NodeInfo(
        title="Unique", group="transform", icon="unique", spread="key", tags=("distinct", "deduplicate", "duplicates")
    )

    columns: Columns = Field(default=[], title="Columns", description="Empty: all columns")
    keep: Literal["first", "last", "any", "none"] = Field(
        default="any",
        title="Row to keep",
        description="`any` is the quickest; `none` drops every row that has a double",
    )

    def lower(self, pl: PolarsNamespace, main: Frame) -> Frame:
        return main.unique(subset=self.columns or None, keep=self.keep, maintain_order=self.keep in ("first", "last"))

    def summary(self) -> str:
        return f"by {', '.join(self.columns)}" if self.columns else "by all columns"

    examples = (
        Example(
            title="One row per customer, the first seen",
            settings={"columns": ["customer"], "keep": "first"},
            inputs={"main": Table({"customer": ["ann", "bob", "ann"], "amount": [3, 5, 8]})},
            output=Table({"customer": ["ann", "bob"], "amount": [3, 5]}),
            ordered=True,
        ),
        Example(
            title="Only rows that have no double",
            settings={"keep": "none"},
            inputs={"main": Table({"a": [1, 1, 2], "b": ["x", "x", "y"]})},
            output=Table({"a": [2], "b": ["y"]}),
        ),
    )
