"""What is shown of a flow and its steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
from pydantic import BaseModel, Field

from flowfile_core.messages import FlowSummary, NodeState
from flowfile_engine.dtypes import dtype_text
from flowfile_engine.errors import NodeId, Problem
from flowfile_engine.frames import map_inputs
from flowfile_engine.graph.document import FlowDocument
from flowfile_engine.graph.graph import EtlGraph
from flowfile_engine.graph.step import Certainty, NodeStep, StepStatus
from flowfile_engine.tasks import ColumnInfo

ColumnList = list[ColumnInfo]


class FlowState(FlowSummary):
    """An open flow whole."""

    document: FlowDocument
    node_states: list[NodeState]


class SchemaView(BaseModel):
    """The columns of a step's outputs, by output; an output that is not known is left out.

    Attributes:
        revision: of the flow that this is true for.
    """

    revision: int
    certainty: Certainty
    pending: bool
    outputs: dict[str, ColumnList]
    problems: list[Problem] = Field(default_factory=list)


class NodeDetails(SchemaView):
    """A step whole.

    Attributes:
        summary: one line that says what its settings make it do.
        inputs: the columns at each input port: a list, a list of lists or lists by edge name, as the port takes them;
            None where nothing is connected or known.
    """

    id: NodeId
    type: str
    version: int
    title: str
    description: str
    cache_results: bool
    settings: dict[str, Any]
    status: StepStatus
    summary: str
    inputs: dict[str, ColumnList | list[ColumnList | None] | dict[str, ColumnList | None] | None]


def columns(schema: pl.Schema | None) -> ColumnList | None:
    """A schema as data. A list, since readers of JSON may put names like "2024" first in an object."""
    if schema is None:
        return None
    return [ColumnInfo.model_construct(name=name, dtype=dtype_text(dtype)) for name, dtype in schema.items()]


def node_state(step: NodeStep, *, pending: bool) -> NodeState:
    """What is known of a step before any run."""
    return NodeState.model_construct(
        id=step.node_id,
        status=step.status,
        certainty=_certainty(step),
        pending=pending,
        problems=step.all_problems,
    )


def schema_view(step: NodeStep, revision: int, *, pending: bool) -> SchemaView:
    """The columns of a step's outputs."""
    return SchemaView.model_construct(**_schema_fields(step, revision, pending))


def node_details(graph: EtlGraph, step: NodeStep, revision: int, *, pending: bool) -> NodeDetails:
    """A step whole."""
    inputs = step.gather(lambda edge: _schemas(graph.step(edge.source)).get(edge.output))
    return NodeDetails.model_construct(
        **_schema_fields(step, revision, pending),
        **dict(step.document),
        status=step.status,
        summary=step.node.summary() if step.node is not None else "",
        inputs=map_inputs(inputs, columns),
    )


def _schema_fields(step: NodeStep, revision: int, pending: bool) -> dict[str, Any]:
    return {
        "revision": revision,
        "certainty": _certainty(step),
        "pending": pending,
        "outputs": {name: columns(schema) for name, schema in _schemas(step).items()},
        "problems": step.all_problems,
    }


def _certainty(step: NodeStep) -> Certainty:
    return "unknown" if step.prediction is None else step.prediction.certainty


def _schemas(step: NodeStep) -> Mapping[str, pl.Schema]:
    return {} if step.prediction is None else step.prediction.schemas
