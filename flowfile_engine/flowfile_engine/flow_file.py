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
import secrets
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from flowfile_engine.errors import FlowFileFormatError, NodeId
from flowfile_engine.graph.document import Edge, FlowDocument, FlowSettings, Mode, Parameter, Position, StepDocument
from flowfile_engine.plain_yaml import load_plain

FORMAT = 1
"""The version of the file's own shape; node types have versions of their own."""

ENDING = ".flow.yaml"

MAX_BYTES = 50 << 20

Upgrade = Callable[[dict[str, Any]], dict[str, Any]]

MIGRATIONS: dict[int, Upgrade] = {}
"""By format version: what turns a file of that version into one of the next. Pure functions of plain data."""


_BaseDumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_BaseDumper):
    """Writes long texts as blocks, and never anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: Any, text: str) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


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
    raw = load_plain(text)
    if not isinstance(raw, dict) or type(raw.get("flowfile")) is not int:
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


class _End(BaseModel):
    """Where an input comes from."""

    model_config = ConfigDict(extra="forbid")

    node: NodeId
    output: str = "main"
    name: str | None = None


def _ends(raw: Any) -> Any:
    return [end if isinstance(end, dict) else {"node": end} for end in (raw if isinstance(raw, list) else [raw])]


class _Node(StepDocument):
    """A node as the file has it: with its edges."""

    inputs: dict[str, Annotated[list[_End], BeforeValidator(_ends)]] = Field(default_factory=dict)


class _File(BaseModel):
    """The file as it is laid out."""

    model_config = ConfigDict(extra="forbid")

    flowfile: int
    uuid: str | None = None
    name: str = FlowSettings().name
    description: str = ""
    mode: Mode = FlowSettings().mode
    parameters: dict[str, Parameter] = Field(default_factory=dict)
    nodes: list[_Node] = Field(default_factory=list)
    layout: dict[NodeId, tuple[float, float]] = Field(default_factory=dict)


def _document(raw: dict[str, Any]) -> FlowDocument:
    try:
        # An entry without a value, as in `nodes:`, says as much as none.
        file = _File.model_validate({key: value for key, value in raw.items() if value is not None})
    except ValidationError as error:
        raise _refused(error.errors(include_url=False)[0]) from error
    return FlowDocument(
        **({} if file.uuid is None else {"uuid": file.uuid}),
        flow_settings=FlowSettings(name=file.name, description=file.description, mode=file.mode),
        parameters=file.parameters,
        steps=[
            StepDocument.model_construct(**{name: getattr(node, name) for name in StepDocument.model_fields})
            for node in file.nodes
        ],
        edges=[
            Edge(source=end.node, output=end.output, target=node.id, input=port, name=end.name)
            for node in file.nodes
            for port, ends in node.inputs.items()
            for end in ends
        ],
        layout={str(node_id): Position(x=x, y=y) for node_id, (x, y) in file.layout.items()},
    )


def _refused(detail: ErrorDetails) -> FlowFileFormatError:
    path = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        return FlowFileFormatError(f"{path:.200} is an unknown entry")
    return FlowFileFormatError(f"{path:.200}: {detail['msg']:.200}", hint=f"found {detail['input']!r:.80}")


def read(path: Path) -> FlowDocument:
    """The flow in a file.

    Raises:
        FlowFileFormatError: the file cannot be read, or holds no flow.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise FlowFileFormatError(f"{path} is larger than any flow", hint=f"up to {MAX_BYTES >> 20} MB are read")
        return load(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise FlowFileFormatError(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise FlowFileFormatError(f"{path} is not a text file in UTF-8") from error


def write(path: Path, document: FlowDocument) -> None:
    """Write a flow to a file: under a temporary name first, so that no crash leaves half of one."""
    content = dump(document).encode()
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}")
    # Not `tempfile`, whose files nobody else may read.
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if target.exists():
                os.fchmod(file.fileno(), stat.S_IMODE(target.stat().st_mode))
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
