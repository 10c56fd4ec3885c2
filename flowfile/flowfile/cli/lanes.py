"""A flow's graph beside its list of nodes, as `git log --graph` draws commits: one line a node, one lane an open end.

```
● flights
│ ● weather
●─╯ joined
├─● by month
● late
```
"""

from __future__ import annotations

from dataclasses import dataclass

from flowfile_engine.errors import NodeId
from flowfile_engine.graph.document import FlowDocument, StepDocument

MAX_LANES = 16
"""With more open ends at once, lines say less than they take room; the nodes are listed without them."""


@dataclass(frozen=True, slots=True)
class Line:
    """A node of the list, with what stands left and right of its dot."""

    step: StepDocument
    before: str = ""
    after: str = ""

    @property
    def title(self) -> str:
        """What the node is called: its title, else its id."""
        return self.step.title or str(self.step.id)


class Drawing:
    """Draws line by line; holds which lane is taken by the output of which node."""

    def __init__(self, sources: dict[NodeId, list[NodeId]]) -> None:
        self._sources = sources
        self._readers = dict.fromkeys(sources, 0)
        for found in sources.values():
            for source in found:
                self._readers[source] += 1
        self._lanes: list[NodeId | None] = []
        self.width = 0

    def line(self, step: StepDocument) -> Line:
        """The next node's line."""
        sources = set(self._sources[step.id])
        for source in sources:
            self._readers[source] -= 1
        read = [lane for lane, source in enumerate(self._lanes) if source in sources]
        ending = {lane for lane in read if self._readers[self._owner(lane)] == 0}
        at = min(ending) if ending else self._free_lane()
        cells = self._cells(read, ending, at)
        for lane in ending:
            self._lanes[lane] = None
        self._lanes[at] = step.id if self._readers[step.id] else None
        while self._lanes and self._lanes[-1] is None:
            self._lanes.pop()
        self.width = max(self.width, len(cells))
        return Line(step, "".join(cells[:at]), cells[at][1:] + "".join(cells[at + 1 :]))

    def _owner(self, lane: int) -> NodeId:
        owner = self._lanes[lane]
        assert owner is not None
        return owner

    def _free_lane(self) -> int:
        if None not in self._lanes:
            self._lanes.append(None)
        return self._lanes.index(None)

    def _cells(self, read: list[int], ending: set[int], at: int) -> list[str]:
        """Two characters a lane: what stands on it, and what lies between it and the next."""
        low, high = min([at, *read]), max([at, *read])
        cells = []
        for lane, owner in enumerate(self._lanes):
            if lane == at:
                mark = "●"
            elif lane in read:
                place = 0 if lane == low else 2 if lane == high else 1
                mark = ("╰┴╯" if lane in ending else "├┼┤")[place]
            elif owner is not None:
                mark = "│"
            else:
                mark = "─" if low < lane < high else " "
            cells.append(mark + ("─" if low <= lane < high else " "))
        return cells


def draw(flow: FlowDocument) -> list[Line]:
    """A flow's nodes, each below what it reads and branch by branch, with the graph drawn beside them."""
    sources = _sources(flow)
    steps = {step.id: step for step in flow.steps}
    order = _reading_order(sources)
    drawing = Drawing(sources)
    lines: list[Line] = []
    for node_id in order:
        lines.append(drawing.line(steps[node_id]))
        if drawing.width > MAX_LANES:
            return [Line(steps[node_id]) for node_id in order]
    return lines


def _sources(flow: FlowDocument) -> dict[NodeId, list[NodeId]]:
    """By node, the distinct nodes that it reads. A flow that is not valid is drawn as far as it goes."""
    found: dict[NodeId, list[NodeId]] = {step.id: [] for step in flow.steps}
    for edge in flow.edges:
        if edge.source in found and edge.target in found and edge.source not in found[edge.target]:
            found[edge.target].append(edge.source)
    return found


def _reading_order(sources: dict[NodeId, list[NodeId]]) -> list[NodeId]:
    """Depth first from the ends of the flow, so that a branch stays together. Not recursive: flows may be long."""
    read = {source for found in sources.values() for source in found}
    order: dict[NodeId, None] = {}
    seen: set[NodeId] = set()
    for start in [*(node_id for node_id in sources if node_id not in read), *sources]:
        pending = [(start, iter(sources[start]))] if start not in seen else []
        seen.add(start)
        while pending:
            node_id, rest = pending[-1]
            source = next((source for source in rest if source not in seen), None)
            if source is None:
                order[node_id] = None
                pending.pop()
            else:
                seen.add(source)
                pending.append((source, iter(sources[source])))
    return list(order)
