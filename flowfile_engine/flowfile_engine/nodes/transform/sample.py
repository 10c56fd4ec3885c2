"""Sample: a part of the rows."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from flowfile_engine.nodes.base import Example, Frame, Node, NodeInfo, PolarsNamespace, Table
from flowfile_engine.nodes.fields import Columns


class Sample(Node):
    """Keep the first, the last, every n-th or a random part of the rows.

    With group columns, that many rows of each group. The rows that stay keep their order. A random sample is the same
    at each run, as long as its input gives the same rows in the same order; another seed gives another sample.
    """

    type: Literal["sample"] = "sample"
    info = NodeInfo(
        title="Sample", group="transform", icon="sample", tags=("head", "tail", "limit", "random", "top", "first")
    )

    method: Literal["first", "last", "random", "fraction", "every"] = Field(
        default="first",
        title="Rows",
        description="`random`: a number of rows by chance; `fraction`: a part by chance; `every`: each n-th row",
    )
    n: int = Field(default=100, ge=0, title="Number of rows", description="For `first`, `last` and `random`")
    fraction: float = Field(default=0.1, ge=0, le=1, title="Part of the rows", description="For `fraction`: 0 to 1")
    every: int = Field(default=10, ge=1, title="Every", description="For `every`: 10 keeps each tenth row")
    offset: int = Field(default=0, ge=0, title="Skip", description="For `every`: rows before the first one kept")
    seed: int = Field(
        default=0, ge=0, lt=2**63, title="Seed", description="For `random` and `fraction`: which rows chance picks"
    )
    partition_by: Columns = Field(default=[], title="For each group of", description="Empty: of all rows")

    def lower(self, pl: PolarsNamespace, main: Frame) -> Frame:
        if self.partition_by:
            return self._of_groups(pl, main)
        match self.method:
            case "first":
                return main.head(self.n)
            case "last":
                return main.tail(self.n)
            case "every":
                return main.gather_every(self.every, self.offset)
            case "random":
                return main.filter(pl.int_range(pl.len()).shuffle(seed=self.seed) < self.n)
            case "fraction":
                return main.filter(pl.int_range(pl.len()).shuffle(seed=self.seed) < (pl.len() * self.fraction).round())

    def _of_groups(self, pl: PolarsNamespace, main: Frame) -> Frame:
        place, size = pl.int_range(pl.len()), pl.len()
        match self.method:
            case "first":
                kept = place < self.n
            case "last":
                kept = pl.int_range(pl.len(), 0, -1) <= self.n
            case "every":
                kept = (place >= self.offset) & ((place - self.offset) % self.every == 0)
            case "random":
                kept = place.shuffle(seed=self.seed) < self.n
            case "fraction":
                kept = place.shuffle(seed=self.seed) < (size * self.fraction).round()
        return main.filter(kept.over(self.partition_by))

    def summary(self) -> str:
        shown = {
            "first": f"first {self.n} rows",
            "last": f"last {self.n} rows",
            "random": f"{self.n} random rows",
            "fraction": f"{self.fraction:.4g} of the rows at random",
            "every": f"every {self.every}th row",
        }[self.method]
        return f"{shown} of each {', '.join(self.partition_by)}" if self.partition_by else shown

    examples = (
        Example(
            title="The first two rows",
            settings={"method": "first", "n": 2},
            inputs={"main": Table({"a": [1, 2, 3]})},
            output=Table({"a": [1, 2]}),
            ordered=True,
        ),
        Example(
            title="The last row of each shop",
            settings={"method": "last", "n": 1, "partition_by": ["shop"]},
            inputs={"main": Table({"shop": ["a", "b", "a"], "sales": [1, 2, 3]})},
            output=Table({"shop": ["b", "a"], "sales": [2, 3]}),
            ordered=True,
        ),
        Example(
            title="Every second row",
            settings={"method": "every", "every": 2, "offset": 1},
            inputs={"main": Table({"a": [1, 2, 3, 4, 5]})},
            output=Table({"a": [2, 4]}),
            ordered=True,
        ),
    )
