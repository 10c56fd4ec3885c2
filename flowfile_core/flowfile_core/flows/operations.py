"""Operations: the small changes that an edit is made of. Each one gives the operations that undo it.

`reads` and `writes` name what an operation leans on and what it changes; an edit collides with an earlier one that
wrote what it reads. What an operation overwrites, it reads.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from flowfile_engine.errors import GraphError, NodeId
from flowfile_engine.graph.document import Edge, FlowSettings, Parameter, Position, StepDocument
from flowfile_engine.graph.graph import EtlGraph

Touched = tuple[Any, ...]
"""The name of a part of a flow, such as `("settings", 3)`."""

StepId = Annotated[int, Field(strict=True, ge=-(2**53), le=2**53)] | Annotated[str, Field(min_length=1, max_length=200)]
Coordinate = Annotated[float, Field(ge=-1e9, le=1e9)]


class Point(BaseModel):
    """Where a step stands on the canvas."""

    model_config = ConfigDict(extra="forbid")

    x: Coordinate
    y: Coordinate


class Base(BaseModel):
    """What all operations share."""

    model_config = ConfigDict(extra="forbid")

    @abstractmethod
    def apply(self, graph: EtlGraph) -> list[Operation]:
        """Change the graph; the operations that bring it back, in the order to apply them.

        Raises:
            FlowfileError: it cannot be done; the graph is as it was.
        """

    @abstractmethod
    def reads(self) -> set[Touched]:
        """What must be as the client saw it."""

    @abstractmethod
    def writes(self) -> set[Touched]:
        """What it changes."""


class AddStep(Base):
    """Add a step. Its settings may be unfinished.

    Attributes:
        version: of the node type that the settings are for; None: the newest.
        index: its place among the flow's steps; None: the last.
    """

    op: Literal["add_step"] = "add_step"
    id: StepId
    type: str
    version: Annotated[int, Field(ge=1, le=10_000)] | None = None
    title: str = ""
    description: str = ""
    cache_results: bool = False
    settings: dict[str, Any] = Field(default_factory=dict)
    position: Point | None = None
    index: Annotated[int, Field(ge=0, le=1_000_000)] | None = None

    def apply(self, graph: EtlGraph) -> list[Operation]:
        """Add the step."""
        other = _twin(self.id)
        if other is not None and other in graph:
            raise GraphError(f"a node is called {other!r} already", hint="1 and '1' would look alike", node_id=self.id)
        given = {name: getattr(self, name) for name in ("id", "type", *_STEP_FIELDS)}
        version = self.version or graph.registry[self.type].version
        graph.add_step(StepDocument(version=version, **given), self.index)
        if self.position is not None:
            graph.layout[str(self.id)] = Position(x=self.position.x, y=self.position.y)
        return [RemoveStep(id=self.id)]

    def reads(self) -> set[Touched]:
        """The id must be free."""
        return {("exists", self.id)}

    def writes(self) -> set[Touched]:
        """Everything about the step."""
        return {("exists", self.id), *_of_step(self.id)}


class UpdateStep(Base):
    """Give a step other settings (whole), title, description or `cache_results`; what is left out stays."""

    op: Literal["update_step"] = "update_step"
    id: StepId
    version: Annotated[int, Field(ge=1, le=10_000)] | None = None
    title: str | None = None
    description: str | None = None
    cache_results: bool | None = None
    settings: dict[str, Any] | None = None

    def apply(self, graph: EtlGraph) -> list[Operation]:
        """Replace what is given."""
        step = graph.step(self.id)
        before = step.document
        given = {name: getattr(self, name) for name in _STEP_FIELDS if getattr(self, name) is not None}
        if self.settings is not None:
            given["version"] = self.version or step.node_type.version
        graph.replace_step(before.model_copy(update=given))
        return [UpdateStep.model_construct(id=self.id, **{name: getattr(before, name) for name in given})]

    def reads(self) -> set[Touched]:
        """The step must be there, and the fields that are given as they were."""
        return {("exists", self.id), *self.writes()}

    def writes(self) -> set[Touched]:
        """The fields that are given."""
        return {(name, self.id) for name in _STEP_FIELDS if getattr(self, name) is not None}


class RemoveStep(Base):
    """Remove a step and the edges that touch it."""

    op: Literal["remove_step"] = "remove_step"
    id: StepId

    def apply(self, graph: EtlGraph) -> list[Operation]:
        """Remove the step, remembering its edges and its place."""
        step = graph.step(self.id)
        index = next(number for number, known in enumerate(graph) if known is step)
        at = graph.layout.get(str(self.id))
        again = AddStep.model_construct(
            **dict(step.document),
            index=index,
            position=None if at is None else Point.model_construct(x=at.x, y=at.y),
        )
        edges = [*step.incoming, *step.outgoing]
        # Undone last to first, so that each edge finds the edges before it in their places.
        removed = [_connect_again(graph, edge) for edge in edges]
        graph.remove_node_step(self.id)
        return [again, *sorted(removed, key=lambda edge: edge.position or 0)]

    def reads(self) -> set[Touched]:
        """What would be lost must be what the client saw."""
        return {("exists", self.id), ("wires", self.id), *_of_step(self.id)}

    def writes(self) -> set[Touched]:
        """Everything about the step."""
        return self.reads()


class Connect(Base):
    """Draw an edge.

    Attributes:
        name: what a named port calls the edge.
        position: its place among the edges that end at the target; None: the last.
    """

    op: Literal["connect"] = "connect"
    source: StepId
    target: StepId
    output: str = "main"
    input: str = "main"
    name: str | None = None
    position: Annotated[int, Field(ge=0, le=1_000_000)] | None = None

    def apply(self, graph: EtlGraph) -> list[Operation]:
        """Draw it."""
        edge = graph.connect(self.source, self.target, output=self.output, input=self.input, name=self.name)
        if self.position is not None:
            incoming = graph.step(self.target).incoming
            incoming.insert(self.position, incoming.pop())
        return [Disconnect.model_construct(**edge.model_dump())]

    def reads(self) -> set[Touched]:
        """Both ends must be there, and the port as it was."""
        return {("exists", self.source), ("exists", self.target), self._port()}

    def writes(self) -> set[Touched]:
        """The port, and what hangs on both ends."""
        return {self._port(), ("wires", self.source), ("wires", self.target)}

    def _port(self) -> Touched:
        return ("port", self.target, self.input)


class Disconnect(Base):
    """Remove an edge."""

    op: Literal["disconnect"] = "disconnect"
    source: StepId
    target: StepId
    output: str = "main"
    input: str = "main"
    name: str | None = None

    def apply(self, graph: EtlGraph) -> list[Operation]:
        """Remove it."""
        edge = Edge(source=self.source, target=self.target, output=self.output, input=self.input, name=self.name)
        # Asked before anything is taken away: an unknown step must leave the graph as it was.
        known = edge in graph.step(self.target).incoming
        again = [_connect_again(graph, edge)] if known else []
        graph.disconnect(edge)
        return [*again]

    def reads(self) -> set[Touched]:
        """The port must be as it was."""
        return {("port", self.target, self.input)}

    def writes(self) -> set[Touched]:
        """The port, and what hangs on both ends."""
        return {("port", self.target, self.input), ("wires", self.source), ("wires", self.target)}


ParameterName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=200)]


class SetParameters(Base):
    """Declare the flow's parameters anew, all of them."""

    op: Literal["set_parameters"] = "set_parameters"
    parameters: dict[ParameterName, Parameter]

    def apply(self, graph: EtlGraph) -> list[Operation]:
        """Declare them."""
        before = dict(graph.declared_parameters)
        graph.set_parameters(self.parameters)
        return [SetParameters.model_construct(parameters=before)]

    def reads(self) -> set[Touched]:
        """The parameters must be as they were."""
        return {("parameters",)}

    def writes(self) -> set[Touched]:
        """The parameters."""
        return {("parameters",)}


