"""Split column: a text column into several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from flowfile_engine.expressions import regex_groups
from flowfile_engine.nodes.base import Example, Frame, Node, NodeInfo, PolarsNamespace, Table
from flowfile_engine.nodes.fields import Column, Name, Regex
from flowfile_engine.nodes.lowering import check_new_names, check_text

if TYPE_CHECKING:
    import polars


class SplitColumn(Node):
    """Split a text column into a fixed number of new columns, at a separator or by the groups of a regular expression.

    A text with fewer pieces than there are new columns leaves the last ones missing. What goes beyond the last column
    is dropped, or stays in the last column, unsplit. By a regular expression, the first group fills the first column,
    and so on; a text that does not match leaves all of them missing. The new columns come last.
    """

    type: Literal["split_column"] = "split_column"
    info = NodeInfo(
        title="Split Column",
        group="transform",
        icon="split_column",
        spread="rows",
        tags=("text to columns", "parse", "separate", "extract", "regex", "delimiter"),
    )

    column: Column = Field(title="Column")
    split_by: Literal["separator", "regex"] = Field(default="separator", title="By")
    separator: Annotated[str, Field(min_length=1)] = Field(default=",", title="Separator")
    pattern: Regex | None = Field(
        default=None,
        title="Regular expression",
        description="With a group in parentheses for each new column, as in (\\d+)-(\\w+)",
        validate_default=True,
    )
    names: Annotated[list[Name], Field(min_length=1)] = Field(title="New columns")
    remainder: Literal["drop", "keep_in_last"] = Field(
        default="drop", title="What goes beyond the last column", description="For splitting at a separator"
    )
    original: Literal["keep", "drop"] = Field(default="keep", title="The column itself")

    @field_validator("pattern")
    @classmethod
    def _pattern_is_given(cls, pattern: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("split_by") == "regex" and pattern is None:
            raise PydanticCustomError("missing", "a regular expression is needed")
        return pattern

    @field_validator("names")
    @classmethod
    def _names_have_groups(cls, names: list[str], info: ValidationInfo) -> list[str]:
        pattern = info.data.get("pattern")
        if info.data.get("split_by") == "regex" and pattern is not None and regex_groups(pattern) < len(names):
            raise ValueError(
                f"{pattern!r} has {regex_groups(pattern)} groups for {len(names)} columns; put each part in parentheses"
            )
        return names

    def lower(self, pl: PolarsNamespace, main: Frame) -> Frame:
        schema = main.collect_schema()
        check_text(schema, self.column, "column")
        stay = [name for name in schema if name != self.column] if self.original == "drop" else list(schema)
        check_new_names(stay, [(name, f"names.{index}") for index, name in enumerate(self.names)])
        pieces = [piece.alias(name) for piece, name in zip(self._pieces(pl), self.names, strict=True)]
        if self.original == "keep":
            return main.with_columns(pieces)
        return main.select([pl.selectors.all() - pl.selectors.by_name([self.column]), *pieces])

    def _pieces(self, pl: PolarsNamespace) -> list[polars.Expr]:
        text, count = pl.col(self.column).str, len(self.names)
        if self.split_by == "regex":
            return [text.extract(self.pattern, index + 1) for index in range(count)]
        if self.remainder == "keep_in_last":
            parts = text.splitn(self.separator, count)
        else:
            parts = text.split_exact(self.separator, count - 1)
        return [parts.struct.field(f"field_{index}") for index in range(count)]

    def summary(self) -> str:
        by = self.pattern if self.split_by == "regex" else self.separator
        return f"{self.column} by {by!r} into {', '.join(self.names)}"

    examples = (
        Example(
            title="First and last name",
            settings={"column": "name", "separator": " ", "names": ["first", "last"], "remainder": "keep_in_last"},
            inputs={"main": Table({"name": ["Ann Lee", "Jan van Dam", "Cher"]})},
            output=Table(
                {
                    "name": ["Ann Lee", "Jan van Dam", "Cher"],
                    "first": ["Ann", "Jan", "Cher"],
                    "last": ["Lee", "van Dam", None],
                }
            ),
            ordered=True,
        ),
        Example(
            title="The parts of a code, by a regular expression",
            settings={
                "column": "code",
                "split_by": "regex",
                "pattern": "([A-Z]+)-(\\d+)",
                "names": ["series", "number"],
                "original": "drop",
            },
            inputs={"main": Table({"code": ["AB-12", "none"], "n": [1, 2]})},
            output=Table({"n": [1, 2], "series": ["AB", None], "number": ["12", None]}),
            ordered=True,
        ),
    )
