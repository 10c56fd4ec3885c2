"""The picture of a run in a terminal: the flow's graph with the state, rows and time of each node, as they change."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from flowfile.cli import lanes, text
from flowfile.cli.lanes import Line
from flowfile.cli.reports import Report, closing_line, problem_lines
from flowfile_engine.errors import NodeId
from flowfile_engine.graph.document import FlowDocument
from flowfile_engine.run.information import RunInformation, StepResult
from flowfile_engine.tasks import Event, LogEvent, StepEvent

FRAMES_A_SECOND = 10
ALL_NODES = 200
"""Flows of more nodes show only those that a person will look for."""

_DOTS = {"waiting": "○", "running": "◐", "done": "●", "cached": "●", "failed": "✗", "skipped": "○", "cancelled": "■"}
_STYLES = {
    "waiting": "dim",
    "running": "bold blue",
    "done": "green",
    "cached": "cyan",
    "failed": "bold red",
    "skipped": "dim",
    "cancelled": "yellow",
}
_TURNING = "◐◓◑◒"
_INTERESTING = ("failed", "cancelled", "running")


class LiveReport(Report):
    """Redraws the flow as its run goes on, and leaves the last picture behind."""

    def __init__(self, flow: FlowDocument, mode: str, console: Console) -> None:
        self._heading = Text.assemble((flow.flow_settings.name, "bold"), (f" · {mode} mode", "dim"))
        self._lines = lanes.draw(flow)
        self._graph_width = max((len(line.before) + 1 + len(line.after) for line in self._lines), default=1)
        self._results: dict[NodeId, StepResult] = {}
        self._console = console
        self._turn = 0
        self._live = Live(
            console=console,
            get_renderable=self._picture,
            refresh_per_second=FRAMES_A_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def start(self) -> None:
        """Begin to draw."""
        self._live.start()

    def event(self, event: Event) -> None:
        """Take note of a state, or print a line above the picture."""
        if isinstance(event, StepEvent):
            self._results[event.result.node_id] = event.result
        elif isinstance(event, LogEvent):
            where = f"{event.node_id}: " if event.node_id is not None else ""
            self._console.print(Text(f"{where}{event.message}", "dim"))

    def end(self, run: RunInformation) -> None:
        """Leave the last picture, and what went wrong."""
        self.close()
        self._results = {result.node_id: result for result in run.results}
        self._console.print(Group(self._heading, "", self._table(self._final_lines()), ""))
        style = {"done": "green", "failed": "bold red"}.get(run.state, "yellow")
        self._console.print(Text(closing_line(run, len(self._lines)), style))
        for line in problem_lines(run):
            self._console.print(Text(line), soft_wrap=True)

    def close(self) -> None:
        """Stop drawing."""
        self._live.stop()

    def _picture(self) -> RenderableType:
        self._turn += 1
        room = max(self._console.height - 4, 3)
        shown, hidden = self._lines, 0
        if len(shown) > room:
            first = next((place for place, line in enumerate(shown) if self._state(line) in ("running", "waiting")), 0)
            first = max(0, min(first - room // 3, len(shown) - room + 1))
            shown, hidden = shown[first : first + room - 1], len(shown) - room + 1
        parts: list[RenderableType] = [self._heading, "", self._table(shown)]
        if hidden:
            ended = sum(self._state(line) not in ("running", "waiting") for line in self._lines)
            parts.append(Text(f"… {hidden:,} more; {ended:,} of {len(self._lines):,} have ended", "dim"))
        return Group(*parts)

    def _final_lines(self) -> list[Line]:
        if len(self._lines) <= ALL_NODES:
            return self._lines
        read = {result.node_id for result in self._results.values() if result.rows is not None}
        chosen = [line for line in self._lines if self._state(line) in _INTERESTING or line.step.id in read]
        return chosen[:ALL_NODES]

    def _table(self, lines: list[Line]) -> Table:
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
        table.add_column(no_wrap=True, min_width=self._graph_width)
        table.add_column(no_wrap=True, overflow="ellipsis")
        table.add_column(no_wrap=True)
        table.add_column(style="dim", no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis")
        for line in lines:
            table.add_row(*self._cells(line))
        return table

    def _cells(self, line: Line) -> list[RenderableType]:
        result = self._results.get(line.step.id)
        state = self._state(line)
        dot = _TURNING[self._turn // 2 % len(_TURNING)] if state == "running" else _DOTS[state]
        graph = Text.assemble((line.before, "dim"), (dot, _STYLES[state]), (line.after.rstrip(), "dim"))
        rows = text.count(result.rows, "row") if result is not None and result.rows is not None else ""
        seconds = text.duration(result.seconds) if result is not None and result.seconds else ""
        words = "" if state in ("done", "waiting") else state
        if result is not None and result.problem is not None and state == "failed":
            words = f"failed: {text.first_words(result.problem.message, 60)}"
        name = Text(line.title, "dim" if state in ("waiting", "skipped") else "")
        node_id = Text(str(line.step.id) if line.step.title else "", "dim")
        return [graph, name, node_id, line.step.type, rows, seconds, Text(words, _STYLES[state])]

    def _state(self, line: Line) -> str:
        result = self._results.get(line.step.id)
        return result.state if result is not None else "waiting"
