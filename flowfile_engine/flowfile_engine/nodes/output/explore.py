"""Explore: a sample and a profile, for charts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from flowfile_engine.nodes.base import Example, Frame, Node, NodeInfo, PolarsNamespace, Table
from flowfile_engine.nodes.profile import profile

ROW_NUMBER = "__flowfile_row"
"""A column that numbers the rows while a sample is drawn."""


class Explore(Node):
    """Keep a random sample of the rows and a profile of the columns, to look at as charts.

    The sample holds rows from the whole table, in their order, and is the same at each run as long as the table is.
    The profile is of all rows, not of the sample.
    """

    type: Literal["explore"] = "explore"
    info = NodeInfo(
        title="Explore",
        group="output",
        icon="explore",
        outputs=("sample", "profile"),
        tags=("chart", "plot", "visualize", "graph", "distribution"),
    )

    rows: int = Field(default=10_000, ge=1, le=1_000_000, title="Rows", description="How many rows the charts show")
    seed: int = Field(default=0, ge=0, lt=2**63, title="Seed", description="Another number draws another sample")

    def lower(self, pl: PolarsNamespace, main: Frame) -> tuple[Frame, Frame]:
        # By the hash of the row's number: the rows pass by once, and only those of the sample are held.
        sample = (
            main.with_row_index(ROW_NUMBER)
            .bottom_k(self.rows, by=pl.col(ROW_NUMBER).hash(self.seed))
            .sort(ROW_NUMBER)
            .drop(ROW_NUMBER)
        )
        return sample, profile(pl, main)

    def summary(self) -> str:
        return f"up to {self.rows:,} rows"

    examples = (
        Example(
            title="A small table is kept whole",
            settings={},
            inputs={"main": Table({"a": [2, 1]})},
            output={
                "sample": Table({"a": [2, 1]}),
                "profile": Table(
                    {
                        "column": ["a"],
                        "type": ["Int64"],
                        "count": [2],
                        "nulls": [0],
                        "null_share": [0.0],
                        "distinct": [2],
                        "min": ["1"],
                        "max": ["2"],
                        "mean": [1.5],
                        "std": [0.5**0.5],
                        "q25": [1.25],
                        "median": [1.5],
                        "q75": [1.75],
                    },
                    dtypes={"count": "UInt32", "nulls": "UInt32", "distinct": "UInt32"},
                ),
            },
            ordered=True,
        ),
        Example(
            title="As many rows as there are",
            settings={"rows": 3, "seed": 1},
            inputs={"main": Table({"a": ["x", "y", "z"]})},
            output={
                "sample": Table({"a": ["x", "y", "z"]}),
                "profile": Table(
                    {
                        "column": ["a"],
                        "type": ["String"],
                        "count": [3],
                        "nulls": [0],
                        "null_share": [0.0],
                        "distinct": [3],
                        "min": ["x"],
                        "max": ["z"],
                        **{name: [None] for name in ("mean", "std", "q25", "median", "q75")},
                    },
                    dtypes={
                        **dict.fromkeys(("count", "nulls", "distinct"), "UInt32"),
                        **dict.fromkeys(("mean", "std", "q25", "median", "q75"), "Float64"),
                    },
                ),
            },
            ordered=True,
        ),
    )
