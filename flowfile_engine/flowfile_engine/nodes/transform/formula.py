"""Formula: new or changed columns from SQL expressions."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from flowfile_engine.nodes.base import Example, Frame, Node, NodeInfo, PolarsNamespace, Table
from flowfile_engine.nodes.fields import DType, Expression, Name, Settings
from flowfile_engine.nodes.lowering import cast


class FormulaColumn(Settings):
    """A column and the expression that fills it."""

    name: Name = Field(title="Column")
    expression: Expression = Field(title="Expression")
    dtype: DType | None = Field(default=None, title="Type", description="Empty: the type that the expression gives")


class Formula(Node):
    """Add columns, or change existing ones, with SQL expressions.

    All expressions see the columns as they come in: to build on a new column, add another Formula.
    """

    type: Literal["formula"] = "formula"
    info = NodeInfo(
        title="Formula",
        group="transform",
        icon="formula",
        spread="rows",
        tags=("expression", "calculate", "with columns", "new column"),
    )

    columns: list[FormulaColumn] = Field(title="Columns", min_length=1)

    def lower(self, pl: PolarsNamespace, main: Frame) -> Frame:
        return main.with_columns(
            [cast(pl.sql_expr(column.expression), column.dtype).alias(column.name) for column in self.columns]
        )

    def summary(self) -> str:
        first = self.columns[0]
        more = f" and {len(self.columns) - 1} more" if len(self.columns) > 1 else ""
        return f"{first.name} = {first.expression}{more}"

    examples = (
        Example(
            title="Revenue after discount",
            settings={"columns": [{"name": "revenue", "expression": "price * (1 - discount)"}]},
            inputs={"main": Table({"price": [10.0, 20.0], "discount": [0.5, 0.25]})},
            output=Table({"price": [10.0, 20.0], "discount": [0.5, 0.25], "revenue": [5.0, 15.0]}),
            ordered=True,
        ),
    )
