"""Sort: rows in the order of some columns."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from flowfile_engine.nodes.base import Example, Frame, Node, NodeInfo, PolarsNamespace, Table
from flowfile_engine.nodes.fields import SortOrder


class Sort(Node):
    """Order the rows by one column or several.

    Later columns decide between rows that are equal in the earlier ones. Missing values come first, or last where the
    column says so. Text is ordered by its characters' code points: capitals before small letters, accents behind both.
    """

    type: Literal["sort"] = "sort"
    info = NodeInfo(title="Sort", group="transform", icon="sort", tags=("order by", "ascending", "descending"))

    order_by: Annotated[SortOrder, Field(min_length=1)] = Field(title="Order")
    maintain_order: bool = Field(
        default=True,
        title="Keep the order of equal rows",
        description="Off is a little quicker; equal rows may then change places from run to run",
    )

    def lower(self, pl: PolarsNamespace, main: Frame) -> Frame:
        return main.sort(
            [key.column for key in self.order_by],
            descending=[key.descending for key in self.order_by],
            nulls_last=[key.nulls_last for key in self.order_by],
            maintain_order=self.maintain_order,
        )

    def summary(self) -> str:
        return "by " + ", ".join(f"{key.column} descending" if key.descending else key.column for key in self.order_by)

    examples = (
        Example(
            title="Newest first, then by name",
            settings={"order_by": [{"column": "year", "descending": True}, {"column": "name"}]},
            inputs={"main": Table({"name": ["cy", "bo", "al"], "year": [2023, 2024, 2024]})},
            output=Table({"name": ["al", "bo", "cy"], "year": [2024, 2024, 2023]}),
            ordered=True,
        ),
        Example(
            title="Missing values last",
            settings={"order_by": [{"column": "score", "nulls_last": True}]},
            inputs={"main": Table({"score": [None, 2, 1]})},
            output=Table({"score": [1, 2, None]}),
            ordered=True,
        ),
    )
