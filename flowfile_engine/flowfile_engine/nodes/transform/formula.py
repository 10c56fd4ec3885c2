"""Formula: new or changed columns from SQL expressions."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field, field_validator

from flowfile_engine.dtypes import parse_dtype
from flowfile_engine.expressions import is_row_wise
from flowfile_engine.nodes.base import Example, Frame, Node, NodeInfo, PolarsNamespace, Spread, Table
from flowfile_engine.nodes.fields import DType, Expression, Name, Settings
from flowfile_engine.nodes.lowering import convert, guesses


class FormulaColumn(Settings):
    """A column and the expression that fills it."""

    name: Name = Field(title="Column")
    expression: Expression = Field(title="Expression")
    dtype: DType | None = Field(default=None, title="Type", description="Empty: the type that the expression gives")


class Formula(Node):
    """Add columns, or change existing ones, with SQL expressions.

    All expressions see the columns as they come in: to build on a new column, add another Formula. An aggregate, as in
    `price / sum(price)`, is computed over all rows and repeated on each. A column whose name is taken is replaced.
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

    @field_validator("columns")
    @classmethod
    def _names_differ(cls, columns: list[FormulaColumn]) -> list[FormulaColumn]:
        names = [column.name for column in columns]
        for index, name in enumerate(names):
            if name in names[:index]:
                raise ValueError(f"two formulas fill the column {name!r}")
        return columns

    def lower(self, pl: PolarsNamespace, main: Frame) -> Frame:
        expressions = [pl.sql_expr(column.expression).alias(column.name) for column in self.columns]
        if any(column.dtype is not None for column in self.columns):
            given = main.select(expressions).collect_schema()
            expressions = [
                expression
                if column.dtype is None
                else convert(pl, expression, given[column.name], parse_dtype(column.dtype))
                for column, expression in zip(self.columns, expressions, strict=True)
            ]
        return main.with_columns(expressions)

    def spread(self) -> Spread:
        return (
            "rows"
            if all(is_row_wise(item.expression) and not guesses(item.dtype) for item in self.columns)
            else "whole"
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
        Example(
            title="A label by cases, and a date from text",
            settings={
                "columns": [
                    {"name": "size", "expression": "CASE WHEN kg > 10 THEN 'big' ELSE 'small' END"},
                    {"name": "day", "expression": "day", "dtype": "Date"},
                ]
            },
            inputs={"main": Table({"kg": [3, 30], "day": ["2024-12-31", "2025-01-01"]})},
            output=Table({"kg": [3, 30], "day": [date(2024, 12, 31), date(2025, 1, 1)], "size": ["small", "big"]}),
            ordered=True,
        ),
    )
