"""A flow made ready to run: paths resolved, schemas predicted, fingerprints set, lowering with secrets."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from flowfile_engine.errors import FlowfileError, NodeId, Problem, SettingsError
from flowfile_engine.frames import POLARS_ERRORS, knowing, outputs_of
from flowfile_engine.graph.document import Edge
from flowfile_engine.graph.fingerprint import fingerprints
from flowfile_engine.graph.graph import EtlGraph
from flowfile_engine.graph.parameters import SECRET_PREFIX
from flowfile_engine.graph.prediction import predict
from flowfile_engine.graph.step import NodeStep, Prediction
from flowfile_engine.io.errors import explain
from flowfile_engine.io.paths import resolve_path
from flowfile_engine.nodes.base import Node
from flowfile_engine.run.planning import optimizations

Output = tuple[NodeId, str]
"""An output of a step: its id and the output's name."""


class PreparedFlow:
    """A graph whose steps can be lowered onto real data.

    Attributes:
        graph: with absolute paths, predictions and fingerprints.
    """

    def __init__(
        self, graph: EtlGraph, *, base_dir: Path | None = None, roots: list[Path] | None = None, run_id: str = ""
    ) -> None:
        self.graph = graph
        self._scans: dict[NodeId, pl.LazyFrame] = {}
        for step in graph:
            if step.node is not None:
                self._resolve_paths(step, base_dir, roots)
        fingerprints(graph, run_id=run_id)
        predict(graph, self)

    def _resolve_paths(self, step: NodeStep, base_dir: Path | None, roots: list[Path] | None) -> None:
        node = step.node
        assert node is not None
        files = [found for found in node.field_values() if found.kind.widget in ("file", "folder")]
        try:
            for found in files:
                if f"${{{SECRET_PREFIX}" in found.value:
                    # Predictions, fingerprints and messages show paths.
                    raise SettingsError("a path cannot hold a secret", hint="use a parameter", field=found.path)
            paths = {found.path: str(resolve_path(found.value, base_dir, roots)) for found in files}
            step.node = node.with_values(paths)
        except FlowfileError as error:
            step.node = None
            step.problems.append(error.at(step.node_id, files[0].path).problem)

    def schema(self, step: NodeStep, inputs: Mapping[str, Any]) -> Prediction | None:
        """The schemas that only the source itself, or the person's code, can tell (see `OutsideSchemas`)."""
        node = step.node
        assert node is not None
        if node.source_key() is not None:
            frame = self.scan(step)
            return Prediction("known", {node.info.outputs[0]: frame.collect_schema()})
        if node.runs_user_code:
            schemas = node.schema(inputs)
            return None if schemas is None else Prediction("known", schemas)
        return None

    def scan(self, step: NodeStep) -> pl.LazyFrame:
        """The frame of a source. Made once: Polars keeps the schema that it reads with it."""
        if step.node_id not in self._scans:
            node = self.with_secrets(step)
            self._scans[step.node_id] = node.lower(pl)
        return self._scans[step.node_id]

    def with_secrets(self, step: NodeStep) -> Node:
        """The node with `${env:NAME}` replaced. Nowhere but in a lowering: fingerprints and messages never hold one."""
        node = step.node
        if node is None:
            raise SettingsError("its settings are unfinished", node_id=step.node_id)
        if f"${{{SECRET_PREFIX}" not in str(step.document.settings):
            return node
        bound = NodeStep(step.document, step.node_type)
        bound.validate(self.graph.parameters, os.environ)
        if bound.node is None:
            raise SettingsError(bound.problems[0].message, field=bound.problems[0].field, node_id=step.node_id)
        files = {found.path: found.value for found in node.field_values() if found.kind.widget in ("file", "folder")}
        return bound.node.with_values(files)

    def problems(self, needed: set[NodeId]) -> list[Problem]:
        """What keeps the needed steps from running."""
        return [
            problem for step in self.graph.topological_sort() if step.node_id in needed for problem in step.all_problems
        ]

    def lower(self, step: NodeStep, inputs: Mapping[str, Any]) -> dict[str, pl.LazyFrame]:
        """The frames of a step's outputs over the frames of its inputs.

        Raises:
            FlowfileError: the step cannot work on these inputs; placed on the step.
        """
        try:
            if step.node is not None and step.node.source_key() is not None:
                return {step.node.info.outputs[0]: self.scan(step)}
            node = self.with_secrets(step).resolve(**inputs)
            made = outputs_of(node, node.lower(pl, **inputs))
        except FlowfileError as error:
            raise error.at(step.node_id) from error
        except POLARS_ERRORS as error:
            raise explain(error, step.node).at(step.node_id) from error
        known = step.prediction.schemas if step.prediction is not None else {}
        return {output: knowing(frame, known.get(output)) for output, frame in made.items()}

    def targets(self) -> list[NodeId]:
        """The steps whose results a run is for: those that write, and those that nobody reads."""
        return [step.node_id for step in self.graph.topological_sort() if not step.outgoing]


class Frames:
    """Lowers steps on demand, each once, stopping at the outputs whose frames are given.

    Attributes:
        given: frames that stand in for outputs: scans of cached results, or stand-ins that tell what is read.
    """

    def __init__(self, flow: PreparedFlow, given: dict[Output, pl.LazyFrame] | None = None) -> None:
        self.flow = flow
        self.given = given or {}
        self._made: dict[NodeId, dict[str, pl.LazyFrame]] = {}

    def output(self, node_id: NodeId, output: str) -> pl.LazyFrame:
        """The frame of an output: the given one, else the lowered one."""
        if (node_id, output) in self.given:
            return self.given[node_id, output]
        return self.outputs(node_id)[output]

    def outputs(self, node_id: NodeId) -> dict[str, pl.LazyFrame]:
        """The lowered frames of a step, over the frames of its inputs."""
        for step in self._missing(node_id):
            self._made[step.node_id] = self.flow.lower(step, self.inputs(step))
        return self._made[node_id]

    def flags(self) -> pl.QueryOptFlags:
        """Polars' optimizer flags for a plan of all steps that were lowered."""
        return optimizations([self.flow.graph.step(node_id) for node_id in self._made])

    def inputs(self, step: NodeStep) -> dict[str, Any]:
        """The frames at a step's inputs, in the ports' shapes."""

        def of(edge: Edge) -> pl.LazyFrame:
            return self.output(edge.source, edge.output)

        return step.gather(of)

    def _missing(self, node_id: NodeId) -> list[NodeStep]:
        """The steps to lower for a step, in order. Not recursive: flows may be thousands of steps deep."""
        graph = self.flow.graph
        found: set[NodeId] = set()
        pending = [node_id]
        while pending:
            current = pending.pop()
            if current in found or current in self._made:
                continue
            found.add(current)
            pending += [
                edge.source for edge in graph.step(current).incoming if (edge.source, edge.output) not in self.given
            ]
        return sorted(map(graph.step, found), key=lambda step: graph.position(step.node_id))