class SetFlowSettings(Base):
    """Give the flow other settings, all of them."""

    op: Literal["set_flow_settings"] = "set_flow_settings"
    flow_settings: FlowSettings

    def apply(self, graph: EtlGraph) -> list[Operation]:
        """Replace them."""
        before, graph.flow_settings = graph.flow_settings, self.flow_settings
        return [SetFlowSettings.model_construct(flow_settings=before)]

    def reads(self) -> set[Touched]:
        """The settings must be as they were."""
        return {("flow_settings",)}

    def writes(self) -> set[Touched]:
        """The settings."""
        return {("flow_settings",)}


class Move(Base):
    """Put steps somewhere on the canvas; None takes a step's place away.

    Attributes:
        positions: by the step's id as text, as in the flow's `layout`.
    """

    op: Literal["move"] = "move"
    positions: dict[str, Point | None]

    def apply(self, graph: EtlGraph) -> list[Operation]:
        """Put them there."""
        for key in self.positions:
            find_step_id(graph, key)
        before = {key: graph.layout.get(key) for key in self.positions}
        for key, at in self.positions.items():
            if at is None:
                graph.layout.pop(key, None)
            else:
                graph.layout[key] = Position(x=at.x, y=at.y)
        back = {key: None if at is None else Point.model_construct(x=at.x, y=at.y) for key, at in before.items()}
        return [Move.model_construct(positions=back)]

    def reads(self) -> set[Touched]:
        """The places must be as they were."""
        return {("layout", key) for key in self.positions}

    def writes(self) -> set[Touched]:
        """The places."""
        return self.reads()


