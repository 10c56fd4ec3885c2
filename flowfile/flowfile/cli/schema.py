"""`flowfile schema`: the columns that a node gives, without running anything."""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic import BaseModel

from flowfile.cli import exits
from flowfile.cli.flows import open_flow
from flowfile.cli.tables import print_table
from flowfile_engine.dtypes import schema_text
from flowfile_engine.errors import FlowfileError, NodeId, NotFoundError
from flowfile_engine.graph.graph import EtlGraph
from flowfile_engine.graph.step import Certainty, NodeStep
from flowfile_engine.run.flow import PreparedFlow
from flowfile_engine.tasks import ColumnInfo


class NodeSchema(BaseModel):
    """The predicted columns of one output of a node.

    Attributes:
        certainty: *known* follows from settings and sources, *declared* was said by a person, *unknown* until run.
        columns: None where unknown.
    """

    node_id: NodeId
    output: str
    certainty: Certainty
    columns: list[ColumnInfo] | None


def schema(path: Path, node: str, output: str | None, parameters: list[str], *, as_json: bool) -> int:
    """Print the columns of a node's output; gives the exit code.

    Raises:
        FlowfileError: the flow, the node or the output does not exist, or something above keeps it from working.
    """
    flow = open_flow(path, parameters)
    node_id = flow.node(node)
    prepared = PreparedFlow(EtlGraph(flow.document, parameters=flow.parameters), base_dir=flow.base_dir)
    found = _predicted(prepared, prepared.graph.step(node_id), output)
    if as_json:
        sys.stdout.write(found.model_dump_json(indent=2) + "\n")
    elif found.columns is None:
        sys.stdout.write("unknown until the flow has run: only the data can tell\n")
    else:
        if found.certainty == "declared":
            sys.stdout.write("declared by a person, not checked against the data\n")
        print_table(["column", "type"], [(column.name, column.dtype) for column in found.columns])
    return exits.FINE


def _predicted(flow: PreparedFlow, step: NodeStep, output: str | None) -> NodeSchema:
    outputs = step.node_type.info.outputs
    if not outputs:
        raise NotFoundError(f"a node of type {step.document.type!r} gives no columns", node_id=step.node_id)
    output = output if output is not None else outputs[0]
    if output not in outputs:
        raise NotFoundError(
            f"it has no output {output!r}", hint=f"it has: {', '.join(outputs)}", node_id=step.node_id, field="output"
        )
    prediction = step.prediction
    if prediction is not None and output in prediction.schemas:
        columns = [
            ColumnInfo(name=name, dtype=dtype) for name, dtype in schema_text(prediction.schemas[output]).items()
        ]
        return NodeSchema(node_id=step.node_id, output=output, certainty=prediction.certainty, columns=columns)
    problems = flow.problems(flow.graph.upstream([step.node_id]))
    if problems:
        first = problems[0]
        raise FlowfileError(first.message, hint=first.hint, node_id=first.node_id, field=first.field)
    return NodeSchema(node_id=step.node_id, output=output, certainty="unknown", columns=None)
