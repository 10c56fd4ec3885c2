"""A step: a node's place in a graph, with its settings as they were given and what is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import polars as pl
from pydantic import ValidationError

from flowfile_engine.errors import FlowfileError, NodeId, Problem, SettingsError
from flowfile_engine.graph.document import Edge, StepDocument
from flowfile_engine.graph.parameters import Value, bind

if TYPE_CHECKING:
    from flowfile_engine.nodes.base import Node

Certainty = Literal["known", "declared", "unknown"]
StepStatus = Literal["unfinished", "ready", "invalid"]

UNFINISHED_CODES = frozenset({"unfinished", "input_missing"})


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a step's outputs will look like.

    Attributes:
        certainty: *known* follows from settings and sources, *declared* was said by a person, *unknown* until run.
        schemas: by output; empty where unknown.
        problem: why the step cannot work on these inputs.
    """

    certainty: Certainty = "unknown"
    schemas: Mapping[str, pl.Schema] = field(default_factory=dict)
    problem: Problem | None = None


class NodeStep:
    """A step of an `EtlGraph`.

    Attributes:
        document: the step as data: raw settings, title, description, `cache_results`.
        node: the validated settings; None while they are not valid.
        problems: what is missing or wrong in the settings.
        incoming: the edges that end here, in order.
        outgoing: the edges that start here.
        prediction: of the outputs; None until predicted.
    """

    def __init__(self, document: StepDocument, node_type: type[Node]) -> None:
        self.document = document
        self.node_type = node_type
        self.node: Node | None = None
        self.problems: list[Problem] = []
        self.incoming: list[Edge] = []
        self.outgoing: list[Edge] = []
        self.prediction: Prediction | None = None
        self.hash = ""
        """The fingerprint, once `fingerprints` has been called on the graph."""

    @property
    def node_id(self) -> NodeId:
        """The step's name within the flow."""
        return self.document.id

    @property
    def cache_results(self) -> bool:
        """Whether its result is kept in Performance mode too."""
        return self.document.cache_results

    def validate(self, parameters: Mapping[str, Value], environment: Mapping[str, str] | None = None) -> None:
        """Make `node` from the raw settings, or list what is missing or wrong with them."""
        self.node, self.problems = None, []
        raw = self.document.settings
        try:
            if self.document.version != self.node_type.version:
                raw = self._upgraded()
            self.node = self.node_type.model_validate(bind(raw, parameters, environment))
        except ValidationError as error:
            self.problems = [self._problem(detail) for detail in error.errors(include_url=False)]
        except FlowfileError as error:
            self.problems = [error.at(self.node_id).problem]

    def _upgraded(self) -> dict[str, Any]:
        version, known = self.document.version, self.node_type.version
        if version > known:
            raise SettingsError(
                f"it was made by a newer version (its settings are of version {version}, known is {known})",
                hint="update Flowfile to use it",
            )
        try:
            return self.node_type.upgrade(deepcopy(self.document.settings), version)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise SettingsError(f"its settings of version {version} cannot be brought up to date: {error}") from error

    def _problem(self, detail: Mapping[str, Any]) -> Problem:
        path = ".".join(str(part) for part in detail["loc"])
        missing = detail["type"] == "missing" or (
            detail["type"] in ("too_short", "string_too_short") and not detail["input"]
        )
        if missing:
            return Problem(code="unfinished", message="is still to be filled in", node_id=self.node_id, field=path)
        message = detail["msg"].removeprefix("Value error, ")
        if detail["type"] not in ("value_error", "extra_forbidden"):
            message = f"{message[0].lower()}{message[1:]}, not {detail['input']!r:.80}"
        return Problem(code="bad_settings", message=message, node_id=self.node_id, field=path)

    def missing_input(self) -> Problem | None:
        """The first input port that needs an edge and has none."""
        connected = {edge.input for edge in self.incoming}
        for port in self.node_type.info.ports:
            if port.name not in connected and not port.optional:
                return Problem(
                    code="input_missing",
                    message=f"its input `{port.name}` is not connected",
                    hint="draw an edge to it",
                    node_id=self.node_id,
                )
        return None

    @property
    def all_problems(self) -> list[Problem]:
        """Problems of settings, inputs and prediction together."""
        problems = list(self.problems)
        missing = self.missing_input()
        if missing:
            problems.append(missing)
        if self.prediction is not None and self.prediction.problem is not None:
            problems.append(self.prediction.problem)
        return problems

    @property
    def status(self) -> StepStatus:
        """Whether the step could run: *unfinished* is no error, *invalid* is one."""
        problems = self.all_problems
        if not problems:
            return "ready"
        return "unfinished" if all(problem.code in UNFINISHED_CODES for problem in problems) else "invalid"

    def gather(self, of: Any) -> dict[str, Any]:
        """What stands at the inputs, in each port's shape.

        Args:
            of: a function from an edge to what it brings (a frame, a schema, a fingerprint).
        """
        gathered: dict[str, Any] = {}
        for port in self.node_type.info.ports:
            edges = [edge for edge in self.incoming if edge.input == port.name]
            if port.multiple and port.named:
                gathered[port.name] = {name: of(edge) for name, edge in zip(_names(edges), edges, strict=True)}
            elif port.multiple:
                gathered[port.name] = [of(edge) for edge in edges]
            else:
                gathered[port.name] = of(edges[0]) if edges else None
        return gathered


def _names(edges: list[Edge]) -> list[str]:
    """What the edges of a named port are called: their own names, else their number, with a mark where it is taken."""
    given = {edge.name for edge in edges}
    names: list[str] = []
    for number, edge in enumerate(edges, 1):
        name = edge.name or f"input_{number}"
        while not edge.name and name in given:
            name += "_"
        names.append(name)
    return names
