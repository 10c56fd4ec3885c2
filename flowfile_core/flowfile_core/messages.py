"""What the event stream carries: one class a message, all in one union.

A message carries the state of a thing whole, not what changed in it: whoever misses one is right again with the next.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, TypeAdapter

from flowfile_engine.errors import NodeId, Problem
from flowfile_engine.graph.document import Mode
from flowfile_engine.graph.step import Certainty, StepStatus
from flowfile_engine.run.information import RunState, StepResult

LogLevel = Literal["debug", "info", "warning", "error"]
WorkerState = Literal["starting", "ready", "lost"]


class NodeState(BaseModel):
    """What is known of a step before any run.

    Attributes:
        certainty: of its output schemas.
        pending: its schema has been asked of the Worker and is not there yet.
        problems: what keeps it from running.
    """

    id: NodeId
    status: StepStatus
    certainty: Certainty
    pending: bool = False
    problems: list[Problem] = Field(default_factory=list)


class FlowSummary(BaseModel):
    """An open flow without its contents.

    Attributes:
        path: its file; None while it was never saved.
        saved_revision: the revision that the file holds; None while it was never saved.
        file_changed: something else wrote the file since it was opened or saved here.
        predicting: schemas are still being worked out.
    """

    flow_id: int
    uuid: str
    name: str
    path: str | None
    revision: int
    saved_revision: int | None
    unsaved: bool
    can_undo: bool
    can_redo: bool
    file_changed: bool = False
    predicting: bool = False
    nodes: int = 0
    run_id: str | None = None


class RunSummary(BaseModel):
    """A run without the results of its steps."""

    run_id: str
    flow_id: int
    mode: Mode
    state: RunState
    started_at: float
    ended_at: float | None = None
    problem: Problem | None = None


class FlowMessage(BaseModel):
    """A flow was opened, edited, saved or closed."""

    kind: Literal["flow"] = "flow"
    flow: FlowSummary
    closed: bool = False


class NodesMessage(BaseModel):
    """Steps of a flow have another schema or status.

    Attributes:
        complete: whether these are all that changed; if not, ask for the flow.
    """

    kind: Literal["nodes"] = "nodes"
    flow_id: int
    revision: int
    nodes: list[NodeState]
    complete: bool = True


class RunMessage(BaseModel):
    """A run began or ended."""

    kind: Literal["run"] = "run"
    run: RunSummary


class StepMessage(BaseModel):
    """A step of a run is in another state."""

    kind: Literal["step"] = "step"
    run_id: str
    flow_id: int
    result: StepResult


class LogLine(BaseModel):
    """A line of a run's log. `number` counts from 1 within the run."""

    number: int
    time: float
    level: LogLevel
    node_id: NodeId | None = None
    message: str


class LogMessage(BaseModel):
    """A run's log has a further line."""

    kind: Literal["log"] = "log"
    run_id: str
    flow_id: int
    line: LogLine


class WorkerMessage(BaseModel):
    """The Worker became ready, or was lost."""

    kind: Literal["worker"] = "worker"
    state: WorkerState


class ActiveRun(BaseModel):
    """A run that goes on, with its steps."""

    run: RunSummary
    results: list[StepResult]


class ResetMessage(BaseModel):
    """Everything as it stands: the first message, and the one that fills a gap."""

    kind: Literal["reset"] = "reset"
    worker: WorkerState
    flows: list[FlowSummary]
    runs: list[ActiveRun]


EventMessage = Annotated[
    FlowMessage | NodesMessage | RunMessage | StepMessage | LogMessage | WorkerMessage | ResetMessage,
    Field(discriminator="kind"),
]
EVENT_MESSAGE: TypeAdapter[EventMessage] = TypeAdapter(EventMessage)
