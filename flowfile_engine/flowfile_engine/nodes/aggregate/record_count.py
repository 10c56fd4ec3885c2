"""Record count: how many rows there are."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from flowfile_engine.nodes.base import Example, Frame, Node, NodeInfo, PolarsNamespace, Table
from flowfile_engine.nodes.fields import Name


class RecordCount(Node):
    """Count the rows: one row with one number."""

    type: Literal["record_count"] = "record_count"
    info = NodeInfo(
        title="Record count", group="aggregate", icon="record-count", tags=("rows", "length", "size", "number of rows")
    )

    name: Name = Field(default="count", title="Name of the column")

    def lower(self, pl: PolarsNamespace, main: Frame) -> Frame:
        return main.select(pl.len().alias(self.name))

    def summary(self) -> str:
        return "number of rows"

    examples = (
        Example(
            title="Three rows, whatever they hold",
            settings={},
            inputs={"main": Table({"a": [1, None, None]})},
            output=Table({"count": [3]}, dtypes={"count": "UInt32"}),
        ),
        Example(
            title="No rows are none",
            settings={"name": "orders"},
            inputs={"main": Table({"a": []}, dtypes={"a": "String"})},
            output=Table({"orders": [0]}, dtypes={"orders": "UInt32"}),
        ),
    )
