"""Pivot: the values of a column become columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator

from flowfile_engine.errors import DataError, SettingsError
from flowfile_engine.nodes.aggregation import AggregateFunction, aggregated, check_aggregate
from flowfile_engine.nodes.base import Example, Frame, Inputs, Node, NodeInfo, PolarsNamespace, Schema, Table
from flowfile_engine.nodes.fields import Column, Columns, Name

if TYPE_CHECKING:
    from flowfile_engine.recording import Script

BUILT_IN = ("sum", "mean", "median", "min", "max", "first", "last", "len")
"""Functions that Polars' pivot knows by name."""


class Pivot(Node):
    """Turn the values of one column into columns: one row for each index, one cell for each value.

    Say which values become columns, and the result's columns are known at once. Else they are found in the data, in
    ascending order, each time the flow runs. Null becomes a column named `null`. A cell that no row fills is null, or 0
    for sums and counts.
    """

    type: Literal["pivot"] = "pivot"
    info = NodeInfo(
        title="Pivot",
        group="aggregate",
        icon="pivot",
        tags=("crosstab", "wide", "spread", "long to wide", "spreadsheet"),
    )

    on: Column = Field(title="Column", description="Its values become columns")
    index: Columns = Field(default=[], title="Rows", description="One row for each combination. Empty: one row for all")
    values: Columns = Field(
        title="Values", description="What the cells hold. Several: the names are `value_column`", min_length=1
    )
    aggregate_function: AggregateFunction = Field(
        default="sum", title="Function", description="Makes one value of the rows that share a cell"
    )
    columns: list[str] = Field(
        default=[], title="New columns", description="The values that become columns. Empty: found in the data"
    )
    separator: Name = Field(
        default="_", title="Separator", description="Between the two parts of a name if there are several value columns"
    )
    max_columns: int = Field(
        default=1000, ge=1, title="At most", description="Stop if the data has more values than this"
    )

    @field_validator("index")
    @classmethod
    def _not_on(cls, value: list[str], info: ValidationInfo) -> list[str]:
        if info.data.get("on") in value:
            raise ValueError(f"{info.data['on']!r} becomes columns, so it cannot stay as rows")
        return value

    @field_validator("columns")
    @classmethod
    def _distinct(cls, value: list[str]) -> list[str]:
        double = next((name for place, name in enumerate(value) if name in value[:place]), None)
        if double is not None:
            raise ValueError(f"{double!r} is given twice")
        return value

    def lower(self, pl: PolarsNamespace, main: Frame) -> Frame:
        if not self.columns:
            raise SettingsError(
                "the new columns are found in the data when the flow runs", hint="or name them", field="columns"
            )
        return self._pivoted(pl, main, self.columns)

    def _pivoted(self, pl: PolarsNamespace, main: Frame, columns: list[str]) -> Frame:
        if self.aggregate_function in BUILT_IN:
            function: Any = self.aggregate_function
        else:
            function = aggregated(pl, pl.element(), self.aggregate_function)
        # As text, values of any type can be named in the settings, and null has a name too.
        return main.with_columns(pl.col(self.on).cast(pl.String).fill_null("null")).pivot(
            self.on,
            on_columns=columns,
            index=self.index,
            values=self.values,
            aggregate_function=function,
            maintain_order=True,
            separator=self.separator,
        )

    def resolve(self, main: Frame) -> Self:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The settings with the values that the data has; collects the distinct values of one column.

        Raises:
            DataError: there are more than allowed, or none.
        """
        if self.columns:
            return self
        from flowfile_engine.dtypes import parse_dtype

        distinct = main.select(self.on).unique().sort(self.on, nulls_last=True).head(self.max_columns + 1)
        texts = distinct.collect(engine="streaming").to_series().cast(parse_dtype("String")).fill_null("null").to_list()
        columns = list(dict.fromkeys(texts))
        if len(columns) > self.max_columns:
            raise DataError(
                f"{self.on!r} has more than {self.max_columns} distinct values, and each would become a column",
                hint="choose another column, name the columns, or allow more",
                field="max_columns",
            )
        if not columns:
            raise DataError(
                f"{self.on!r} has no values that could become columns: the input has no rows",
                hint="name the columns",
                field="columns",
            )
        clash = next((name for name in columns if name in self.index), None) if len(self.values) == 1 else None
        if clash is not None:
            raise DataError(
                f"{self.on!r} has the value {clash!r}, which is also the name of a column that stays",
                hint="rename that column first",
                field="index",
            )
        return self.model_copy(update={"columns": columns})

    def schema(self, inputs: Inputs) -> dict[str, Schema] | None:
        from flowfile_engine.compatibility import duplicates_at

        if not self.columns:
            return None
        with duplicates_at("columns", hint="rename the column that stays"):
            return super().schema(inputs)

    def check_columns(self, inputs: Inputs) -> None:
        super().check_columns(inputs)
        main = inputs.get("main")
        if main is None:
            return
        _check_nameable(main, self.on)
        for name in self.values:
            if name != self.on:
                check_aggregate(self.aggregate_function, main[name], name, "aggregate_function")

    def written_as(self, script: Script, inputs: Mapping[str, Any]) -> list[str] | None:
        if self.columns:
            return None
        from flowfile_engine.recording import Recorder, recorded_polars, recorded_value

        recorder, pl = Recorder(script), recorded_polars()
        distinct = inputs["main"].select(pl.col(self.on).unique().sort(nulls_last=True).cast(pl.String))
        rows = recorder.write(distinct, "pivot_values")
        name = script.fresh("pivot_columns")
        script.line(f'{name} = {rows}.collect().to_series().fill_null("null").unique(maintain_order=True).to_list()')
        result = self._pivoted(pl, inputs["main"], recorded_value(["null"], name))
        return [recorder.write(result, script.step or "pivot")]

    def summary(self) -> str:
        return f"{self.aggregate_function} of {', '.join(self.values)} for each {self.on}"

    examples = (
        Example(
            title="Sales of each shop by quarter",
            settings={"on": "quarter", "index": ["shop"], "values": ["sales"], "columns": ["Q1", "Q2"]},
            inputs={
                "main": Table(
                    {"shop": ["a", "a", "b", "a"], "quarter": ["Q1", "Q2", "Q1", "Q1"], "sales": [1, 2, 3, 4]}
                )
            },
            output=Table({"shop": ["a", "b"], "Q1": [5, 3], "Q2": [2, 0]}),
            ordered=True,
        ),
        Example(
            title="Columns found in the data, whatever they are",
            settings={"on": "year", "index": ["shop"], "values": ["sales"], "aggregate_function": "max"},
            inputs={"main": Table({"shop": ["a", "a", "b"], "year": [2024, 2023, None], "sales": [1, 2, 3]})},
            output=Table({"shop": ["a", "b"], "2023": [2, None], "2024": [1, None], "null": [None, 3]}),
            ordered=True,
        ),
        Example(
            title="Several value columns, and no rows but one",
            settings={"on": "kind", "values": ["cost", "gain"], "columns": ["x", "y"], "aggregate_function": "count"},
            inputs={"main": Table({"kind": ["x", "y", "x"], "cost": [1, 2, None], "gain": [4, 5, 6]})},
            output=Table(
                {"cost_x": [1], "cost_y": [1], "gain_x": [2], "gain_y": [1]},
                dtypes=dict.fromkeys(("cost_x", "cost_y", "gain_x", "gain_y"), "UInt32"),
            ),
        ),
    )


def _check_nameable(main: Schema, name: str) -> None:
    """Refuse a column whose values make no names."""
    from flowfile_engine.compatibility import kind_of

    if kind_of(main[name]) in ("nested", "binary", "duration", "object"):
        raise DataError(
            f"the values of {name!r} cannot become names of columns: it is {main[name]}",
            hint="make a text of it first",
            field="on",
        )
