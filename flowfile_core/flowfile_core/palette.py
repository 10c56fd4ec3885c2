"""The palette and the function catalogue: the same for everybody, so made once and sent as bytes."""

from __future__ import annotations

import hashlib
import inspect
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pydantic import BaseModel, TypeAdapter

from flowfile_engine.functions import Function
from flowfile_engine.functions import functions as catalogue
from flowfile_engine.nodes.base import Example, Node
from flowfile_engine.nodes.registry import Registry, builtin_registry


class PortView(BaseModel):
    """A place where an edge ends (see `Port`)."""

    name: str
    multiple: bool
    named: bool
    optional: bool


class NodeTypeView(BaseModel):
    """A node type.

    Attributes:
        docs: what it does, in Markdown.
        settings_schema: JSON Schema of its settings; `x-widget` says which widget edits a field.
        examples: settings with small tables in and out.
    """

    type: str
    version: int
    title: str
    group: Literal["input", "transform", "combine", "aggregate", "output"]
    icon: str
    inputs: list[PortView]
    outputs: list[str]
    tags: list[str]
    runs_user_code: bool
    docs: str
    settings_schema: dict[str, Any]
    examples: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Cached:
    """An answer that never changes while the service runs."""

    body: bytes
    etag: str


def palette(registry: Registry | None = None) -> Cached:
    """All node types, in the palette's order."""
    views = [_view(node_type) for node_type in registry or builtin_registry()]
    return _cached(TypeAdapter(list[NodeTypeView]).dump_json(views))


def functions() -> Cached:
    """The functions of the expression editor."""
    return _cached(TypeAdapter(list[Function]).dump_json(list(catalogue())))


def _view(node_type: type[Node]) -> NodeTypeView:
    info = node_type.info
    schema = node_type.model_json_schema()
    schema.pop("description", None)
    schema.get("properties", {}).pop("type", None)
    return NodeTypeView(
        type=node_type.type_name(),
        version=node_type.version,
        title=info.title,
        group=info.group,
        icon=info.icon,
        inputs=[PortView(**asdict(port)) for port in info.ports],
        outputs=list(info.outputs),
        tags=list(info.tags),
        runs_user_code=node_type.runs_user_code,
        docs=_docs(node_type),
        settings_schema=schema,
        examples=[_example(example) for example in node_type.examples],
    )


def _docs(node_type: type[Node]) -> str:
    return inspect.getdoc(node_type) or ""


def _example(example: Example) -> dict[str, Any]:
    return asdict(example)


def _cached(body: bytes) -> Cached:
    return Cached(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')
