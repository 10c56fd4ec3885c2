"""Cross join: every row of one input beside every row of another."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from flowfile_engine.nodes.base import Example, Frame, Inputs, Node, NodeInfo, PolarsNamespace, Schema, Table
from flowfile_engine.nodes.fields import Name


class CrossJoin(Node):
    """Put every row of the left input beside every row of the right one.

    The result has as many rows as the product of both: a thousand times a thousand is a million.
    """

    type: Literal["cross_join"] = "cross_join"
    info = NodeInfo(
        title="Cross join",
        group="combine",
        icon="cross-join",
        inputs=("left", "right"),
        tags=("cartesian", "product", "combinations", "every pair"),
    )

    suffix: Name = Field(
        default="_right",
        title="Suffix",
        description="Added to a column of the right input whose name the left one has, too",
    )
    maintain_order: Literal["none", "left_right", "right_left"] = Field(
        default="left_right",
        title="Order",
        description="`left_right`: each row of the left input in turn, with all rows of the right one",
    )

    def lower(self, pl: PolarsNamespace, left: Frame, right: Frame) -> Frame:
        return left.join(right, how="cross", suffix=self.suffix, maintain_order=self.maintain_order)

    def schema(self, inputs: Inputs) -> dict[str, Schema] | None:
        from flowfile_engine.compatibility import duplicates_at

        with duplicates_at("suffix", hint="choose another suffix, or rename a column"):
            return super().schema(inputs)

    def summary(self) -> str:
        return "every pair of rows"

    examples = (
        Example(
            title="Every shop with every month",
            settings={},
            inputs={"left": Table({"shop": ["a", "b"]}), "right": Table({"month": [1, 2]})},
            output=Table({"shop": ["a", "a", "b", "b"], "month": [1, 2, 1, 2]}),
            ordered=True,
        ),
        Example(
            title="Both sides have a column of the same name",
            settings={"suffix": "_away"},
            inputs={"left": Table({"team": ["x"]}), "right": Table({"team": ["y", "z"]})},
            output=Table({"team": ["x", "x"], "team_away": ["y", "z"]}),
            ordered=True,
        ),
    )
