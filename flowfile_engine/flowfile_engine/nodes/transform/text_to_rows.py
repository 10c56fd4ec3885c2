"""Text to rows: one row for each piece of a text, or each element of a list."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from flowfile_engine.dtypes import dtype_text
from flowfile_engine.errors import SettingsError
from flowfile_engine.expressions import regex_problem
from flowfile_engine.nodes.base import Example, Frame, Node, NodeInfo, PolarsNamespace, Table
from flowfile_engine.nodes.fields import Column, Name
from flowfile_engine.nodes.lowering import check_new_names, dtype_of


class TextToRows(Node):
    r"""Split a text column into rows, or unfold a list column: the other columns are repeated.

    Text is split at a separator, or wherever a regular expression matches; spaces around a comma go with the
    expression `\s*,\s*`. A list or array column needs no separator.

    With `empty: keep`, a row whose value is missing or an empty list stays, with nothing in the column, and so do empty
    pieces (`a,,b` gives three rows). With `drop` none of these give a row.
    """

    type: Literal["text_to_rows"] = "text_to_rows"
    info = NodeInfo(
        title="Text to Rows",
        group="transform",
        icon="text_to_rows",
        spread="rows",
        tags=("explode", "split", "unnest", "list", "unfold", "tokenize"),
    )

    column: Column = Field(title="Column", description="Text, a list or an array")
    split_by: Literal["separator", "regex"] = Field(
        default="separator", title="The separator is", description="A text as it is, or a regular expression"
    )
    separator: Annotated[str, Field(min_length=1)] = Field(
        default=",", title="Separator", description="For text; not used for lists"
    )
    empty: Literal["keep", "drop"] = Field(default="keep", title="Missing values and empty pieces")
    name: Name | None = Field(
        default=None, title="New column", description="Empty: the pieces take the place of the column"
    )

    @field_validator("separator")
    @classmethod
    def _separator_is_readable(cls, separator: str, info: ValidationInfo) -> str:
        problem = regex_problem(separator) if info.data.get("split_by") == "regex" else ""
        if problem:
            raise ValueError(f"{separator!r} is not a regular expression: {problem}")
        return separator

    def lower(self, pl: PolarsNamespace, main: Frame) -> Frame:
        schema = main.collect_schema()
        dtype = dtype_of(schema, self.column, "column")
        target, pieces = self.column, pl.col(self.column)
        if self.name is not None:
            check_new_names(schema, [(self.name, "name")])
            target = self.name
        if isinstance(dtype, pl.String):
            pieces = pieces.str.split(self.separator, literal=self.split_by == "separator")
        elif not isinstance(dtype, pl.List | pl.Array):
            message = f"the column {self.column!r} is {dtype_text(dtype)}, text or a list is expected"
            raise SettingsError(message, hint="turn it into String with Select", field="column")
        split = main.with_columns(pieces.alias(target))
        keep = self.empty == "keep"
        if isinstance(dtype, pl.Array):
            # An array is as long in each row: only missing ones could be dropped.
            rows = (split if keep else split.filter(pl.col(target).is_not_null())).explode(target)
        else:
            rows = split.explode(target, empty_as_null=keep, keep_nulls=keep)
        return rows.filter(pl.col(target) != "") if isinstance(dtype, pl.String) and not keep else rows

    def summary(self) -> str:
        into = f" into {self.name}" if self.name is not None else ""
        return f"{self.column} at {self.separator!r}{into}"

    examples = (
        Example(
            title="One row for each tag",
            settings={"column": "tags"},
            inputs={"main": Table({"id": [1, 2, 3], "tags": ["red,blue", "green", None]})},
            output=Table({"id": [1, 1, 2, 3], "tags": ["red", "blue", "green", None]}),
            ordered=True,
        ),
        Example(
            title="Unfold a list column and forget empty ones",
            settings={"column": "scores", "empty": "drop", "name": "score"},
            inputs={"main": Table({"id": [1, 2], "scores": [[5, 6], []]}, dtypes={"scores": "List(Int64)"})},
            output=Table({"id": [1, 1], "scores": [[5, 6], [5, 6]], "score": [5, 6]}),
            ordered=True,
        ),
        Example(
            title="Split at commas and semicolons, with the spaces around them",
            settings={"column": "names", "separator": "\\s*[,;]\\s*", "split_by": "regex", "empty": "drop"},
            inputs={"main": Table({"names": ["ann , bob;cy", ""]})},
            output=Table({"names": ["ann", "bob", "cy"]}),
            ordered=True,
        ),
    )
