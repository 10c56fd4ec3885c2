"""Record id: a running number for each row."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from flowfile_engine.nodes.base import Example, Frame, Node, NodeInfo, PolarsNamespace, Table
from flowfile_engine.nodes.fields import Columns, Name
from flowfile_engine.nodes.lowering import check_new_names


class RecordId(Node):
    """Number the rows in a new first column.

    With group columns, the numbers begin anew in each group. The numbers follow the order in which the rows come in:
    sort first where that matters.
    """

    type: Literal["record_id"] = "record_id"
    info = NodeInfo(
        title="Record ID", group="transform", icon="record_id", tags=("row number", "index", "sequence", "identifier")
    )

    name: Name = Field(default="record_id", title="Name of the column")
    start: int = Field(default=1, ge=-(2**62), le=2**62, title="First number")
    partition_by: Columns = Field(default=[], title="Begin anew for each", description="Empty: number all rows")

    def lower(self, pl: PolarsNamespace, main: Frame) -> Frame:
        check_new_names(main.collect_schema(), [(self.name, "name")])
        if self.partition_by:
            numbers = (pl.int_range(pl.len()) + self.start).over(self.partition_by)
            return main.select([numbers.alias(self.name), pl.all()])
        # The index counts in UInt32 and from zero on; what a person asks for may be negative.
        return main.with_row_index(self.name).with_columns(pl.col(self.name).cast(pl.Int64) + self.start)

    def summary(self) -> str:
        return f"{self.name} for each {', '.join(self.partition_by)}" if self.partition_by else self.name

    examples = (
        Example(
            title="Number the rows",
            settings={},
            inputs={"main": Table({"name": ["ann", "bob"]})},
            output=Table({"record_id": [1, 2], "name": ["ann", "bob"]}),
            ordered=True,
        ),
        Example(
            title="Line numbers of each order",
            settings={"name": "line", "partition_by": ["order"]},
            inputs={"main": Table({"order": [7, 7, 8], "item": ["a", "b", "a"]})},
            output=Table({"line": [1, 2, 1], "order": [7, 7, 8], "item": ["a", "b", "a"]}),
            ordered=True,
        ),
    )
