"""The graph of a flow: steps and edges, with what must always hold of them."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from flowfile_engine.errors import GraphError, NodeId
from flowfile_engine.graph.document import Edge, FlowDocument, FlowSettings, Parameter, StepDocument
from flowfile_engine.graph.parameters import Value, parameter_values
from flowfile_engine.graph.step import NodeStep
from flowfile_engine.nodes.registry import Registry, builtin_registry

if TYPE_CHECKING:
    from flowfile_engine.run.information import RunInformation


class EtlGraph:
    """A flow as a directed acyclic graph of steps.

    Edges go from a named output to a named input. What cannot be is refused when made: a cycle, a doubled edge, a
    second edge on a port that takes one, a name that does not exist.
    """

    def __init__(
        self,
        document: FlowDocument | None = None,
        *,
        parameters: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
        registry: Registry | None = None,
    ) -> None:
        """A graph of a document, or an empty one.

        Args:
            document: the flow; None: an empty one.
            parameters: values for this graph's parameters, over their defaults.
            environment: where `${env:NAME}` is looked up; None keeps the references.
            registry: the node types; None: those of the product.
        """
        document = document or FlowDocument()
        self.uuid = document.uuid
        self.flow_settings: FlowSettings = document.flow_settings
        self.layout = dict(document.layout)
        self.registry = registry or builtin_registry()
        self._declared: dict[str, Parameter] = dict(document.parameters)
        self._overrides = dict(parameters or {})
        self._environment = environment
        self.parameters: dict[str, Value] = parameter_values(self._declared, self._overrides)
        self._steps: dict[NodeId, NodeStep] = {}
        self._order: list[NodeStep] | None = None
        self._positions: dict[NodeId, int] = {}
        self._dirty: set[NodeId] = set()
        for step in document.steps:
            self._add(step)
        for edge in document.edges:
            self._link(edge)
        self.topological_sort()

    # Reading

    def __len__(self) -> int:
        return len(self._steps)

    def __iter__(self) -> Iterator[NodeStep]:
        return iter(self._steps.values())

    def __contains__(self, node_id: NodeId) -> bool:
        return node_id in self._steps

    def step(self, node_id: NodeId) -> NodeStep:
        """The step of an id.

        Raises:
            GraphError: there is none.
        """
        try:
            return self._steps[node_id]
        except KeyError:
            raise GraphError(f"the flow has no node {node_id!r}", node_id=node_id) from None

    @property
    def edges(self) -> list[Edge]:
        """All edges, by the step where they end."""
        return [edge for step in self._steps.values() for edge in step.incoming]

    @property
    def declared_parameters(self) -> Mapping[str, Parameter]:
        """The flow's parameters with type and default."""
        return self._declared

    def document(self) -> FlowDocument:
        """The flow as data."""
        return FlowDocument(
            uuid=self.uuid,
            flow_settings=self.flow_settings,
            parameters=dict(self._declared),
            steps=[step.document for step in self._steps.values()],
            edges=self.edges,
            layout=self.layout,
        )

    def topological_sort(self) -> list[NodeStep]:
        """The steps, each after those that it reads.

        Raises:
            GraphError: a cycle, with the nodes on it named.
        """
        if self._order is None:
            steps = list(self._steps.values())
            places = {step.node_id: place for place, step in enumerate(steps)}
            waiting = {step.node_id: len(step.incoming) for step in steps}
            # Of the steps that may come next, the first one added: a flow that was saved and opened keeps its order.
            ready = [place for place, step in enumerate(steps) if not step.incoming]
            order: list[NodeStep] = []
            while ready:
                step = steps[heapq.heappop(ready)]
                order.append(step)
                for edge in step.outgoing:
                    waiting[edge.target] -= 1
                    if waiting[edge.target] == 0:
                        heapq.heappush(ready, places[edge.target])
            if len(order) < len(self._steps):
                cycle = self._cycle({node_id for node_id, count in waiting.items() if count > 0})
                shown = ", ".join(map(str, cycle[:8]))
                raise GraphError(f"the nodes {shown} read each other in a cycle", node_id=cycle[0])
            self._order = order
            self._positions = {step.node_id: index for index, step in enumerate(order)}
        return list(self._order)

    def _cycle(self, caught: set[NodeId]) -> list[NodeId]:
        """A cycle among steps each of which reads another of them, in the order in which they stand in the flow."""
        path: dict[NodeId, int] = {}
        current = next(iter(caught))
        while current not in path:
            path[current] = len(path)
            current = next(edge.source for edge in self._steps[current].incoming if edge.source in caught)
        cycle = {node_id for node_id, place in path.items() if place >= path[current]}
        return [node_id for node_id in self._steps if node_id in cycle]

    def position(self, node_id: NodeId) -> int:
        """The step's place in the topological order."""
        if self._order is None:
            self.topological_sort()
        return self._positions[node_id]

    def upstream(self, targets: Iterable[NodeId]) -> set[NodeId]:
        """The steps that the targets need, themselves included."""
        return self._reach(targets, lambda step: [edge.source for edge in step.incoming])

    def downstream(self, starts: Iterable[NodeId]) -> set[NodeId]:
        """The steps that read from the starts, themselves included."""
        return self._reach(starts, lambda step: [edge.target for edge in step.outgoing])

    def _reach(self, starts: Iterable[NodeId], neighbours: Any) -> set[NodeId]:
        reached: set[NodeId] = set()
        pending = [self.step(node_id).node_id for node_id in starts]
        while pending:
            node_id = pending.pop()
            if node_id not in reached:
                reached.add(node_id)
                pending += neighbours(self._steps[node_id])
        return reached

    # Editing

    def add_node_step(
        self,
        node_id: NodeId,
        settings: Mapping[str, Any] | None = None,
        *,
        node_type: str,
        title: str = "",
        description: str = "",
        cache_results: bool = False,
    ) -> NodeStep:
        """Add a step. Its settings may be unfinished.

        Raises:
            GraphError: the id is taken.
            NodeTypeError: the type is not known.
        """
        version = self.registry[node_type].version
        return self.add_step(
            StepDocument(
                id=node_id,
                type=node_type,
                version=version,
                title=title,
                description=description,
                cache_results=cache_results,
                settings=dict(settings or {}),
            )
        )

    def add_step(self, document: StepDocument, index: int | None = None) -> NodeStep:
        """Add a step as data, at a place among the steps (None: the last).

        Raises:
            GraphError: the id is taken.
            NodeTypeError: the type is not known.
        """
        step = self._add(document)
        if index is not None and index < len(self._steps) - 1:
            items = list(self._steps.items())
            items.insert(index, items.pop())
            self._steps = dict(items)
        self._order = None
        return step

    def replace_step(self, document: StepDocument) -> NodeStep:
        """Give a step new settings, title, description or `cache_results`; its edges and type stay."""
        step = self.step(document.id)
        if document.type != step.document.type:
            raise GraphError(f"node {document.id!r} is of type {step.document.type!r}", node_id=document.id)
        changed = document.settings != step.document.settings or document.version != step.document.version
        step.document = document
        if changed:
            step.validate(self.parameters, self._environment)
            self._dirty.add(step.node_id)
        return step

    def remove_node_step(self, node_id: NodeId) -> None:
        """Remove a step and the edges that touch it."""
        step = self.step(node_id)
        for edge in [*step.incoming, *step.outgoing]:
            self.disconnect(edge)
        del self._steps[node_id]
        self._dirty.discard(node_id)
        self.layout.pop(str(node_id), None)
        self._order = None

    def connect(
        self, source: NodeId, target: NodeId, *, output: str = "main", input: str = "main", name: str | None = None
    ) -> Edge:
        """Draw an edge.

        Raises:
            GraphError: a name that does not exist, a port that is taken, a doubled edge, or a cycle.
        """
        edge = Edge(source=source, output=output, target=target, input=input, name=name)
        self.step(source)
        self.step(target)
        if source in self.downstream([target]):
            raise GraphError(f"an edge from {source!r} to {target!r} would close a cycle", node_id=target)
        self._link(edge)
        self._order = None
        return edge

    def disconnect(self, edge: Edge) -> None:
        """Remove an edge.

        Raises:
            GraphError: there is no such edge.
        """
        source, target = self.step(edge.source), self.step(edge.target)
        if edge not in target.incoming:
            raise GraphError(f"there is no edge from {edge.source!r} to {edge.target!r}", node_id=edge.target)
        target.incoming.remove(edge)
        source.outgoing.remove(edge)
        self._dirty.add(edge.target)
        self._order = None

    def set_parameters(self, declared: Mapping[str, Parameter]) -> None:
        """Declare the flow's parameters anew; steps whose settings name one are validated again."""
        self.parameters = parameter_values(declared, {k: v for k, v in self._overrides.items() if k in declared})
        self._declared = dict(declared)
        for step in self._steps.values():
            if "${" in str(step.document.settings):
                step.validate(self.parameters, self._environment)
                self._dirty.add(step.node_id)

    def mark_changed(self, node_id: NodeId) -> None:
        """Predict a step again at the next prediction: what it reads from outside may have changed."""
        self._dirty.add(self.step(node_id).node_id)

    def take_changed(self) -> set[NodeId]:
        """The steps to predict again; the caller does so."""
        changed, self._dirty = self._dirty, set()
        return changed

    def run_graph(self, **options: Any) -> RunInformation:
        """Run the flow in this process; see `flowfile_engine.run.local.run_graph` for the options."""
        from flowfile_engine.run.local import run_graph

        return run_graph(self, **options)

    def _add(self, document: StepDocument) -> NodeStep:
        if document.id in self._steps or _twin(document.id) in self._steps:
            raise GraphError(f"two nodes are called {str(document.id)!r}", node_id=document.id)
        step = NodeStep(document, self.registry[document.type])
        step.validate(self.parameters, self._environment)
        self._steps[document.id] = step
        self._dirty.add(document.id)
        return step

    def _link(self, edge: Edge) -> None:
        source, target = self.step(edge.source), self.step(edge.target)
        outputs = source.node_type.info.outputs
        if edge.output not in outputs:
            has = f"its outputs are {', '.join(outputs)}" if outputs else "it has no outputs"
            raise GraphError(f"node {edge.source!r} has no output {edge.output!r}", hint=has, node_id=edge.source)
        ports = {port.name: port for port in target.node_type.info.ports}
        if edge.input not in ports:
            has = f"its inputs are {', '.join(ports)}" if ports else "it takes no inputs"
            raise GraphError(f"node {edge.target!r} has no input {edge.input!r}", hint=has, node_id=edge.target)
        taken = [known for known in target.incoming if known.input == edge.input]
        if taken and not ports[edge.input].multiple:
            raise GraphError(
                f"the input `{edge.input}` of node {edge.target!r} is connected already",
                hint=f"to node {taken[0].source!r}; remove that edge first",
                node_id=edge.target,
            )
        if edge in taken or (edge.name and any(known.name == edge.name for known in taken)):
            raise GraphError(f"node {edge.target!r} has that edge already", node_id=edge.target)
        target.incoming.append(edge)
        source.outgoing.append(edge)
        self._dirty.add(edge.target)


def _twin(node_id: NodeId) -> NodeId:
    """The id that reads the same: 1 and "1" could not be told apart in a layout, an address or an argument."""
    if isinstance(node_id, int):
        return str(node_id)
    is_number = len(node_id) < 20 and node_id.isascii() and node_id.isdigit() and str(int(node_id)) == node_id
    return int(node_id) if is_number else node_id
