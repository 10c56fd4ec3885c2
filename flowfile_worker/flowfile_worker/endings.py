"""Answers for tasks whose child cannot answer any more: cancelled, out of memory, lost."""

from __future__ import annotations

import signal
import time

from flowfile_engine.errors import CancelledRunError, OutOfMemoryError, Problem, WorkerLostError
from flowfile_engine.run.information import RunInformation, StepResult, StepState
from flowfile_engine.tasks import DoneEvent, FailedEvent, Ran, RunTask, StepEvent
from flowfile_worker.memory import shown

# How events begin as JSON. Whatever else a child says is passed on unread.
STEP = b'{"kind":"step"'
PARTIAL_FILE = b'{"kind":"partial_file"'
DONE = b'{"kind":"done"'
FAILED = b'{"kind":"failed"'


def cancelled() -> Problem:
    """What is said of a task that a person cancelled."""
    return CancelledRunError("the task was cancelled").problem


def over_ceiling(peak: int, limit: int) -> Problem:
    """What is said of a task that held more memory than it may."""
    return OutOfMemoryError(
        f"a task may use {shown(limit)} of memory, and this one reached {shown(peak)}",
        hint="filter rows or drop columns earlier, or run it in performance mode; the limit is a setting of the Worker",
    ).problem


def child_died(status: int, peak: int, for_memory: bool) -> Problem:
    """What is said of a task whose process ended by itself.

    Args:
        status: its exit status, negative for a signal.
        peak: the most memory that was seen, in bytes.
        for_memory: whether the system killed it because the machine ran out of memory.
    """
    reached = f"; it held up to {shown(peak)} of memory" if peak else ""
    if for_memory:
        return OutOfMemoryError(
            f"the system ran out of memory and killed the task's process{reached}",
            hint="filter rows or drop columns earlier, or give the machine more memory",
        ).problem
    if status < 0:
        message = f"the task's process was ended by {_signal_name(-status)}{reached}"
    else:
        message = f"the task's process ended with status {status}{reached}"
    return WorkerLostError(message, hint="the log may hold its last words; running again may help").problem


def never_started(last_words: str) -> Problem:
    """What is said of a task for which no process could be started."""
    return WorkerLostError("the Worker could not start a process for the task", hint=last_words).problem


class RunRecord:
    """Collects a run's steps as they change, to answer in the place of a child that cannot."""

    def __init__(self, task: RunTask) -> None:
        self._run = RunInformation(run_id=task.run_id, flow_uuid=task.flow.uuid, mode=task.mode)
        self._steps = [step.id for step in task.flow.steps]

    def add(self, event: StepEvent) -> None:
        """Take note of a step's state."""
        self._run.add_result(event.result.node_id, event.result)

    def answer(self, problem: Problem, peak: int | None) -> Ran:
        """The run as it ended: the steps that were running carry the problem, those that had not begun are skipped."""
        was_cancelled = problem.code == CancelledRunError.code
        run = self._run.model_copy(deep=True)
        run.state = "cancelled" if was_cancelled else "failed"
        run.ended_at, run.peak_memory, run.problem = time.time(), peak or None, problem
        for result in run.results:
            if result.state == "running":
                _end(result, "cancelled" if was_cancelled else "failed", problem)
        known = {result.node_id for result in run.results}
        run.results += [StepResult(node_id=key, state="skipped") for key in self._steps if key not in known]
        return Ran(run=run)


def last_event(record: RunRecord | None, problem: Problem, peak: int) -> bytes:
    """The event that ends a task in its child's stead, as JSON."""
    if record is not None:
        return DoneEvent(answer=record.answer(problem, peak)).model_dump_json().encode()
    return FailedEvent(problem=problem, peak_memory=peak or None).model_dump_json().encode()


def with_peak_memory(message: bytes, peak: int) -> bytes:
    """A run's answer or a task's failure, with the memory that the parent saw."""
    if message.startswith(FAILED):
        failed = FailedEvent.model_validate_json(message)
        failed.peak_memory = peak or None
        return failed.model_dump_json().encode()
    done = DoneEvent.model_validate_json(message)
    if isinstance(done.answer, Ran):
        done.answer.run.peak_memory = max(peak, done.answer.run.peak_memory or 0) or None
    return done.model_dump_json().encode()


def is_unexpected(message: bytes | None) -> bool:
    """Whether a last event tells of an error that nobody foresaw, after which its process is not to be trusted."""
    return message is not None and message.startswith(FAILED + b',"problem":{"code":"internal_error"')


def _end(result: StepResult, state: StepState, problem: Problem) -> None:
    result.state = state
    if state == "failed":
        result.problem = problem.model_copy(update={"node_id": result.node_id})


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
