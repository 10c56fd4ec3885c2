"""How a run is reported while it goes on and at its end: as lines, or as JSON. The live picture is in `live`."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections import Counter

from flowfile.cli import text
from flowfile_engine.errors import NodeId
from flowfile_engine.graph.document import FlowDocument
from flowfile_engine.run.information import RunInformation, StepResult
from flowfile_engine.tasks import EVENT, DoneEvent, Event, LogEvent, Ran, StepEvent

ENDED = ("done", "cached", "failed", "cancelled")


class Report(ABC):
    """Takes a run's events, then its end."""

    def start(self) -> None:  # noqa: B027 - most have nothing to do
        """The run begins."""

    @abstractmethod
    def event(self, event: Event) -> None:
        """Something happened."""

    @abstractmethod
    def end(self, run: RunInformation) -> None:
        """The run is over; steps that were never reported are in it too."""

    def close(self) -> None:  # noqa: B027
        """Leave the terminal as it was, whatever happened."""


class JsonReport(Report):
    """The run as one JSON document on standard output."""

    def event(self, event: Event) -> None:
        """Pass on what the log says."""
        if isinstance(event, LogEvent):
            log_line(event)

    def end(self, run: RunInformation) -> None:
        """Write the document."""
        sys.stdout.write(run.model_dump_json(indent=2) + "\n")


class EventsReport(Report):
    """Each event as one line of JSON on standard output; the last one holds the run."""

    def event(self, event: Event) -> None:
        """Write an event."""
        if not isinstance(event, DoneEvent):
            self._write(event)

    def end(self, run: RunInformation) -> None:
        """Write the last line."""
        self._write(DoneEvent(answer=Ran(run=run)))

    def _write(self, event: Event) -> None:
        sys.stdout.write(EVENT.dump_json(event).decode() + "\n")
        sys.stdout.flush()


class LinesReport(Report):
    """A line a node as it ends, for logs and terminals without colours."""

    def __init__(self, flow: FlowDocument) -> None:
        self._titles: dict[NodeId, str] = {step.id: step.title or str(step.id) for step in flow.steps}
        self._told: dict[NodeId, str] = {}

    def event(self, event: Event) -> None:
        """Write a line, if a node ended or something was printed."""
        if isinstance(event, LogEvent):
            log_line(event)
        elif isinstance(event, StepEvent) and event.result.state in ENDED:
            self._tell(event.result)

    def end(self, run: RunInformation) -> None:
        """Write what was not told before, and what went wrong."""
        for result in run.results:
            if result.state in ENDED:
                self._tell(result)
        sys.stdout.write(closing_line(run, len(self._titles)) + "\n")
        sys.stdout.flush()
        for line in problem_lines(run):
            sys.stderr.write(line + "\n")

    def _tell(self, result: StepResult) -> None:
        if self._told.get(result.node_id) == result.state:
            return
        self._told[result.node_id] = result.state
        parts = [f"{self._titles.get(result.node_id, result.node_id)}: {result.state}"]
        parts += [text.count(result.rows, "row")] if result.rows is not None else []
        parts += [text.duration(result.seconds)] if result.seconds else []
        sys.stdout.write(", ".join(parts) + "\n")
        sys.stdout.flush()


def log_line(event: LogEvent) -> None:
    """Write a line of the run's log, or of what a person's code printed, to standard error."""
    where = f"{event.node_id}: " if event.node_id is not None else ""
    sys.stderr.write(f"{where}{event.message}\n")


def closing_line(run: RunInformation, nodes: int) -> str:
    """What came of a run of a flow of so many nodes, in one line."""
    states = Counter(result.state for result in run.results)
    parts = [text.count(nodes, "node")]
    parts += [f"{states[state]:,} {state}" for state in ("cached", "failed", "skipped", "cancelled") if states[state]]
    memory = f", {text.size(run.peak_memory)} of memory" if run.peak_memory else ""
    word = {"done": "Done", "failed": "Failed", "cancelled": "Cancelled"}.get(run.state, run.state)
    return f"{word} in {text.duration(run.seconds)}: {', '.join(parts)}{memory}"


def problem_lines(run: RunInformation) -> list[str]:
    """What went wrong in a run; nothing for one that was cancelled."""
    if run.state == "cancelled":
        return []
    problems = [result.problem for result in run.results if result.problem is not None]
    problems += [run.problem] if run.problem is not None else []
    return [line for problem in text.distinct(problems) for line in ("", *text.problem_lines(problem))]
