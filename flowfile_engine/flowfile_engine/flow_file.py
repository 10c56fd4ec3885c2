"""The flow file: YAML that a person can read and a version control can compare.

```yaml
flowfile: 1
uuid: 5a3c...
name: Late flights by carrier
mode: development
parameters:
  min_delay: {type: number, default: 15}
nodes:
- id: flights
  type: read
  settings: {path: data/flights.parquet}
- id: late
  type: filter
  inputs: {main: flights}
  settings: {expression: arr_delay > ${min_delay}}
layout:
  flights: [0, 0]
```

An input is the id of the step it reads; where more is to be said, `{node: orders, output: rejected, name: orders}`;
for a port that takes several, a list of these. Node positions stand apart at the end, so that moving a node touches no
setting.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from flowfile_engine.errors import FlowFileFormatError
from flowfile_engine.graph.document import Edge, FlowDocument, FlowSettings, Parameter, Position, StepDocument

FORMAT = 1
"""The version of the file's own shape; node types have versions of their own."""

ENDING = ".flow.yaml"

Upgrade = Callable[[dict[str, Any]], dict[str, Any]]

MIGRATIONS: dict[int, Upgrade] = {}
"""By format version: what turns a file of that version into one of the next. Pure functions of plain data."""


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # pyright: ignore[reportUntypedBaseClass]
    """Writes long texts as blocks, and never anchors."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def _text(dumper: Any, text: str) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def dump(document: FlowDocument) -> str:
    """The text of a flow. The same flow always gives the same text."""
    settings = document.flow_settings
    raw: dict[str, Any] = {"flowfile": FORMAT, "uuid": document.uuid, "name": settings.name}
    if settings.description:
        raw["description"] = settings.description
    raw["mode"] = settings.mode
    if document.parameters:
        raw["parameters"] = {
            name: item.model_dump(exclude_defaults=True) | {"type": item.type}
            for name, item in document.parameters.items()
        }
    incoming: dict[Any, list[Edge]] = {}
    for edge in document.edges:
        incoming.setdefault(edge.target, []).append(edge)
    raw["nodes"] = [_dump_step(step, incoming.get(step.id, [])) for step in document.steps]
    if document.layout:
        known = {str(step.id): step.id for step in document.steps}
        raw["layout"] = {
            known[key]: [round(at.x, 1), round(at.y, 1)] for key, at in document.layout.items() if key in known
        }
    return yaml.dump(raw, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)


def _dump_step(step: StepDocument, edges: list[Edge]) -> dict[str, Any]:
    raw: dict[str, Any] = {"id": step.id, "type": step.type}
    if step.version != 1:
        raw["version"] = step.version
    if step.title:
        raw["title"] = step.title
    if step.description:
        raw["description"] = step.description
    if step.cache_results:
        raw["cache_results"] = True
    if edges:
        inputs: dict[str, Any] = {}
        for edge in edges:
            inputs.setdefault(edge.input, []).append(_dump_end(edge))
        raw["inputs"] = {port: ends[0] if len(ends) == 1 else ends for port, ends in inputs.items()}
    raw["settings"] = step.settings
    return raw


def _dump_end(edge: Edge) -> Any:
    if edge.output == "main" and edge.name is None:
        return edge.source
    end: dict[str, Any] = {"node": edge.source}
    if edge.output != "main":
        end["output"] = edge.output
    if edge.name is not None:
        end["name"] = edge.name
    return end


def load(text: str) -> FlowDocument:
    """The flow that a text holds, whatever format version wrote it.

    Raises:
        FlowFileFormatError: not YAML, not a flow, or of a newer format; with the place where known.
    """
    try:
        raw = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        place = f" (line {where.line + 1})" if where else ""
        raise FlowFileFormatError(f"the file is not YAML{place}: {getattr(error, 'problem', error)}") from error
    except (ValueError, RecursionError) as error:
        raise FlowFileFormatError(f"the file is not a flow: {error}") from error
    if not isinstance(raw, dict) or not isinstance(raw.get("flowfile"), int):
        raise FlowFileFormatError("the file is not a flow", hint="a flow file begins with `flowfile: 1`")
    return _document(migrate(raw, MIGRATIONS, FORMAT))


def migrate(raw: dict[str, Any], migrations: Mapping[int, Upgrade], newest: int) -> dict[str, Any]:
    """Plain data of any format version, brought to the newest one step at a time.

    Raises:
        FlowFileFormatError: the version is newer than this program, or no longer known.
    """
    version = raw["flowfile"]
    if version > newest:
        raise FlowFileFormatError(
            f"the flow was written by a newer version (format {version}, this one reads up to {newest})",
            hint="update Flowfile to open it",
        )
    while version < newest:
        if version not in migrations:
            raise FlowFileFormatError(f"flow files of format {version} are not known")
        raw = migrations[version](raw)
        version += 1
    return {**raw, "flowfile": newest}


def _document(raw: dict[str, Any]) -> FlowDocument:
    known = {"flowfile", "uuid", "name", "description", "mode", "parameters", "nodes", "layout"}
    strange = [str(key) for key in raw if key not in known]
    if strange:
        raise FlowFileFormatError(
            f"unknown entries: {', '.join(strange)}", hint=f"known are {', '.join(sorted(known))}"
        )
    try:
        settings = {key: raw[key] for key in ("name", "description", "mode") if key in raw}
        identity = {"uuid": raw["uuid"]} if "uuid" in raw else {}
        steps, edges = _steps(raw.get("nodes") or [])
        return FlowDocument(
            **identity,
            flow_settings=FlowSettings.model_validate(settings),
            parameters={name: Parameter.model_validate(item) for name, item in (raw.get("parameters") or {}).items()},
            steps=steps,
            edges=edges,
            layout={str(key): Position(x=at[0], y=at[1]) for key, at in (raw.get("layout") or {}).items()},
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = ".".join(str(part) for part in first["loc"])
        raise FlowFileFormatError(f"{path}: {first['msg']}", hint=f"found {first['input']!r:.80}") from error
    except (AttributeError, KeyError, TypeError, IndexError) as error:
        raise FlowFileFormatError(f"the file is not a flow: {error}") from error


def _steps(raw_steps: list[dict[str, Any]]) -> tuple[list[StepDocument], list[Edge]]:
    steps, edges = [], []
    for raw in raw_steps:
        inputs = raw.get("inputs") or {}
        step = StepDocument.model_validate({key: item for key, item in raw.items() if key != "inputs"})
        steps.append(step)
        for port, ends in inputs.items():
            for end in ends if isinstance(ends, list) else [ends]:
                given = (
                    {"source" if key == "node" else key: item for key, item in end.items()}
                    if isinstance(end, dict)
                    else {"source": end}
                )
                edges.append(Edge.model_validate({**given, "target": step.id, "input": port}))
    return steps, edges


def read(path: Path) -> FlowDocument:
    """The flow in a file.

    Raises:
        FlowFileFormatError: the file cannot be read, or holds no flow.
    """
    try:
        return load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FlowFileFormatError(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise FlowFileFormatError(f"{path} is not a text file in UTF-8") from error


def write(path: Path, document: FlowDocument) -> None:
    """Write a flow to a file: under a temporary name first, so that no crash leaves half of one."""
    text = dump(document)
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(file.name, path)
