"""`flowfile nodes`: the node types, and the documentation of one."""

from __future__ import annotations

import dataclasses
import inspect
import json
import sys
from itertools import groupby, zip_longest
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from flowfile.cli import exits
from flowfile.cli.settings_help import Setting, settings_of
from flowfile.cli.tables import print_heading, print_table
from flowfile_engine.nodes.base import Example, Node, Table
from flowfile_engine.nodes.registry import GROUPS, builtin_registry


class NodeSummary(BaseModel):
    """A node type in the list of all."""

    type: str
    title: str
    group: str
    summary: str
    inputs: list[str]
    outputs: list[str]


class NodeHelp(NodeSummary):
    """A node type whole. `json_schema` is the schema of its settings."""

    version: int
    documentation: str
    settings: list[Setting]
    json_schema: dict[str, Any]
    examples: list[dict[str, Any]]


def list_nodes(*, as_json: bool) -> int:
    """Print the node types by group; gives the exit code."""
    types = sorted(builtin_registry(), key=lambda found: (GROUPS.index(found.info.group), found.type_name()))
    summaries = [NodeSummary(**_summary(found)) for found in types]
    if as_json:
        sys.stdout.write(json.dumps([summary.model_dump() for summary in summaries], indent=2) + "\n")
        return exits.FINE
    for place, (group, members) in enumerate(groupby(summaries, key=lambda summary: summary.group)):
        sys.stdout.write("\n" if place else "")
        print_table([group, "", ""], [(member.type, member.title, member.summary) for member in members])
    return exits.FINE


def explain_node(type_name: str, *, as_json: bool) -> int:
    """Print the documentation of a node type; gives the exit code.

    Raises:
        NodeTypeError: there is none of that name.
    """
    node_type = builtin_registry()[type_name]
    schema = node_type.model_json_schema()
    found = NodeHelp(
        **_summary(node_type),
        version=node_type.version,
        documentation=_documentation(node_type),
        settings=settings_of(schema),
        json_schema=schema,
        examples=[to_jsonable_python(dataclasses.asdict(example), fallback=str) for example in node_type.examples],
    )
    if as_json:
        sys.stdout.write(found.model_dump_json(indent=2) + "\n")
    else:
        _print(found, node_type)
    return exits.FINE


def _summary(node_type: type[Node]) -> dict[str, Any]:
    info = node_type.info
    ports = [
        port.name + (" (several)" if port.multiple else "") + (" (optional)" if port.optional else "")
        for port in info.ports
    ]
    first = _documentation(node_type).partition("\n\n")[0].replace("\n", " ")
    return {
        "type": node_type.type_name(),
        "title": info.title,
        "group": info.group,
        "summary": first,
        "inputs": ports,
        "outputs": list(info.outputs),
    }


def _documentation(node_type: type[Node]) -> str:
    return inspect.cleandoc(node_type.__doc__ or "")


def _print(found: NodeHelp, node_type: type[Node]) -> None:
    print_heading(f"{found.title} ({found.type}) · {found.group}")
    sys.stdout.write(f"\n{found.documentation}\n\n")
    sys.stdout.write(f"Inputs:  {', '.join(found.inputs) or 'none'}\n")
    sys.stdout.write(f"Outputs: {', '.join(found.outputs) or 'none'}\n\n")
    rows = [
        (item.name, item.type, "required" if item.required else item.default, item.description)
        for item in found.settings
    ]
    print_table(["setting", "type", "default", "meaning"], rows)
    for example in node_type.examples:
        sys.stdout.write("\n")
        print_heading(f"Example: {example.title}")
        _print_example(example)


def _print_example(example: Example) -> None:
    settings = yaml.safe_dump({"settings": to_jsonable_python(example.settings)}, sort_keys=False, allow_unicode=True)
    sys.stdout.write(_indented(settings))
    for name, content in example.files.items():
        sys.stdout.write(f"  file {name}:\n{_indented(content, 4)}")
    for name, table in _tables(example.inputs, "input"):
        sys.stdout.write(f"  {name}:\n{_table_text(table)}")
    for name, table in _tables(example.output, "output"):
        sys.stdout.write(f"  {name}:\n{_table_text(table)}")


def _indented(text: str, width: int = 2) -> str:
    return "".join(f"{' ' * width}{line}\n" for line in text.splitlines())


def _tables(content: Any, name: str) -> list[tuple[str, Table]]:
    """The tables in an example's input or output, whatever their shape, each with a name."""
    match content:
        case Table():
            return [(name, content)]
        case dict():
            return [pair for key, item in content.items() for pair in _tables(item, f"{name} {key}")]
        case list():
            return [pair for place, item in enumerate(content, 1) for pair in _tables(item, f"{name} {place}")]
        case _:
            return []


def _table_text(table: Table) -> str:
    """A table in aligned columns."""
    columns = [[name, *map(_cell, values)] for name, values in table.columns.items()]
    widths = [max(map(len, column)) for column in columns]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in zip_longest(*columns, fillvalue="")
    ]
    return _indented("\n".join(lines) or "(no columns)", 4)


def _cell(value: object) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
