"""Dynamic rename: many columns by one rule."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from flowfile_engine.errors import SettingsError
from flowfile_engine.expressions import regex_problem, regex_replaced
from flowfile_engine.nodes.base import Example, Frame, Node, NodeInfo, PolarsNamespace, Table
from flowfile_engine.nodes.fields import Column, Columns, Name, Settings
from flowfile_engine.nodes.targets import Target, is_target, shown_target

Rule = Literal[
    "prefix", "suffix", "remove_prefix", "remove_suffix", "replace", "regex", "upper", "lower", "title", "snake_case",
    "trim", "mapping",
]  # fmt: skip

WITH_TEXT = ("prefix", "suffix", "remove_prefix", "remove_suffix", "replace", "regex")

_WORD_STARTS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_IN_WORDS = re.compile(r"[\W_]+")


class Renaming(Settings):
    """A column and its new name."""

    column: Column
    name: Name


class DynamicRename(Node):
    """Rename all columns, or some, by one rule: a prefix, small letters, a text replaced in each name.

    The rule follows the columns that come: a source that gains a column tomorrow needs no change here. `snake_case`
    makes `unitPrice (EUR)` into `unit_price_eur`. In the new text of `regex`, `$1` stands for the first group. Two
    columns that would get the same name are an error.
    """

    type: Literal["dynamic_rename"] = "dynamic_rename"
    info = NodeInfo(
        title="Dynamic Rename",
        group="transform",
        icon="dynamic_rename",
        spread="rows",
        tags=("rename", "prefix", "suffix", "columns", "snake case", "header", "clean names"),
    )

    rule: Rule = Field(title="Rule")
    text: str = Field(
        default="", title="Text", description="The prefix or suffix, or the text looked for", validate_default=True
    )
    new_text: str = Field(default="", title="New text", description="For `replace` and `regex`")
    mapping: list[Renaming] = Field(default=[], title="New names", validate_default=True)
    apply_to: Target = Field(default="all", title="Rename", description="Named columns, or all of a kind")
    columns: Columns = Field(default=[], title="Columns", validate_default=True)

    @field_validator("text")
    @classmethod
    def _text_is_given(cls, text: str, info: ValidationInfo) -> str:
        rule = info.data.get("rule")
        if rule in WITH_TEXT and not text:
            raise PydanticCustomError("missing", "a text is needed")
        if rule == "regex" and regex_problem(text):
            raise ValueError(f"{text!r} is not a regular expression: {regex_problem(text)}")
        return text

    @field_validator("mapping")
    @classmethod
    def _mapping_is_given(cls, mapping: list[Renaming], info: ValidationInfo) -> list[Renaming]:
        if info.data.get("rule") == "mapping" and not mapping:
            raise PydanticCustomError("missing", "a new name is needed")
        return mapping

    @field_validator("columns")
    @classmethod
    def _columns_are_given(cls, columns: list[str], info: ValidationInfo) -> list[str]:
        needed = info.data.get("apply_to") == "columns" and info.data.get("rule") != "mapping"
        if needed and not columns:
            raise PydanticCustomError("missing", "a column is needed")
        return columns

    def lower(self, pl: PolarsNamespace, main: Frame) -> Frame:
        schema = main.collect_schema()
        if self.rule == "mapping":
            new = {item.column: item.name for item in self.mapping}
        elif self.apply_to == "columns":
            new = {name: self._renamed(name) for name in self.columns}
        else:
            new = {name: self._renamed(name) for name, dtype in schema.items() if is_target(self.apply_to, dtype)}
        self._check_clashes(list(schema), new)
        changed = {name: renamed for name, renamed in new.items() if renamed != name}
        return main.rename(changed) if changed else main

    def _check_clashes(self, names: list[str], new: dict[str, str]) -> None:
        field = "mapping" if self.rule == "mapping" else "rule"
        origin: dict[str, str] = {}
        for name in names:
            renamed = new.get(name, name)
            if not renamed:
                raise SettingsError(f"nothing would be left of the name {name!r}", field=field)
            if renamed in origin:
                message = f"the columns {origin[renamed]!r} and {name!r} would both be called {renamed!r}"
                raise SettingsError(message, hint="leave one of them out, or choose another rule", field=field)
            origin[renamed] = name

    def _renamed(self, name: str) -> str:
        match self.rule:
            case "prefix":
                return self.text + name
            case "suffix":
                return name + self.text
            case "remove_prefix":
                return name.removeprefix(self.text)
            case "remove_suffix":
                return name.removesuffix(self.text)
            case "replace":
                return name.replace(self.text, self.new_text)
            case "regex":
                return regex_replaced(name, self.text, self.new_text)
            case _:
                return _recased(name, self.rule)

    def summary(self) -> str:
        if self.rule == "mapping":
            return ", ".join(f"{item.column} to {item.name}" for item in self.mapping)
        text = f" {self.text!r}" if self.rule in WITH_TEXT else ""
        new = f" by {self.new_text!r}" if self.rule in ("replace", "regex") else ""
        return f"{self.rule.replace('_', ' ')}{text}{new} on {shown_target(self.apply_to, self.columns)}"

    examples = (
        Example(
            title="Names for a database",
            settings={"rule": "snake_case"},
            inputs={"main": Table({"unitPrice (EUR)": [1], "Order ID": [2]})},
            output=Table({"unit_price_eur": [1], "order_id": [2]}),
            ordered=True,
        ),
        Example(
            title="A prefix for some columns",
            settings={"rule": "prefix", "text": "old_", "apply_to": "columns", "columns": ["b"]},
            inputs={"main": Table({"a": [1], "b": [2]})},
            output=Table({"a": [1], "old_b": [2]}),
            ordered=True,
        ),
        Example(
            title="Two columns change names",
            settings={"rule": "mapping", "mapping": [{"column": "a", "name": "b"}, {"column": "b", "name": "a"}]},
            inputs={"main": Table({"a": [1], "b": ["x"]})},
            output=Table({"b": [1], "a": ["x"]}),
            ordered=True,
        ),
    )


def _recased(name: str, rule: str) -> str:
    match rule:
        case "upper":
            return name.upper()
        case "lower":
            return name.lower()
        case "title":
            return name.title()
        case "trim":
            return name.strip()
        case _:
            return "_".join(filter(None, _NOT_IN_WORDS.split(_WORD_STARTS.sub("_", name)))).lower()
