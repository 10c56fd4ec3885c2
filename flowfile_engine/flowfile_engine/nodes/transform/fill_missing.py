"""Fill missing: something in the place of nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from flowfile_engine.dtypes import dtype_text
from flowfile_engine.errors import RecordingError, SettingsError
from flowfile_engine.nodes.base import Example, Frame, Node, NodeInfo, PolarsNamespace, Spread, Table
from flowfile_engine.nodes.fields import Columns, Scalar, SortOrder
from flowfile_engine.nodes.lowering import dtype_of, is_plain, ordered, over, typed_literal, unordered
from flowfile_engine.nodes.targets import Target, dtypes_of_target, is_target, selector_of, shown_target
from flowfile_engine.values import fits

if TYPE_CHECKING:
    import polars

Strategy = Literal["value", "forward", "backward", "mean", "median", "min", "max", "zero", "one", "mode"]

OF_NUMBERS = ("mean", "median", "zero", "one")
OF_ORDERED = ("min", "max", "mode")
STREAMED = ("value", "zero", "one")


class FillMissing(Node):
    """Fill missing values with a value, a neighbour's value, or a figure of their column.

    `forward` and `backward` take the nearest value before or behind, in the given order or as the rows come. `mean`,
    `median`, `zero` and `one` fill numbers only: columns of other types among "all columns" stay as they are. `mean`
    and `median` turn whole-number columns into Float64, since the figure is seldom whole. `mode` is the most frequent
    value, of equally frequent ones the smallest. With group columns, each group is filled from its own rows; a group
    without any value stays missing.

    A value fills each of the columns that can hold it: "0" fills numbers and texts, "n/a" only texts. A named column
    that cannot hold it is an error.
    """

    type: Literal["fill_missing"] = "fill_missing"
    info = NodeInfo(
        title="Fill Missing",
        group="transform",
        icon="fill_missing",
        tags=("null", "na", "nan", "impute", "default", "coalesce", "fillna", "forward fill"),
    )

    apply_to: Target = Field(default="columns", title="Fill", description="Named columns, or all of a kind")
    columns: Columns = Field(default=[], title="Columns", validate_default=True)
    strategy: Strategy = Field(default="value", title="With")
    value: Scalar = Field(
        default=None, title="Value", description="Read as the column's type, as in 2024-12-31", validate_default=True
    )
    limit: int | None = Field(
        default=None, ge=1, title="At most", description="For `forward` and `backward`: how many rows in a row"
    )
    partition_by: Columns = Field(default=[], title="Within groups of", description="Not used for values")
    order_by: SortOrder = Field(
        default=[], title="In the order of", description="For `forward` and `backward`; empty: as the rows come"
    )
    nan: Literal["keep", "fill"] = Field(default="keep", title="NaN", description="`fill`: NaN counts as missing")

    @field_validator("columns")
    @classmethod
    def _columns_are_given(cls, columns: list[str], info: ValidationInfo) -> list[str]:
        if info.data.get("apply_to") == "columns" and not columns:
            raise PydanticCustomError("missing", "a column is needed")
        return columns

    @field_validator("value")
    @classmethod
    def _value_is_given(cls, value: Any, info: ValidationInfo) -> Any:
        if info.data.get("strategy") == "value" and value is None:
            raise PydanticCustomError("missing", "a value is needed")
        return value

    def lower(self, pl: PolarsNamespace, main: Frame) -> Frame:
        schema = main.collect_schema()
        chosen = self._chosen(pl, schema)
        if self.nan == "fill":
            main = main.with_columns((chosen & pl.selectors.float()).fill_nan(None))
        if self.strategy == "value":
            return main.with_columns(self._with_value(pl, schema))
        if self.strategy in ("forward", "backward"):
            main, order = ordered(pl, main, self.order_by)
            filled = chosen.forward_fill(self.limit) if self.strategy == "forward" else chosen.backward_fill(self.limit)
            return unordered(main.with_columns(over(filled, self.partition_by, order)), self.order_by)
        filler = self._filler(pl, chosen)
        if self.strategy in STREAMED:
            return main.with_columns(chosen.fill_null(filler))
        return main.with_columns(chosen.fill_null(over(filler, self.partition_by)))

    def _chosen(self, pl: PolarsNamespace, schema: polars.Schema) -> polars.Expr:
        if self.apply_to == "columns":
            for index, name in enumerate(self.columns):
                self._check(name, dtype_of(schema, name, f"columns.{index}"), f"columns.{index}")
        keys = [*self.partition_by, *(key.column for key in self.order_by)]
        chosen = selector_of(pl, self.apply_to, self.columns, keys)
        if self.apply_to == "columns":
            return chosen
        if self.strategy in OF_NUMBERS:
            return chosen & pl.selectors.numeric()
        return chosen - pl.selectors.nested() if self.strategy in OF_ORDERED else chosen

    def _check(self, name: str, dtype: polars.DataType, field: str) -> None:
        if self.strategy in OF_NUMBERS and not is_target("numeric", dtype):
            message = f"`{self.strategy}` fills numbers, but the column {name!r} is {dtype_text(dtype)}"
            raise SettingsError(message, hint="choose `value`, `mode` or a neighbour", field=field)
        if self.strategy in OF_ORDERED and dtype.is_nested():
            message = f"`{self.strategy}` cannot compare the values of {name!r}: it is {dtype_text(dtype)}"
            raise SettingsError(message, hint="choose `forward` or `backward`", field=field)

    def _filler(self, pl: PolarsNamespace, chosen: polars.Expr) -> Any:
        match self.strategy:
            case "mean":
                return chosen.mean()
            case "median":
                return chosen.median()
            case "min":
                return chosen.min()
            case "max":
                return chosen.max()
            case "mode":
                return chosen.drop_nulls().mode().min()
            case _:
                return pl.lit(0 if self.strategy == "zero" else 1)

    def _with_value(self, pl: PolarsNamespace, schema: polars.Schema) -> list[polars.Expr]:
        # One expression a type, not a column: the type decides what the value is.
        filled = []
        for dtype, names in dtypes_of_target(schema, self.apply_to, self.columns).items():
            if self.apply_to == "columns":
                chosen = pl.selectors.by_name(names)
            elif type(self.value) not in (bool, int, float, str):
                message = "which columns can hold a parameter's value is known only when the script runs"
                raise RecordingError(message, hint="name the columns", field="value")
            elif fits(self.value, dtype):
                chosen = pl.selectors.by_dtype(dtype)
            else:
                continue
            value = typed_literal(pl, self.value, dtype, "value", exact=True)
            filled.append(chosen.fill_null(pl.lit(value, dtype=dtype) if is_plain(value) else value))
        return filled

    def spread(self) -> Spread:
        return "rows" if self.strategy in STREAMED else "whole"

    def summary(self) -> str:
        shown = repr(self.value) if self.strategy == "value" else self.strategy
        return f"{shown_target(self.apply_to, self.columns)} with {shown}"

    examples = (
        Example(
            title="The last known price of each item",
            settings={
                "columns": ["price"],
                "strategy": "forward",
                "partition_by": ["item"],
                "order_by": [{"column": "day"}],
            },
            inputs={
                "main": Table({"item": ["a", "b", "a", "a"], "day": [3, 1, 1, 2], "price": [None, None, 5.0, None]})
            },
            output=Table({"item": ["a", "b", "a", "a"], "day": [3, 1, 1, 2], "price": [5.0, None, 5.0, 5.0]}),
            ordered=True,
        ),
        Example(
            title="Zero in all number columns",
            settings={"apply_to": "numeric", "strategy": "zero", "nan": "fill"},
            inputs={"main": Table({"a": [1, None], "b": [float("nan"), 2.5], "c": ["x", None]})},
            output=Table({"a": [1, 0], "b": [0.0, 2.5], "c": ["x", None]}),
            ordered=True,
        ),
        Example(
            title="A text for what is unknown",
            settings={"columns": ["city"], "strategy": "value", "value": "unknown"},
            inputs={"main": Table({"city": ["Delft", None]})},
            output=Table({"city": ["Delft", "unknown"]}),
            ordered=True,
        ),
        Example(
            title="The group's mean",
            settings={"columns": ["age"], "strategy": "mean", "partition_by": ["team"]},
            inputs={"main": Table({"team": ["x", "x", "x", "y"], "age": [20, None, 25, None]})},
            output=Table({"team": ["x", "x", "x", "y"], "age": [20.0, 22.5, 25.0, None]}),
            ordered=True,
        ),
    )
