"""What is asked of a run, and whether a flow is ready for it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from flowfile_core.flows.flow import OpenFlow
from flowfile_core.flows.operations import StepId
from flowfile_core.problems import RefusedError
from flowfile_engine.errors import NodeId, Problem
from flowfile_engine.graph.document import Mode
from flowfile_engine.graph.parameters import parameter_values, references
from flowfile_engine.graph.step import NodeStep
from flowfile_engine.tasks import FlowTask, Parameters

NOT_READY_HINT = "finish or remove the nodes that are named, or run only what does not need them"


class RunRequest(BaseModel):
    """A run to start.

    Attributes:
        mode: None: the flow's own.
        parameters: values over the parameters' defaults.
        targets: the steps whose results are wanted; None: the whole flow.
    """

    model_config = ConfigDict(extra="forbid")

    mode: Mode | None = None
    parameters: Parameters = Field(default_factory=dict, max_length=1_000)
    targets: list[StepId] | None = Field(default=None, min_length=1, max_length=10_000)


def refuse_unready(flow: OpenFlow, targets: list[NodeId] | None, parameters: Parameters) -> None:
    """Check that everything a run needs is ready.

    Raises:
        RefusedError: with a list of what is not.
        GraphError: a target does not exist.
        ParameterError: a parameter does not exist, or its value is of another type.
    """
    graph = flow.graph
    needed = None if targets is None else graph.upstream(targets)
    parameter_values(graph.declared_parameters, parameters)
    problems = [
        problem
        for step in graph.topological_sort()
        if needed is None or step.node_id in needed
        for problem in _problems(step, other_values=bool(parameters))
    ]
    if problems:
        count = len({problem.node_id for problem in problems})
        nodes = "a node is" if count == 1 else f"{count} nodes are"
        raise RefusedError(f"{nodes} not ready to run", problems, hint=NOT_READY_HINT)


def _problems(step: NodeStep, *, other_values: bool) -> list[Problem]:
    if not other_values:
        return step.all_problems
    # With other parameters than the defaults only the run itself can tell what the settings come to.
    missing = step.missing_input()
    found = [] if references(step.document.settings) else list(step.problems)
    return [*found, missing] if missing is not None else found


def task_json(flow: OpenFlow, task: FlowTask) -> bytes:
    """A task on a flow as JSON, with the flow's own JSON put in as it is kept: made once a revision, not a task."""
    rest = task.model_dump_json(exclude={"flow"}).encode()
    return b'{"flow":' + flow.document_json() + b"," + rest[1:]


def places(flow: OpenFlow) -> dict[str, Any]:
    """Where a flow's relative paths start, and the folders that they must stay in."""
    schemas = flow.schemas
    return {
        "base_dir": None if schemas.base_dir is None else str(schemas.base_dir),
        "roots": None if schemas.roots is None else [str(root) for root in schemas.roots],
    }
