"""Filter: the rows that meet conditions."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from flowfile_engine.errors import SettingsError
from flowfile_engine.expressions import is_row_wise, regex_problem
from flowfile_engine.nodes.base import Example, Frame, Node, NodeInfo, PolarsNamespace, Spread, Table
from flowfile_engine.nodes.fields import Column, Expression, Scalar, Settings
from flowfile_engine.nodes.lowering import dtype_of, is_plain, typed_literal
from flowfile_engine.values import element_type

if TYPE_CHECKING:
    import polars

Operator = Literal[
    "=", "!=", "<", "<=", ">", ">=", "in", "not in", "between", "not between", "is null", "is not null",
    "contains", "does not contain", "starts with", "ends with", "matches", "is true", "is false", "is empty",
    "is not empty",
]  # fmt: skip

COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")
OF_TEXT = ("contains", "does not contain", "starts with", "ends with", "matches")
OF_LISTS = ("in", "not in", "between", "not between")


class Condition(Settings):
    """A column, an operator, and what the column is compared with."""

    column: Column = Field(title="Column")
    operator: Operator = Field(default="=", title="Operator")
    other: Column | None = Field(
        default=None, title="Other column", description="Compare with this column instead of a value"
    )
    value: Scalar = Field(
        default=None,
        title="Value",
        description="Read as the column's type: 2024-12-31 for a date, 12.5 for a number",
        validate_default=True,
    )
    values: list[Scalar] = Field(
        default=[],
        title="Values",
        description="For `in` and `not in`; for `between` the lower and the upper bound, both included",
        validate_default=True,
    )

    @field_validator("value")
    @classmethod
    def _value_is_given(cls, value: Any, info: ValidationInfo) -> Any:
        operator = info.data.get("operator")
        needed = operator in OF_TEXT or (operator in COMPARISONS and info.data.get("other") is None)
        if needed and (value is None or value == "") and not (value == "" and operator in ("=", "!=")):
            raise PydanticCustomError("missing", "a value is needed; for missing values use `is null`")
        if operator == "matches" and regex_problem(str(value)):
            raise ValueError(f"{value!r} is not a regular expression: {regex_problem(str(value))}")
        return value

    @field_validator("values")
    @classmethod
    def _values_are_given(cls, values: list[Any], info: ValidationInfo) -> list[Any]:
        operator = info.data.get("operator")
        if operator not in OF_LISTS:
            return values
        if not values or (operator.endswith("between") and len(values) < 2):
            raise PydanticCustomError("missing", "values are needed")
        if operator.endswith("between") and len(values) != 2:
            raise ValueError(f"`{operator}` takes a lower and an upper bound, not {len(values)} values")
        if None in values:
            raise ValueError("a missing value is found with `is null`, not in a list")
        return values

    def shown(self) -> str:
        """The condition as a person reads it."""
        if self.operator in OF_LISTS:
            listed = " and " if self.operator.endswith("between") else ", "
            return f"{self.column} {self.operator} {listed.join(map(str, self.values))}"
        if self.operator in COMPARISONS or self.operator in OF_TEXT:
            return f"{self.column} {self.operator} {self.other if self.other is not None else self.value}"
        return f"{self.column} {self.operator}"


class Filter(Node):
    """Keep the rows that meet conditions on their columns, or one SQL expression.

    A value is read as the type of its column: `2024-12-31` beside a date, `12.5` beside a number. A date beside a date
    with time means midnight.

    As in SQL, a condition on a missing value is neither true nor false: `country != 'NL'` drops the rows without a
    country. To keep them, add the condition `is null` and match any. `is empty` means missing or a text without
    characters. The order of the rows stays.
    """

    type: Literal["filter"] = "filter"
    info = NodeInfo(
        title="Filter", group="transform", icon="filter", spread="rows", tags=("where", "condition", "rows", "query")
    )

    mode: Literal["conditions", "expression"] = Field(default="conditions", title="By")
    match: Literal["all", "any"] = Field(default="all", title="Rows that meet", description="All conditions, or any")
    conditions: list[Condition] = Field(default=[], title="Conditions", validate_default=True)
    expression: Expression | None = Field(
        default=None, title="Expression", description="A SQL condition, as in `price > 10`", validate_default=True
    )

    @field_validator("conditions")
    @classmethod
    def _conditions_are_given(cls, conditions: list[Condition], info: ValidationInfo) -> list[Condition]:
        if info.data.get("mode") == "conditions" and not conditions:
            raise PydanticCustomError("missing", "a condition is needed")
        return conditions

    @field_validator("expression")
    @classmethod
    def _expression_is_given(cls, expression: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("mode") == "expression" and expression is None:
            raise PydanticCustomError("missing", "an expression is needed")
        return expression

    def lower(self, pl: PolarsNamespace, main: Frame) -> Frame:
        if self.mode == "expression":
            return main.filter(pl.sql_expr(self.expression))
        schema = main.collect_schema()
        predicates = [
            _predicate(pl, schema, condition, f"conditions.{index}") for index, condition in enumerate(self.conditions)
        ]
        return main.filter(predicates if self.match == "all" else pl.any_horizontal(predicates))

    def spread(self) -> Spread:
        if self.mode == "expression" and self.expression is not None and not is_row_wise(self.expression):
            return "whole"
        return "rows"

    def summary(self) -> str:
        if self.mode == "expression":
            return self.expression or ""
        return (" and " if self.match == "all" else " or ").join(condition.shown() for condition in self.conditions)

    examples = (
        Example(
            title="Orders of 2024 above 100",
            settings={
                "conditions": [
                    {"column": "day", "operator": "between", "values": ["2024-01-01", "2024-12-31"]},
                    {"column": "amount", "operator": ">", "value": "100"},
                ]
            },
            inputs={
                "main": Table(
                    {"day": [date(2023, 12, 31), date(2024, 5, 1), date(2024, 6, 1)], "amount": [500.0, 250.0, 80.0]}
                )
            },
            output=Table({"day": [date(2024, 5, 1)], "amount": [250.0]}),
            ordered=True,
        ),
        Example(
            title="Any of several conditions",
            settings={
                "match": "any",
                "conditions": [
                    {"column": "city", "operator": "in", "values": ["Delft", "Leiden"]},
                    {"column": "city", "operator": "is null"},
                ],
            },
            inputs={"main": Table({"city": ["Delft", "Gouda", None, "Leiden"], "n": [1, 2, 3, 4]})},
            output=Table({"city": ["Delft", None, "Leiden"], "n": [1, 3, 4]}),
            ordered=True,
        ),
        Example(
            title="Compare two columns",
            settings={"conditions": [{"column": "sold", "operator": ">", "other": "ordered"}]},
            inputs={"main": Table({"sold": [3, 5], "ordered": [4, 4]})},
            output=Table({"sold": [5], "ordered": [4]}),
            ordered=True,
        ),
        Example(
            title="A SQL expression",
            settings={"mode": "expression", "expression": "price * quantity > 20 AND name ILIKE 'a%'"},
            inputs={"main": Table({"name": ["Apple", "Pear"], "price": [5.0, 9.0], "quantity": [5, 5]})},
            output=Table({"name": ["Apple"], "price": [5.0], "quantity": [5]}),
            ordered=True,
        ),
    )


def _predicate(pl: PolarsNamespace, schema: polars.Schema, condition: Condition, field: str) -> polars.Expr:
    column = pl.col(condition.column)
    dtype = dtype_of(schema, condition.column, f"{field}.column")
    match condition.operator:
        case "is null":
            return column.is_null()
        case "is not null":
            return column.is_not_null()
        case "is true" | "is false":
            if not isinstance(dtype, pl.Boolean):
                raise SettingsError(
                    f"the column {condition.column!r} is {dtype}, Boolean is expected", field=f"{field}.operator"
                )
            return column if condition.operator == "is true" else ~column
        case "is empty" | "is not empty":
            return _emptiness(pl, column, dtype, condition, field)
        case _:
            pass
    if condition.operator in OF_TEXT:
        return _text_predicate(pl, column, dtype, condition, field)
    if condition.operator in OF_LISTS:
        return _list_predicate(pl, column, dtype, condition, field)
    if condition.other is not None:
        dtype_of(schema, condition.other, f"{field}.other")
        return _compared(column, condition.operator, pl.col(condition.other))
    return _compared(column, condition.operator, typed_literal(pl, condition.value, dtype, f"{field}.value"))


def _compared(column: polars.Expr, operator: str, value: Any) -> polars.Expr:
    match operator:
        case "=":
            return column == value
        case "!=":
            return column != value
        case "<":
            return column < value
        case "<=":
            return column <= value
        case ">":
            return column > value
        case _:
            return column >= value


def _emptiness(
    pl: PolarsNamespace, column: polars.Expr, dtype: polars.DataType, condition: Condition, field: str
) -> polars.Expr:
    if isinstance(dtype, pl.String):
        empty = column.fill_null("") == ""
    elif isinstance(dtype, pl.List):
        empty = column.list.len().fill_null(0) == 0
    else:
        hint = "use `is null`"
        message = f"the column {condition.column!r} is {dtype}: only text and lists can be empty"
        raise SettingsError(message, hint=hint, field=f"{field}.operator")
    return empty if condition.operator == "is empty" else ~empty


def _text_predicate(
    pl: PolarsNamespace, column: polars.Expr, dtype: polars.DataType, condition: Condition, field: str
) -> polars.Expr:
    operator, value = condition.operator, condition.value
    element = element_type(dtype)
    if element is not None and operator in ("contains", "does not contain"):
        found = column.list.contains(typed_literal(pl, value, element, f"{field}.value", exact=True))
        return found if operator == "contains" else ~found
    if isinstance(dtype, pl.Categorical | pl.Enum):
        column = column.cast(pl.String)
    elif not isinstance(dtype, pl.String):
        raise SettingsError(
            f"`{operator}` looks into text, but the column {condition.column!r} is {dtype}",
            hint="turn it into String with Select",
            field=f"{field}.operator",
        )
    text = typed_literal(pl, value, pl.String(), f"{field}.value")
    match operator:
        case "starts with":
            return column.str.starts_with(text)
        case "ends with":
            return column.str.ends_with(text)
        case "matches":
            return column.str.contains(text)
        case "contains":
            return column.str.contains(text, literal=True)
        case _:
            return ~column.str.contains(text, literal=True)


def _list_predicate(
    pl: PolarsNamespace, column: polars.Expr, dtype: polars.DataType, condition: Condition, field: str
) -> polars.Expr:
    between = condition.operator.endswith("between")
    values = [
        typed_literal(pl, value, dtype, f"{field}.values.{index}", exact=not between)
        for index, value in enumerate(condition.values)
    ]
    if between:
        # Texts are column names to `is_between`, literals to the comparison operators.
        found = (column >= values[0]) & (column <= values[1])
    elif all(map(is_plain, values)):
        found = column.is_in(values)
    else:
        found = pl.any_horizontal([column == value for value in values])
    return ~found if condition.operator.startswith("not") else found
