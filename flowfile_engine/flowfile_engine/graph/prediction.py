"""Predicting every step's output schema, incrementally and without executing anything.

A step is predicted again when its settings or an input's schema changed, and what is below it only if its own output
schema did: that is the whole cost of an edit.
"""

from __future__ import annotations

import heapq
from collections.abc import Generator, Mapping
from typing import Any, Protocol

import polars as pl

from flowfile_engine.dtypes import same_schema
from flowfile_engine.errors import FlowfileError, NodeId, Problem
from flowfile_engine.frames import POLARS_ERRORS
from flowfile_engine.graph.document import Edge
from flowfile_engine.graph.graph import EtlGraph
from flowfile_engine.graph.step import NodeStep, Prediction
from flowfile_engine.io.errors import explain

UNKNOWN = Prediction()


class OutsideSchemas(Protocol):
    """Schemas that a plan on empty frames cannot give: those of sources, and of nodes that run a person's code."""

    def schema(self, step: NodeStep, inputs: Mapping[str, Any]) -> Prediction | None:
        """The prediction for a step; None while it is not known (yet)."""
        ...


class Nothing:
    """Knows no schema: every source stays unknown."""

    def schema(self, step: NodeStep, inputs: Mapping[str, Any]) -> Prediction | None:
        """None."""
        return None


def predict(graph: EtlGraph, outside: OutsideSchemas) -> set[NodeId]:
    """Predict what an edit left open; the steps whose prediction is another than before."""
    return {node_id for node_id in predicting(graph, outside) if node_id is not None}


def predicting(graph: EtlGraph, outside: OutsideSchemas) -> Generator[NodeId | None]:
    """Predict step by step: a step's id where its prediction changed, None where it did not.

    A generator, so that a service can stop to answer others; the graph must not be edited before it is exhausted or
    closed. What was still open when it is closed stays open for the next prediction.
    """
    open_steps = [(graph.position(node_id), node_id) for node_id in graph.take_changed()]
    heapq.heapify(open_steps)
    queued = {node_id for _, node_id in open_steps}
    try:
        while open_steps:
            _, node_id = heapq.heappop(open_steps)
            step = graph.step(node_id)
            before, step.prediction = step.prediction, predict_step(graph, step, outside)
            queued.discard(node_id)
            same_outputs = before is not None and _same_outputs(before, step.prediction)
            if same_outputs and before is not None and step.prediction.problem == before.problem:
                yield None
                continue
            if not same_outputs:
                for edge in step.outgoing:
                    if edge.target not in queued:
                        queued.add(edge.target)
                        heapq.heappush(open_steps, (graph.position(edge.target), edge.target))
            yield node_id
    finally:
        for node_id in queued:
            graph.mark_changed(node_id)


def _same_outputs(before: Prediction, now: Prediction) -> bool:
    return (
        before.certainty == now.certainty
        and before.schemas.keys() == now.schemas.keys()
        and all(same_schema(schema, now.schemas[name]) for name, schema in before.schemas.items())
    )


def predict_step(graph: EtlGraph, step: NodeStep, outside: OutsideSchemas) -> Prediction:
    """The prediction of one step from those of the steps above it."""
    node = step.node
    if node is None or step.missing_input() is not None:
        return UNKNOWN
    certain, declared = True, False

    def schema_of(edge: Edge) -> pl.Schema | None:
        nonlocal certain, declared
        prediction = graph.step(edge.source).prediction
        schema = prediction.schemas.get(edge.output) if prediction is not None else None
        certain = certain and schema is not None
        declared = declared or (prediction is not None and prediction.certainty == "declared")
        return schema

    inputs = step.gather(schema_of)
    if not certain:
        return UNKNOWN
    try:
        node.check_columns(inputs)
        if node.source_key() is not None or node.runs_user_code:
            return outside.schema(step, inputs) or UNKNOWN
        schemas = node.schema(inputs)
    except FlowfileError as error:
        return Prediction(problem=error.at(step.node_id).problem)
    except (*POLARS_ERRORS, pl.exceptions.PanicException) as error:
        # A panic is no `Exception`: in a service it would end more than this prediction.
        return Prediction(problem=explain(error, node).at(step.node_id).problem)
    if schemas is None:
        return outside.schema(step, inputs) or UNKNOWN
    return Prediction("declared" if declared else "known", schemas)


def problems_of(graph: EtlGraph) -> list[Problem]:
    """Everything that keeps the flow from running, in topological order."""
    return [problem for step in graph.topological_sort() for problem in step.all_problems]
