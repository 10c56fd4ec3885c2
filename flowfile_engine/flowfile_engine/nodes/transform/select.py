"""Select: which columns go on, under which names, types and in which order."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from flowfile_engine.dtypes import parse_dtype
from flowfile_engine.nodes.base import Example, Frame, Node, NodeInfo, PolarsNamespace, Spread, Table
from flowfile_engine.nodes.fields import Column, DType, Name, Settings
from flowfile_engine.nodes.lowering import check_new_names, convert, dtype_of, guesses

if TYPE_CHECKING:
    import polars


class SelectColumn(Settings):
    """A column, and what becomes of it."""

    column: Column = Field(title="Column")
    rename: Name | None = Field(default=None, title="New name", description="Empty: keeps its name")
    dtype: DType | None = Field(default=None, title="Type", description="Empty: keeps its type")
    format: Name | None = Field(
        default=None,
        title="Format",
        description="How dates and times are written in text, as in %d/%m/%Y %H:%M; empty: ISO 8601, or what the first "
        "value looks like",
    )
    keep: bool = Field(default=True, title="Keep")

    @property
    def output(self) -> str:
        """The name under which it goes on."""
        return self.column if self.rename is None else self.rename


class Select(Node):
    """Pick, rename, reorder and convert columns.

    The listed columns come first, in the order of the list. Columns that are not listed follow behind them, unchanged,
    or are dropped: that also decides about columns that a source gains later. A column may be listed twice, under two
    names.

    Text becomes dates, times, numbers and booleans (`true`, `yes`, `on`, `1` and their opposites). A value that does
    not fit its new type stops the run, or becomes null if `strict` is off. Decimal places are cut off, not rounded,
    when a number becomes whole.
    """

    type: Literal["select"] = "select"
    info = NodeInfo(
        title="Select",
        group="transform",
        icon="select",
        spread="rows",
        tags=("columns", "rename", "cast", "convert", "drop", "reorder", "data type"),
    )

    columns: list[SelectColumn] = Field(default=[], title="Columns")
    others: Literal["keep_end", "drop"] = Field(
        default="keep_end", title="Columns not listed", description="`keep_end`: they follow behind the listed ones"
    )
    strict: bool = Field(
        default=True,
        title="Stop at values that do not fit",
        description="Off: a value that does not fit its new type becomes null",
    )

    @model_validator(mode="after")
    def _something_is_left(self) -> Self:
        if self.others == "drop" and not any(column.keep for column in self.columns):
            raise PydanticCustomError("value_error", "no column is left: list one, or keep the columns not listed")
        return self

    def lower(self, pl: PolarsNamespace, main: Frame) -> Frame:
        schema = main.collect_schema()
        kept = [(index, column) for index, column in enumerate(self.columns) if column.keep]
        listed = list(dict.fromkeys(column.column for column in self.columns))
        stay = set(schema).difference(listed) if self.others == "keep_end" else ()
        check_new_names(stay, [(column.output, f"columns.{index}.rename") for index, column in kept])
        chosen = [self._lowered(pl, schema, index, column) for index, column in kept]
        if self.others == "drop":
            return main.select(chosen)
        if not chosen:
            return main.drop(listed)
        return main.select([*chosen, pl.selectors.all() - pl.selectors.by_name(listed)])

    def _lowered(self, pl: PolarsNamespace, schema: polars.Schema, index: int, column: SelectColumn) -> polars.Expr:
        source = dtype_of(schema, column.column, f"columns.{index}.column")
        expression = pl.col(column.column)
        if column.dtype is not None:
            target = parse_dtype(column.dtype)
            if target != source or column.format is not None:
                expression = convert(pl, expression, source, target, strict=self.strict, format=column.format)
        return expression if column.rename is None else expression.alias(column.rename)

    def spread(self) -> Spread:
        return "whole" if any(guesses(column.dtype, column.format) for column in self.columns) else "rows"

    def summary(self) -> str:
        counts = {
            "kept": sum(column.keep for column in self.columns),
            "dropped": sum(not column.keep for column in self.columns),
            "renamed": sum(column.keep and column.rename is not None for column in self.columns),
            "converted": sum(column.keep and column.dtype is not None for column in self.columns),
        }
        shown = [f"{count} {what}" for what, count in counts.items() if count]
        return ", ".join([*shown, "others dropped" if self.others == "drop" else "others kept"])

    examples = (
        Example(
            title="Rename, convert and drop",
            settings={
                "columns": [
                    {"column": "day", "dtype": "Date", "format": "%d/%m/%Y"},
                    {"column": "qty", "rename": "quantity", "dtype": "Int64"},
                    {"column": "note", "keep": False},
                ]
            },
            inputs={
                "main": Table({"id": [1, 2], "qty": ["5", "7"], "note": ["", "x"], "day": ["31/12/2024", "01/02/2025"]})
            },
            output=Table({"day": [date(2024, 12, 31), date(2025, 2, 1)], "quantity": [5, 7], "id": [1, 2]}),
            ordered=True,
        ),
        Example(
            title="Only these columns, in this order",
            settings={"columns": [{"column": "b"}, {"column": "a"}], "others": "drop"},
            inputs={"main": Table({"a": [1, 2], "b": ["x", "y"], "c": [True, False]})},
            output=Table({"b": ["x", "y"], "a": [1, 2]}),
            ordered=True,
        ),
        Example(
            title="What does not fit becomes null",
            settings={
                "columns": [{"column": "paid", "dtype": "Boolean"}, {"column": "sum", "dtype": "Float64"}],
                "strict": False,
            },
            inputs={"main": Table({"paid": ["yes", "No", "?"], "sum": ["1.5", "n/a", "2"]})},
            output=Table({"paid": [True, False, None], "sum": [1.5, None, 2.0]}),
            ordered=True,
        ),
    )
