"""Window: figures of each row among its neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from flowfile_engine.dtypes import dtype_text
from flowfile_engine.errors import SettingsError
from flowfile_engine.nodes.base import Example, Frame, Node, NodeInfo, PolarsNamespace, Table
from flowfile_engine.nodes.fields import Column, Columns, Name, Scalar, Settings, SortOrder
from flowfile_engine.nodes.lowering import check_new_names, dtype_of, ordered, over, typed_literal, unordered
from flowfile_engine.nodes.window_functions import (
    OF_NUMBERS,
    RANKS,
    WHOLE_GROUP,
    WITHOUT_COLUMN,
    Function,
    cumulative,
    ntile,
    of_group,
    of_neighbours,
    of_rows,
    rank,
    rolling,
)

if TYPE_CHECKING:
    import polars


class WindowFunction(Settings):
    """A figure, and the column that it fills."""

    function: Function = Field(title="Function")
    column: Column | None = Field(
        default=None, title="Of column", description="Not for ranks and row numbers", validate_default=True
    )
    name: Name | None = Field(default=None, title="New column", description="Empty: named after column and function")
    offset: int = Field(default=1, ge=1, title="Rows away", description="For lag, lead, difference and percent_change")
    default: Scalar = Field(default=None, title="Where there is no such row", description="For lag and lead")
    size: int = Field(default=3, ge=1, title="Rows", description="For rolling figures: the row and those before it")
    min_rows: int = Field(
        default=1, ge=0, title="At least", description="For rolling figures: with fewer values the result is missing"
    )
    buckets: int = Field(default=4, ge=1, title="Buckets", description="For ntile")

    @field_validator("column")
    @classmethod
    def _column_is_given(cls, column: str | None, info: ValidationInfo) -> str | None:
        function = info.data.get("function")
        if column is None and function is not None and function not in WITHOUT_COLUMN:
            raise PydanticCustomError("missing", "a column is needed")
        return column

    @field_validator("min_rows")
    @classmethod
    def _rows_suffice(cls, min_rows: int, info: ValidationInfo) -> int:
        if min_rows > info.data.get("size", min_rows):
            raise ValueError(f"a window of {info.data['size']} rows never has {min_rows}")
        return min_rows

    @property
    def output(self) -> str:
        """The new column's name."""
        if self.name is not None:
            return self.name
        return self.function if self.column is None else f"{self.column}_{self.function}"


class Window(Node):
    """Add figures that compare each row with others: ranks, earlier values, running totals, shares of a group.

    Rows are looked at within their group and in the given order, then stand where they stood. Without an order the
    rows count as they come. Rows that are equal in the order keep the order in which they come.

    `rank` leaves gaps after ties (1, 2, 2, 4), `dense_rank` none (1, 2, 2, 3); missing keys are ranked like values.
    Rolling figures are of the row and those before it, and of fewer rows at the beginning, unless `min_rows` asks for
    more. Running totals pass over missing values. `share` is the part of the group's sum, `percent_change` 0.1 for ten
    per cent more. The sum of nothing is 0.
    """

    type: Literal["window"] = "window"
    info = NodeInfo(
        title="Window",
        group="transform",
        icon="window",
        tags=("rank", "lag", "lead", "cumulative", "running total", "rolling", "moving average", "over", "partition"),
    )

    functions: Annotated[list[WindowFunction], Field(min_length=1)] = Field(title="Figures")
    partition_by: Columns = Field(default=[], title="Within groups of", description="Empty: all rows")
    order_by: SortOrder = Field(
        default=[], title="In the order of", description="Empty: as the rows come", validate_default=True
    )

    @field_validator("order_by")
    @classmethod
    def _ranks_have_an_order(cls, order_by: list[object], info: ValidationInfo) -> list[object]:
        ranks = [item.function for item in info.data.get("functions", []) if item.function in RANKS]
        if ranks and not order_by:
            raise PydanticCustomError("missing", "`{rank}` needs an order", {"rank": ranks[0]})
        return order_by

    def lower(self, pl: PolarsNamespace, main: Frame) -> Frame:
        schema = main.collect_schema()
        check_new_names(schema, [(item.output, f"functions.{i}.name") for i, item in enumerate(self.functions)])
        main, order = ordered(pl, main, self.order_by)
        figures = []
        for index, item in enumerate(self.functions):
            figure = self._figure(pl, schema, item, f"functions.{index}")
            within = over(figure, self.partition_by, None if item.function in WHOLE_GROUP else order)
            figures.append(within.alias(item.output))
        return unordered(main.with_columns(figures), self.order_by)

    def _figure(self, pl: PolarsNamespace, schema: polars.Schema, item: WindowFunction, field: str) -> polars.Expr:
        function = item.function
        if function in RANKS:
            return rank(pl, function, [key.column for key in self.order_by])
        if function == "ntile":
            return ntile(pl, item.buckets)
        if function in WITHOUT_COLUMN or item.column is None:
            return of_rows(pl, function, item.column)
        dtype = dtype_of(schema, item.column, f"{field}.column")
        if function in OF_NUMBERS and not dtype.is_numeric():
            message = f"`{function}` is for numbers, but the column {item.column!r} is {dtype_text(dtype)}"
            raise SettingsError(message, field=f"{field}.column")
        value = pl.col(item.column)
        if function in ("lag", "lead", "difference", "percent_change"):
            default = typed_literal(pl, item.default, dtype, f"{field}.default", exact=True)
            return of_neighbours(value, function, item.offset, default)
        if function.startswith("rolling_"):
            return rolling(value, function, item.size, item.min_rows)
        if function.startswith("cumulative_"):
            return cumulative(value, function)
        return of_group(pl, value, function)

    def summary(self) -> str:
        shown = ", ".join(item.output for item in self.functions)
        return f"{shown} within {', '.join(self.partition_by)}" if self.partition_by else shown

    examples = (
        Example(
            title="Rank and share of sales within each region",
            settings={
                "functions": [
                    {"function": "rank", "name": "place"},
                    {"function": "share", "column": "sales"},
                ],
                "partition_by": ["region"],
                "order_by": [{"column": "sales", "descending": True}],
            },
            inputs={"main": Table({"region": ["n", "n", "n", "s"], "sales": [10, 20, 10, 5]})},
            output=Table(
                {
                    "region": ["n", "n", "n", "s"],
                    "sales": [10, 20, 10, 5],
                    "place": [2, 1, 2, 1],
                    "sales_share": [0.25, 0.5, 0.25, 1.0],
                }
            ),
            ordered=True,
        ),
        Example(
            title="Change against the day before, and a running total",
            settings={
                "functions": [
                    {"function": "difference", "column": "stock", "name": "change"},
                    {"function": "cumulative_sum", "column": "sold", "name": "sold_so_far"},
                ],
                "order_by": [{"column": "day"}],
            },
            inputs={"main": Table({"day": [2, 1, 3], "stock": [7, 10, 4], "sold": [3, None, 3]})},
            output=Table(
                {
                    "day": [2, 1, 3],
                    "stock": [7, 10, 4],
                    "sold": [3, None, 3],
                    "change": [-3, None, -3],
                    "sold_so_far": [3, None, 6],
                }
            ),
            ordered=True,
        ),
        Example(
            title="Mean of three rows",
            settings={"functions": [{"function": "rolling_mean", "column": "t", "size": 3, "name": "smooth"}]},
            inputs={"main": Table({"t": [1.0, 2.0, 6.0, 1.0]})},
            output=Table({"t": [1.0, 2.0, 6.0, 1.0], "smooth": [1.0, 1.5, 3.0, 3.0]}),
            ordered=True,
        ),
    )
