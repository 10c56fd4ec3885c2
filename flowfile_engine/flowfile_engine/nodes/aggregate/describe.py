"""Describe: a profile of the columns, one row for each."""

from __future__ import annotations

from typing import Literal

from flowfile_engine.nodes.base import Example, Frame, Node, NodeInfo, PolarsNamespace, Table
from flowfile_engine.nodes.profile import profile

COUNTS = {"count": "UInt32", "nulls": "UInt32", "distinct": "UInt32"}


class Describe(Node):
    """Show what is in each column: one row for each, with its type, its nulls, its distinct values and its range.

    `count` is the number of values that are not null, `distinct` how many different ones there are. The smallest and
    the largest value are given as text, so that numbers, dates and texts stand in one column. Mean, standard deviation
    and quartiles are for numbers.
    """

    type: Literal["describe"] = "describe"
    info = NodeInfo(
        title="Describe",
        group="aggregate",
        icon="describe",
        tags=("profile", "summary", "statistics", "data quality", "missing"),
    )

    def lower(self, pl: PolarsNamespace, main: Frame) -> Frame:
        return profile(pl, main)

    def summary(self) -> str:
        return "one row for each column"

    examples = (
        Example(
            title="A number and a text",
            settings={},
            inputs={"main": Table({"amount": [1, 2, 3, None], "shop": ["b", "a", "b", "b"]})},
            output=Table(
                {
                    "column": ["amount", "shop"],
                    "type": ["Int64", "String"],
                    "count": [3, 4],
                    "nulls": [1, 0],
                    "null_share": [0.25, 0.0],
                    "distinct": [3, 2],
                    "min": ["1", "a"],
                    "max": ["3", "b"],
                    "mean": [2.0, None],
                    "std": [1.0, None],
                    "q25": [1.5, None],
                    "median": [2.0, None],
                    "q75": [2.5, None],
                },
                dtypes=COUNTS,
            ),
            ordered=True,
        ),
        Example(
            title="A date column without rows",
            settings={},
            inputs={"main": Table({"day": []}, dtypes={"day": "Date"})},
            output=Table(
                {
                    "column": ["day"],
                    "type": ["Date"],
                    "count": [0],
                    "nulls": [0],
                    "null_share": [None],
                    "distinct": [0],
                    **{name: [None] for name in ("min", "max", "mean", "std", "q25", "median", "q75")},
                },
                dtypes={
                    **COUNTS,
                    **dict.fromkeys(("min", "max"), "String"),
                    **dict.fromkeys(("null_share", "mean", "std", "q25", "median", "q75"), "Float64"),
                },
            ),
            ordered=True,
        ),
    )
