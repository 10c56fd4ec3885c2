"""Messages between Core, the Worker and its children: tasks one way, events the other. Knows nothing of Polars.

A task goes to a child whole; the child answers with any number of events, the last of which is `DoneEvent` or
`FailedEvent`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from flowfile_engine.errors import NodeId, Problem
from flowfile_engine.graph.document import FlowDocument, Mode
from flowfile_engine.run.information import RunInformation, StepResult

Parameters = dict[str, bool | int | float | str | None]


class _Task(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FlowTask(_Task):
    """What every task on a flow carries.

    Attributes:
        run_id: the run that is made, or whose results of volatile steps are looked at.
        base_dir: the folder that relative paths of the flow start from.
        roots: the folders that paths must stay inside; None: anywhere.
    """

    flow: FlowDocument
    run_id: str = ""
    parameters: Parameters = Field(default_factory=dict)
    base_dir: str | None = None
    roots: list[str] | None = None


class RunTask(FlowTask):
    """Run a flow, or what some of its steps need. Answers with a `RunInformation`."""

    kind: Literal["run"] = "run"
    mode: Mode = "development"
    targets: list[NodeId] | None = None


class SortBy(BaseModel):
    """An order asked of a table of rows."""

    column: str
    descending: bool = False


class RowsTask(FlowTask):
    """Rows of one output of a step, full width. Answers with `Rows`.

    From row 0, without order, filter or search, the rows come from whatever is quickest and agree with the cached
    ones; anything else materializes the step's result whole first.
    """

    kind: Literal["rows"] = "rows"
    node_id: NodeId
    output: str | None = None
    offset: int = Field(default=0, ge=0)
    limit: int = Field(default=100, ge=0, le=100_000)
    sort: list[SortBy] = Field(default_factory=list)
    filter: str | None = None
    search: str | None = None


class CountTask(FlowTask):
    """The number of rows of one output of a step. Answers with `Count`."""

    kind: Literal["count"] = "count"
    node_id: NodeId
    output: str | None = None


class SourceSchemaTask(_Task):
    """The columns of a source (a file's header). Answers with `Schemas`. The settings name no parameters any more."""

    kind: Literal["source_schema"] = "source_schema"
    node_type: str
    settings: dict[str, Any]
    base_dir: str | None = None
    roots: list[str] | None = None


class NodeSchemaTask(_Task):
    """The output schemas of a node whose `lower` runs a person's code. Answers with `Schemas`.

    `inputs` holds by port a schema, a list of schemas or a dict of schemas, each as `{column: type}`.
    """

    kind: Literal["node_schema"] = "node_schema"
    node_type: str
    settings: dict[str, Any]
    inputs: dict[str, Any] = Field(default_factory=dict)


class ExportTask(FlowTask):
    """The flow as one Python script. Answers with `Code`."""

    kind: Literal["export"] = "export"


class PingTask(_Task):
    """Asks a child whether it lives and is warm. Answers with `Pong`."""

    kind: Literal["ping"] = "ping"


Task = Annotated[
    RunTask | RowsTask | CountTask | SourceSchemaTask | NodeSchemaTask | ExportTask | PingTask,
    Field(discriminator="kind"),
]
TASK: TypeAdapter[Task] = TypeAdapter(Task)


class ColumnInfo(BaseModel):
    """A column of a table of rows."""

    name: str
    dtype: str


class Rows(BaseModel):
    """A page of rows.

    Attributes:
        rows: row-wise values; dates and other types that JSON has not are text, as are whole numbers beyond 2^53.
        total: rows of the whole (filtered) result, where known.
        origin: *cached* rows come from the materialized result, *computed* ones from a plan over what is cached.
    """

    kind: Literal["rows"] = "rows"
    columns: list[ColumnInfo]
    rows: list[list[Any]]
    offset: int = 0
    total: int | None = None
    origin: Literal["cached", "computed"] = "computed"


class Count(BaseModel):
    """A number of rows."""

    kind: Literal["count"] = "count"
    rows: int


class Schemas(BaseModel):
    """Schemas by output name, each as `{column: type}`; None: only a run can tell.

    Attributes:
        fingerprint: what the source is (paths, sizes, times) when the schema was read; empty for other nodes.
    """

    kind: Literal["schemas"] = "schemas"
    outputs: dict[str, dict[str, str]] | None
    fingerprint: str = ""


class Code(BaseModel):
    """A script."""

    kind: Literal["code"] = "code"
    code: str


class Pong(BaseModel):
    """A child's sign of life."""

    kind: Literal["pong"] = "pong"
    polars: str


class Ran(BaseModel):
    """The end of a run."""

    kind: Literal["ran"] = "ran"
    run: RunInformation


Answer = Annotated[Rows | Count | Schemas | Code | Pong | Ran, Field(discriminator="kind")]


class StepEvent(BaseModel):
    """A step of a run changed its state. Carries the state whole."""

    kind: Literal["step"] = "step"
    result: StepResult


class LogEvent(BaseModel):
    """A line for the run's log."""

    kind: Literal["log"] = "log"
    level: Literal["debug", "info", "warning", "error"] = "info"
    message: str
    node_id: NodeId | None = None


class ProgressEvent(BaseModel):
    """How far a long task that is no run has come."""

    kind: Literal["progress"] = "progress"
    message: str
    fraction: float | None = None


class PartialFileEvent(BaseModel):
    """A file or folder that is being written under a temporary name: to be removed if the child dies before it ends."""

    kind: Literal["partial_file"] = "partial_file"
    path: str


class DoneEvent(BaseModel):
    """The task's answer; the last event."""

    kind: Literal["done"] = "done"
    answer: Answer


class FailedEvent(BaseModel):
    """Why the task has no answer; the last event. A run whose steps failed is no failed task: it has an answer."""

    kind: Literal["failed"] = "failed"
    problem: Problem
    peak_memory: int | None = None


Event = Annotated[
    StepEvent | LogEvent | ProgressEvent | PartialFileEvent | DoneEvent | FailedEvent, Field(discriminator="kind")
]
EVENT: TypeAdapter[Event] = TypeAdapter(Event)
