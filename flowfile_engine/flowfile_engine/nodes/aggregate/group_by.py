"""Group by: one row for each group, with aggregates of its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from flowfile_engine.nodes.aggregation import AggregateFunction, aggregated, check_aggregate
from flowfile_engine.nodes.base import Example, Frame, Inputs, Node, NodeInfo, PolarsNamespace, Table
from flowfile_engine.nodes.fields import Column, Columns, FieldKind, Name, Settings

if TYPE_CHECKING:
    import polars


class Aggregation(Settings):
    """What one new column says about a group."""

    column: Column | None = Field(default=None, title="Column", description="Empty for `len`: the number of rows")
    function: AggregateFunction = Field(title="Function")
    name: Name | None = Field(
        default=None, title="New name", description="Empty: the column's name and the function's, as amount_sum"
    )
    quantile: float = Field(default=0.5, ge=0, le=1, title="Quantile", description="For `quantile`: 0 to 1")
    separator: str = Field(default=", ", title="Separator", description="For `concat`: stands between the texts")

    @model_validator(mode="after")
    def _has_column(self) -> Aggregation:
        if self.column is None and self.function != "len":
            raise ValueError(f"{self.function} needs a column")
        return self

    @property
    def usual_name(self) -> str:
        """The name of the new column unless the person gives one."""
        if self.column is None:
            return "len"
        return f"{self.column}_{self.function}" + (f"_{self.quantile:g}" if self.function == "quantile" else "")

    def expression(self, pl: PolarsNamespace) -> polars.Expr:
        """The aggregate, still under the name that Polars gives it."""
        if self.column is None:
            return pl.len()
        values = pl.col(self.column)
        return aggregated(pl, values, self.function, quantile=self.quantile, separator=self.separator)


class GroupBy(Node):
    """Make one row for each combination of values in some columns, with sums, means, counts, ... of its rows.

    Without group columns there is one row for the whole table. Nulls are a group of their own. Except for `len`,
    `n_unique`, `first`, `last` and `list`, aggregates pass nulls over; `mode` gives the smallest of the most frequent
    values.
    """

    type: Literal["group_by"] = "group_by"
    info = NodeInfo(
        title="Group by",
        group="aggregate",
        icon="group-by",
        spread="key",
        tags=("aggregate", "summarize", "sum", "count", "average", "mean", "total"),
    )

    by: Columns = Field(default=[], title="Group by", description="Empty: one row for all")
    aggregations: Annotated[list[Aggregation], FieldKind("aggregations")] = Field(
        default=[], title="Aggregations", description="Empty: only the groups", validate_default=True
    )
    maintain_order: bool = Field(
        default=False,
        title="Keep order",
        description="Groups come in the order in which they first appear; else in any order, which is quicker",
    )

    @field_validator("aggregations")
    @classmethod
    def _distinct_names(cls, value: list[Aggregation], info: ValidationInfo) -> list[Aggregation]:
        by = info.data.get("by", [])
        if not value and not by:
            raise ValueError("a column to group by or an aggregation is needed")
        given = [item.name for item in value if item.name is not None]
        for place, name in enumerate(given):
            if name in by:
                raise ValueError(f"the new name {name!r} is the name of a group column")
            if name in given[:place]:
                raise ValueError(f"the new name {name!r} is given twice")
        return value

    def names(self) -> list[str]:
        """The names of the new columns. Those that nobody gave never clash with others: a number is added."""
        taken = {*self.by, *(item.name for item in self.aggregations if item.name is not None)}
        names = []
        for item in self.aggregations:
            name = item.name
            if name is None:
                name, number = item.usual_name, 1
                while name in taken:
                    number += 1
                    name = f"{item.usual_name}_{number}"
                taken.add(name)
            names.append(name)
        return names

    def lower(self, pl: PolarsNamespace, main: Frame) -> Frame:
        columns = [item.expression(pl).alias(name) for item, name in zip(self.aggregations, self.names(), strict=True)]
        if not self.by:
            return main.select(columns)
        return main.group_by(self.by, maintain_order=self.maintain_order).agg(columns)

    def check_columns(self, inputs: Inputs) -> None:
        super().check_columns(inputs)
        main = inputs.get("main")
        for place, item in enumerate(self.aggregations):
            if main is not None and item.column is not None:
                check_aggregate(item.function, main[item.column], item.column, f"aggregations.{place}.function")

    def spread(self) -> Literal["rows", "key", "whole"]:
        return "key" if self.by else "whole"

    def summary(self) -> str:
        made = ", ".join(self.names()[:3]) + (", ..." if len(self.aggregations) > 3 else "")
        groups = f"by {', '.join(self.by)}" if self.by else "all rows"
        return f"{groups}: {made}" if made else groups

    examples = (
        Example(
            title="Sales per shop",
            settings={
                "by": ["shop"],
                "aggregations": [
                    {"column": "amount", "function": "sum"},
                    {"column": "amount", "function": "mean", "name": "average"},
                    {"function": "len", "name": "orders"},
                ],
            },
            inputs={"main": Table({"shop": ["a", "b", "a"], "amount": [3, 5, 8]})},
            output=Table(
                {"shop": ["a", "b"], "amount_sum": [11, 5], "average": [5.5, 5.0], "orders": [2, 1]},
                dtypes={"orders": "UInt32"},
            ),
        ),
        Example(
            title="One row for the whole table",
            settings={
                "aggregations": [
                    {"column": "amount", "function": "quantile", "quantile": 0.25},
                    {"column": "amount", "function": "count"},
                    {"column": "shop", "function": "n_unique"},
                ]
            },
            inputs={"main": Table({"shop": ["a", "b", "a"], "amount": [1, 2, None]})},
            output=Table(
                {"amount_quantile_0.25": [1.25], "amount_count": [2], "shop_n_unique": [2]},
                dtypes={"amount_count": "UInt32", "shop_n_unique": "UInt32"},
            ),
        ),
        Example(
            title="The goods of each order as one text, in the order of the rows",
            settings={
                "by": ["order"],
                "aggregations": [{"column": "good", "function": "concat", "separator": "; ", "name": "goods"}],
                "maintain_order": True,
            },
            inputs={"main": Table({"order": [2, 1, 2], "good": ["nut", "bolt", "screw"]})},
            output=Table({"order": [2, 1], "goods": ["nut; screw", "bolt"]}),
            ordered=True,
        ),
    )