Operation = Annotated[
    AddStep | UpdateStep | RemoveStep | Connect | Disconnect | SetParameters | SetFlowSettings | Move,
    Field(discriminator="op"),
]
OPERATIONS: TypeAdapter[list[Operation]] = TypeAdapter(list[Operation])

_STEP_FIELDS = ("title", "description", "cache_results", "settings")


def apply_all(graph: EtlGraph, operations: list[Operation]) -> list[Operation]:
    """Apply operations in order, all or none; what brings the graph back, in the order to apply it.

    Raises:
        FlowfileError: one of them cannot be done; the graph is as it was.
    """
    undone: list[list[Operation]] = []
    done = False
    try:
        for operation in operations:
            undone.append(operation.apply(graph))  # noqa: PERF401 - what was done must be known when one fails
        done = True
    finally:
        if not done:
            for inverse in reversed(undone):
                for operation in inverse:
                    operation.apply(graph)
    return [operation for inverse in reversed(undone) for operation in inverse]


def find_step_id(graph: EtlGraph, text: str) -> NodeId:
    """The id of a step as a URL writes it: the text itself, else the integer that it spells.

    Raises:
        GraphError: the flow has no such step.
    """
    if text in graph:
        return text
    twin = _twin(text)
    if twin is not None and twin in graph:
        return twin
    raise GraphError(f"the flow has no node {text!r}", node_id=text)


def _twin(node_id: NodeId) -> NodeId | None:
    """The id that is written the same: 1 for "1" and the other way round."""
    if isinstance(node_id, int):
        return str(node_id)
    plain = len(node_id) < 20 and node_id.isascii() and node_id.removeprefix("-").isdigit()
    return int(node_id) if plain and str(int(node_id)) == node_id else None


def _of_step(node_id: NodeId) -> set[Touched]:
    return {("layout", str(node_id)), *((name, node_id) for name in _STEP_FIELDS)}


def _connect_again(graph: EtlGraph, edge: Edge) -> Connect:
    position = graph.step(edge.target).incoming.index(edge)
    return Connect.model_construct(**edge.model_dump(), position=position)
