"""Drop missing: rows without gaps."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from flowfile_engine.nodes.base import Example, Frame, Node, NodeInfo, PolarsNamespace, Table
from flowfile_engine.nodes.fields import Columns


class DropMissing(Node):
    """Drop the rows that have missing values.

    An empty text is not missing, and neither is NaN (the result of `0 / 0`) unless `nan` says so.
    """

    type: Literal["drop_missing"] = "drop_missing"
    info = NodeInfo(
        title="Drop Missing",
        group="transform",
        icon="drop_missing",
        spread="rows",
        tags=("null", "na", "nan", "empty", "clean", "dropna"),
    )

    columns: Columns = Field(default=[], title="Columns", description="Empty: all columns")
    how: Literal["any", "all"] = Field(
        default="any", title="Drop a row if", description="`any` of the columns is missing, or only if `all` are"
    )
    nan: Literal["keep", "drop"] = Field(default="keep", title="NaN", description="`drop`: NaN counts as missing")

    def lower(self, pl: PolarsNamespace, main: Frame) -> Frame:
        chosen = pl.selectors.by_name(self.columns) if self.columns else pl.selectors.all()
        floats = chosen & pl.selectors.float()
        if self.how == "any":
            full = main.drop_nulls(chosen)
            return full.drop_nans(floats) if self.nan == "drop" else full
        if self.nan == "drop":
            missing = [floats.fill_nan(None).is_null(), (chosen - pl.selectors.float()).is_null()]
            return main.filter(~pl.all_horizontal(missing))
        return main.filter(~pl.all_horizontal(chosen.is_null()))

    def summary(self) -> str:
        columns = ", ".join(self.columns) or "all columns"
        return f"where {self.how} of {columns} {'is' if self.how == 'any' else 'are'} missing"

    examples = (
        Example(
            title="Rows with a name and an age",
            settings={"columns": ["name", "age"]},
            inputs={"main": Table({"name": ["ann", None, "cy"], "age": [1, 2, None], "note": [None, "x", "y"]})},
            output=Table({"name": ["ann"], "age": [1], "note": [None]}, dtypes={"note": "String"}),
            ordered=True,
        ),
        Example(
            title="Only rows that hold nothing go; NaN is nothing",
            settings={"how": "all", "nan": "drop"},
            inputs={"main": Table({"a": [1.5, float("nan"), float("nan")], "b": [None, None, "x"]})},
            output=Table({"a": [1.5, float("nan")], "b": [None, "x"]}),
            ordered=True,
        ),
    )
