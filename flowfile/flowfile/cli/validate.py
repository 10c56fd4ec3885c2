"""`flowfile validate`: everything that is wrong with a flow, without running it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, Field

from flowfile.cli import exits, text
from flowfile.cli.flows import OpenedFlow, open_flow
from flowfile_engine.errors import FlowfileError, NodeId, Problem
from flowfile_engine.graph.document import FlowDocument
from flowfile_engine.graph.graph import EtlGraph
from flowfile_engine.graph.prediction import Nothing, predict
from flowfile_engine.run.flow import PreparedFlow


class Validation(BaseModel):
    """What was found in one flow.

    Attributes:
        nodes: how many the flow has.
    """

    path: str
    name: str = ""
    nodes: int = 0
    valid: bool = True
    problems: list[Problem] = Field(default_factory=list)


class Validations(BaseModel):
    """What was found in all flows."""

    valid: bool
    flows: list[Validation]


def validate(paths: Sequence[Path], parameters: list[str], *, read_sources: bool, as_json: bool) -> int:
    """Validate flows and print what was found; gives the exit code."""
    found = [validate_flow(path, parameters, read_sources) for path in paths]
    valid = all(validation.valid for validation in found)
    if as_json:
        sys.stdout.write(Validations(valid=valid, flows=found).model_dump_json(indent=2) + "\n")
    else:
        for validation in found:
            _print(validation)
    return exits.FINE if valid else exits.INVALID


def validate_flow(path: Path, parameters: list[str], read_sources: bool) -> Validation:
    """Everything that is wrong with one flow.

    Args:
        path: its file.
        parameters: texts of the form `name=value`.
        read_sources: look at the headers of files; without it, columns that come from them stay unknown.
    """
    try:
        flow = open_flow(path, parameters)
    except FlowfileError as error:
        return Validation(path=str(path), valid=False, problems=[error.problem])
    problems = _problems(flow, read_sources)
    name, nodes = flow.document.flow_settings.name, len(flow.document.steps)
    return Validation(path=str(path), name=name, nodes=nodes, valid=not problems, problems=problems)


def _problems(flow: OpenedFlow, read_sources: bool) -> list[Problem]:
    try:
        graph, problems, incomplete = EtlGraph(flow.document, parameters=flow.parameters), [], set()
    except FlowfileError:
        graph, problems, incomplete = _as_far_as_it_goes(flow.document, flow)
    if read_sources:
        PreparedFlow(graph, base_dir=flow.base_dir)
    else:
        predict(graph, Nothing())
    for step in graph.topological_sort():
        problems += [
            problem
            for problem in step.all_problems
            # Its edge was refused, which is told already.
            if not (problem.code == "input_missing" and step.node_id in incomplete)
        ]
    return problems


def _as_far_as_it_goes(document: FlowDocument, flow: OpenedFlow) -> tuple[EtlGraph, list[Problem], set[NodeId]]:
    """The graph without the steps and edges that it refuses, why it does, and where edges are missing for it."""
    problems: list[Problem] = []
    graph = EtlGraph(document.model_copy(update={"steps": [], "edges": []}), parameters=flow.parameters)
    incomplete: set[NodeId] = set()
    refused: set[NodeId] = set()
    for step in document.steps:
        try:
            graph.add_step(step)
        except FlowfileError as error:
            problems.append(error.at(step.id).problem)
            refused.add(step.id)
    for edge in document.edges:
        if edge.source in refused or edge.target in refused:
            incomplete.add(edge.target)
            continue
        try:
            graph.connect(edge.source, edge.target, output=edge.output, input=edge.input, name=edge.name)
        except FlowfileError as error:
            problems.append(error.at(edge.target, f"inputs.{edge.input}").problem)
            incomplete.add(edge.target)
    return graph, problems, incomplete


def _print(validation: Validation) -> None:
    if validation.valid:
        sys.stdout.write(f"{validation.path}: valid, {text.count(validation.nodes, 'node')}\n")
        return
    sys.stdout.write(f"{validation.path}: {text.count(len(validation.problems), 'problem')}\n")
    for problem in validation.problems:
        sys.stdout.write("\n".join(text.problem_lines(problem, "  ")) + "\n")
