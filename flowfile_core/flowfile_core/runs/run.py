"""One run: what is known of it while it goes on."""

from __future__ import annotations

import asyncio
import time
import uuid

from flowfile_core.flows.flow import OpenFlow
from flowfile_core.messages import ActiveRun, LogLevel, LogLine, RunSummary
from flowfile_engine.errors import NodeId, Problem
from flowfile_engine.graph.document import Mode
from flowfile_engine.run.information import RunInformation, RunState, StepResult

_MAX_LINES = 10_000


class Run:
    """A run that goes on, or has just ended.

    Attributes:
        cancelled: somebody asked for its end.
        sent: it is on its way to the Worker, or there.
        at_worker: the Worker has taken it.
        ended: set when its record is stored.
    """

    def __init__(self, flow: OpenFlow, mode: Mode) -> None:
        self.run_id = uuid.uuid4().hex
        self.flow = flow
        self.information = RunInformation(run_id=self.run_id, flow_uuid=flow.graph.uuid, mode=mode)
        self.cancelled = False
        self.sent = False
        self.at_worker = False
        self.task: asyncio.Task[None] | None = None
        self.ended = asyncio.Event()
        self._steps = [step.node_id for step in flow.graph]
        self._results: dict[NodeId, StepResult] = {}
        self._lines = 0

    @property
    def owner_id(self) -> int:
        """The person whose run it is."""
        return self.flow.owner_id

    def step(self, result: StepResult) -> None:
        """Take a step's new state."""
        self._results[result.node_id] = result

    def line(self, level: LogLevel, message: str, node_id: NodeId | None) -> LogLine | None:
        """The next line of its log; None where the log is full."""
        self._lines += 1
        if self._lines > _MAX_LINES:
            return None
        if self._lines == _MAX_LINES:
            level, message, node_id = "warning", "the log is full; what follows is left out", None
        return LogLine.model_construct(
            number=self._lines, time=time.time(), level=level, node_id=node_id, message=message
        )

    def end(self, run: RunInformation) -> None:
        """Take what the Worker says in the end."""
        known = self.information
        self.information = run.model_copy(
            update={
                "run_id": self.run_id,
                "flow_uuid": known.flow_uuid,
                "started_at": known.started_at,
                "ended_at": time.time(),
            }
        )

    def break_off(self, state: RunState, problem: Problem | None, peak_memory: int | None = None) -> None:
        """End without an answer: the steps that were running end as the run does, those that waited are skipped."""
        results: list[StepResult] = []
        for result in self._results.values():
            update: dict[str, object] = {}
            if result.state == "running":
                update = {"state": "cancelled"} if state == "cancelled" else {"state": "failed", "problem": problem}
            elif result.state == "waiting":
                update = {"state": "skipped"}
            results.append(result.model_copy(update=update) if update else result)
        known = {result.node_id for result in results}
        results += [StepResult(node_id=key, state="skipped") for key in self._steps if key not in known]
        self.information = self.information.model_copy(
            update={
                "state": state,
                "problem": problem,
                "peak_memory": peak_memory,
                "ended_at": time.time(),
                "results": results,
            }
        )

    def current(self) -> RunInformation:
        """What is known now."""
        if self.information.state != "running":
            return self.information
        return self.information.model_copy(update={"results": list(self._results.values())})

    def summary(self) -> RunSummary:
        """The run without its steps."""
        known = self.information
        return RunSummary.model_construct(
            run_id=self.run_id,
            flow_id=self.flow.flow_id,
            mode=known.mode,
            state=known.state,
            started_at=known.started_at,
            ended_at=known.ended_at,
            problem=known.problem,
        )

    def active(self) -> ActiveRun:
        """The run with its steps."""
        return ActiveRun.model_construct(run=self.summary(), results=list(self._results.values()))
