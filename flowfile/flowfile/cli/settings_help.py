"""A node type's settings as a list that a person reads, from the class's JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

JsonSchema = dict[str, Any]

_NAMES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "nothing",
}


class Setting(BaseModel):
    """One setting, or a setting within a setting.

    Attributes:
        name: the dotted path; `conditions[].column` is the column of each item of `conditions`.
        default: as JSON; None where the setting is required.
    """

    name: str
    type: str
    required: bool
    default: str | None = None
    description: str = ""


def settings_of(schema: JsonSchema) -> list[Setting]:
    """The settings of a node type, each followed by those within it."""
    return list(_settings(schema, schema.get("$defs", {}), "", ()))


def _settings(schema: JsonSchema, models: JsonSchema, prefix: str, within: tuple[str, ...]) -> Iterator[Setting]:
    required = schema.get("required", [])
    for name, field in schema.get("properties", {}).items():
        if not prefix and name == "type":
            continue
        path = f"{prefix}{name}"
        yield Setting(
            name=path,
            type=_type(field),
            required=name in required,
            default=None if name in required else json.dumps(field.get("default"), ensure_ascii=False),
            description=field.get("description", "") or _title(name, field),
        )
        for model, suffix in _models(field):
            if model not in within:  # a model may hold itself
                yield from _settings(models[model], models, f"{path}{suffix}.", (*within, model))


def _title(name: str, field: JsonSchema) -> str:
    """The title, unless it says no more than the name."""
    title = field.get("title", "")
    return "" if title.lower().replace(" ", "_") == name.lower() else title


def _models(field: JsonSchema, suffix: str = "") -> Iterator[tuple[str, str]]:
    """The models that a field holds, each with what stands between the field's name and the model's own settings."""
    if "$ref" in field:
        yield field["$ref"].rpartition("/")[2], suffix
    for choice in (*field.get("anyOf", ()), *field.get("oneOf", ())):
        yield from _models(choice, suffix)
    if isinstance(field.get("items"), dict):
        yield from _models(field["items"], f"{suffix}[]")
    if isinstance(field.get("additionalProperties"), dict):
        yield from _models(field["additionalProperties"], f"{suffix}.*")


def _type(field: JsonSchema) -> str:
    """A field's type in words."""
    widget = field.get("x-widget")
    if widget in ("column", "columns", "expression", "file", "folder", "dtype", "value", "code", "sql", "secret"):
        return {"columns": "list of columns", "dtype": "type", "sql": "SQL"}.get(widget, widget)
    if "enum" in field:
        return " | ".join(map(str, field["enum"]))
    if "const" in field:
        return str(field["const"])
    choices = [*field.get("anyOf", ()), *field.get("oneOf", ())]
    if choices:
        names = dict.fromkeys(_type(choice) for choice in choices if choice.get("type") != "null")
        return " or ".join(names)
    if "$ref" in field:
        return "group"
    match field.get("type"):
        case "array":
            inner = _type(field["items"]) if isinstance(field.get("items"), dict) else ""
            return f"list of {'groups' if inner == 'group' else inner}" if inner else "list"
        case "object":
            return "mapping"
        case str(kind):
            return _NAMES.get(kind, kind)
        case _:
            return "anything"
