"""Kinds of settings: what a field means beyond its Python type.

A kind does three things: it tells the Designer which widget edits the field (`x-widget` in the JSON Schema), it tells
which columns of which input a value names, and it lets the engine find file paths without knowing the node type.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic_core import CoreSchema

M = TypeVar("M", bound=BaseModel)

Widget = Literal[
    "column", "columns", "expression", "sql", "code", "file", "folder", "dtype", "value", "table", "join_keys",
    "sort_order", "aggregations", "secret",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class FieldKind:
    """What a field is, as metadata of its annotation.

    Attributes:
        widget: the editor that the Designer shows.
        input: the input port whose columns the field names or offers; None: of all inputs.
        options: further hints for the widget, copied into the JSON Schema as `x-...`.
    """

    widget: Widget
    input: str | None = "main"
    options: tuple[tuple[str, Any], ...] = field(default=())

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler(core_schema)
        schema["x-widget"] = self.widget
        if self.widget in {"column", "columns", "expression"}:
            schema["x-input"] = self.input
        schema.update({f"x-{name}": value for name, value in self.options})
        return schema


def _known_dtype(text: str) -> str:
    # Polars is imported here and not above: a field kind alone must not cost a process the import.
    from flowfile_engine.dtypes import dtype_text, parse_dtype
    from flowfile_engine.errors import SettingsError

    try:
        return dtype_text(parse_dtype(text))
    except SettingsError as error:
        raise ValueError(f"{error.message}; {error.hint}") from error


def _readable_expression(text: str) -> str:
    from flowfile_engine.expressions import expression_problem

    problem = expression_problem(text)
    if problem:
        raise ValueError(f"{text!r} is not an expression: {problem}")
    return text


def _readable_regex(text: str) -> str:
    from flowfile_engine.expressions import regex_problem

    problem = regex_problem(text)
    if problem:
        raise ValueError(f"{text!r} is not a regular expression: {problem}")
    return text


Name = Annotated[str, Field(min_length=1)]
"""A new column's name."""

Column = Annotated[str, Field(min_length=1), FieldKind("column")]
LeftColumn = Annotated[str, Field(min_length=1), FieldKind("column", "left")]
RightColumn = Annotated[str, Field(min_length=1), FieldKind("column", "right")]
Columns = Annotated[list[str], FieldKind("columns")]
LeftColumns = Annotated[list[str], FieldKind("columns", "left")]
RightColumns = Annotated[list[str], FieldKind("columns", "right")]

Expression = Annotated[str, Field(min_length=1), AfterValidator(_readable_expression), FieldKind("expression")]
"""A SQL expression over the columns of `main`, read by Polars' own parser."""

Regex = Annotated[str, Field(min_length=1), AfterValidator(_readable_regex)]
"""A regular expression in the syntax that Polars uses (no look-around, no back-references)."""

SqlQuery = Annotated[str, Field(min_length=1), FieldKind("sql", None)]
PythonCode = Annotated[str, Field(min_length=1), FieldKind("code", None, (("language", "python"),))]
FilePath = Annotated[str, Field(min_length=1), FieldKind("file", None)]
DType = Annotated[str, AfterValidator(_known_dtype), FieldKind("dtype", None)]

Scalar = Annotated[bool | int | float | str | None, FieldKind("value")]
"""A value typed by a person; the column that it is compared with decides what its text means."""


class Settings(BaseModel):
    """Base of the models nested in a node's settings."""

    model_config = ConfigDict(extra="forbid")


class JoinKey(Settings):
    """A column of the left input and the column of the right input that it must equal."""

    left: LeftColumn
    right: RightColumn


JoinKeys = Annotated[list[JoinKey], Field(min_length=1), FieldKind("join_keys", None)]


class SortKey(Settings):
    """A column to order by."""

    column: Column
    descending: bool = False
    nulls_last: bool = False


SortOrder = Annotated[list[SortKey], FieldKind("sort_order")]


@dataclass(frozen=True, slots=True)
class FieldValue:
    """A value found in a node's settings, with its kind and its place (`keys.0.left`)."""

    path: str
    kind: FieldKind
    value: Any


def field_values(model: BaseModel, prefix: str = "") -> Iterator[FieldValue]:
    """Every value in a model (and the models nested in it) whose field has a kind."""
    for name, annotation in _annotations(type(model)):
        yield from _walk(getattr(model, name), annotation, f"{prefix}{name}")


@cache
def _annotations(model: type[BaseModel]) -> list[tuple[str, Any]]:
    """Fields that can hold a kind: a plain number or text costs nothing when a node is walked."""
    found = []
    for name, info in model.model_fields.items():
        annotation = Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
        if _has_kind(annotation):
            found.append((name, annotation))
    return found


def _has_kind(annotation: Any) -> bool:
    if any(isinstance(meta, FieldKind) for meta in getattr(annotation, "__metadata__", ())):
        return True
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return bool(_annotations(annotation))
    return any(_has_kind(argument) for argument in get_args(annotation) if argument is not Ellipsis)


def _walk(value: Any, annotation: Any, path: str) -> Iterator[FieldValue]:
    if value is None:
        return
    if get_origin(annotation) is Annotated:
        inner, *metadata = get_args(annotation)
        kind = next((meta for meta in metadata if isinstance(meta, FieldKind)), None)
        if kind is not None:
            yield FieldValue(path, kind, value)
        yield from _walk(value, inner, path)
    elif isinstance(value, BaseModel):
        yield from field_values(value, f"{path}.")
    elif isinstance(value, list):
        arguments = get_args(annotation)
        for index, item in enumerate(value):
            yield from _walk(item, arguments[0] if arguments else Any, f"{path}.{index}")
    elif get_origin(annotation) in {Union, types.UnionType}:
        for option in get_args(annotation):
            yield from _walk(value, option, path)


def with_values(model: M, values: Mapping[str, Any]) -> M:
    """A copy of a model with other values at some dotted paths. The values are not validated."""
    if not values:
        return model
    copy = model.model_copy(deep=True)
    for path, value in values.items():
        *parents, last = path.split(".")
        holder: Any = copy
        for part in parents:
            holder = holder[int(part)] if isinstance(holder, list) else getattr(holder, part)
        if isinstance(holder, list):
            holder[int(last)] = value
        else:
            vars(holder)[last] = value
    return copy
