"""What both modes share: the state of a run, its events, and the jobs that make results."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import polars as pl

from flowfile_engine import usercode
from flowfile_engine.dtypes import schema_text
from flowfile_engine.errors import DataError, FlowfileError, NodeId, Problem
from flowfile_engine.frames import POLARS_ERRORS
from flowfile_engine.graph.step import NodeStep
from flowfile_engine.io.errors import explain
from flowfile_engine.nodes.sink import OutputNode
from flowfile_engine.run.cache import CachedResult, ResultCache, Writing
from flowfile_engine.run.disk import disk_full
from flowfile_engine.run.flow import Frames, Output, PreparedFlow
from flowfile_engine.run.information import RunInformation, StepResult
from flowfile_engine.run.leaves import COMPRESSION, Leases, count_rows, forget, is_readable
from flowfile_engine.tasks import Event, LogEvent, PartialFileEvent, StepEvent

Emit = Callable[[Event], None]

ENGINE = "streaming"


class Job(ABC):
    """The materialization of one step: lazy plans that are collected, then a commit."""

    def __init__(self, step: NodeStep) -> None:
        self.step = step

    @abstractmethod
    def plans(self, frames: Frames) -> list[pl.LazyFrame]:
        """The plans to collect, which may be sinks."""

    @abstractmethod
    def finish(self, collected: Sequence[pl.DataFrame]) -> StepResult:
        """Make the result visible, once the plans have been collected."""

    @abstractmethod
    def abandon(self) -> None:
        """Remove what was written."""


class CacheJob(Job):
    """Sinks a step's outputs into the cache.

    Args:
        columns: by output, the columns to keep; None: all.
    """

    def __init__(
        self, step: NodeStep, cache: ResultCache, leases: Leases, columns: dict[str, list[str] | None]
    ) -> None:
        super().__init__(step)
        self._cache = cache
        self._leases = leases
        self._columns = columns
        self._writing: dict[str, Writing] = {}
        self._schemas: dict[str, pl.Schema] = {}
        self.results: dict[str, CachedResult] = {}

    def plans(self, frames: Frames) -> list[pl.LazyFrame]:
        plans = []
        for output, frame in frames.outputs(self.step.node_id).items():
            columns = self._columns.get(output)
            kept = frame if columns is None else frame.select(columns)
            self._schemas[output] = kept.collect_schema()
            self._writing[output] = self._cache.new(self.step.hash, output)
            sink = kept.sink_ipc(self._writing[output].path, compression=COMPRESSION, lazy=True)
            plans.append(sink)
        return plans

    def finish(self, collected: Sequence[pl.DataFrame]) -> StepResult:
        for output, writing in self._writing.items():
            lease = writing.commit_leased(
                columns=schema_text(self._schemas[output]),
                whole=self._columns.get(output) is None,
                rows=count_rows(writing.path, self._schemas[output]),
            )
            self.results[output] = self._leases.keep(lease)
        first = next(iter(self.results.values()))
        return StepResult(
            node_id=self.step.node_id,
            state="done",
            rows=first.rows,
            bytes=sum(result.bytes for result in self.results.values()),
            files={output: result.file_ref for output, result in self.results.items()},
        )

    def abandon(self) -> None:
        for writing in self._writing.values():
            writing.discard()


class WriteJob(Job):
    """Writes a step's input to where its node says, under a temporary name first."""

    def __init__(self, step: NodeStep, node: OutputNode, run_id: str, emit: Emit) -> None:
        super().__init__(step)
        self._node = node
        self._temporary: Path = node.temporary_path(run_id)
        self._lazily = True
        self._emit = emit

    def plans(self, frames: Frames) -> list[pl.LazyFrame]:
        self._node.check_target()
        self._emit(PartialFileEvent(path=str(self._temporary)))
        main = frames.inputs(self.step)["main"]
        sink = self._node.sink_plan(pl, main, self._temporary)
        self._lazily = sink is not None
        return [main if sink is None else sink]

    def finish(self, collected: Sequence[pl.DataFrame]) -> StepResult:
        if not self._lazily:
            self._node.write_whole(collected[0], self._temporary)
        rows = self._node.written_rows(self._temporary) if self._lazily else collected[0].height
        self._node.commit(self._temporary)
        return StepResult(node_id=self.step.node_id, state="done", rows=rows, bytes=self._node.written_bytes())

    def abandon(self) -> None:
        self._node.discard(self._temporary)


class Execution:
    """A run under way.

    Attributes:
        information: what is known of it so far.
    """

    def __init__(self, flow: PreparedFlow, cache: ResultCache, information: RunInformation, emit: Emit) -> None:
        self.flow = flow
        self.graph = flow.graph
        self.cache = cache
        self.information = information
        self.leases = Leases(cache)
        self._emit = emit
        self._lock = threading.Lock()
        self._results: dict[NodeId, StepResult] = {}

    def begin(self, needed: Iterable[NodeId]) -> None:
        """List the steps of the run; nothing is emitted for steps that wait."""
        chosen = set(needed)
        for step in self.graph.topological_sort():
            state = "waiting" if step.node_id in chosen else "skipped"
            self._results[step.node_id] = StepResult(node_id=step.node_id, state=state)

    def emit(self, event: Event) -> None:
        """Send an event; safe from any thread."""
        with self._lock:
            self._emit(event)

    def log(self, message: str, node_id: NodeId | None = None) -> None:
        """Add a line to the run's log."""
        self.emit(LogEvent(message=message, node_id=node_id))

    def put(self, result: StepResult) -> None:
        """Record and announce a step's state."""
        with self._lock:
            self._results[result.node_id] = result
            self._emit(StepEvent(result=result))

    def state(self, node_id: NodeId) -> StepResult:
        """A step's state as it is now."""
        return self._results[node_id]

    def job(self, step: NodeStep, columns: dict[str, list[str] | None]) -> Job:
        """The job that materializes a step."""
        node = self.flow.with_secrets(step)
        if isinstance(node, OutputNode):
            return WriteJob(step, node, self.information.run_id, self.emit)
        return CacheJob(step, self.cache, self.leases, columns)

    def explained(self, error: BaseException, step: NodeStep) -> FlowfileError:
        """The error for a person, placed on a step."""
        full = disk_full(error, self.cache.folder)
        if full is not None:
            return full.at(step.node_id)
        return (error if isinstance(error, FlowfileError) else explain(error, step.node)).at(step.node_id)

    def damaged(self, results: Mapping[Output, CachedResult]) -> FlowfileError | None:
        """The error for a cached result that can no longer be read. It is removed: the next run makes it anew."""
        found = next((node_id for (node_id, _), result in results.items() if not is_readable(result)), None)
        if found is None:
            return None
        # What damaged one has mostly damaged others.
        for step in self.graph:
            for output in step.node_type.info.outputs if step.hash else ():
                result = self.cache.find(step.hash, output)
                if result is not None and not is_readable(result):
                    result.path.unlink(missing_ok=True)
        return DataError("its cached result is damaged, and was removed", hint="run again", node_id=found)

    def fail(self, problem: Problem) -> None:
        """Record that a step failed, and that what is below it is not run."""
        assert problem.node_id is not None
        self.put(StepResult(node_id=problem.node_id, state="failed", problem=problem))
        below = self.graph.downstream([problem.node_id]) - {problem.node_id}
        for step in self.graph.topological_sort():
            if step.node_id in below and self._results[step.node_id].state == "waiting":
                self.put(StepResult(node_id=step.node_id, state="skipped"))

    def refuse_problems(self, needed: set[NodeId]) -> set[NodeId]:
        """Fail the steps whose problems are known beforehand; the steps that can run."""
        for problem in self.flow.problems(needed):
            if problem.node_id is not None and self._results[problem.node_id].state == "waiting":
                self.fail(problem)
        return {node_id for node_id in needed if self._results[node_id].state == "waiting"}

    def end(self) -> RunInformation:
        """Close the run: its results in topological order, and its state from theirs."""
        self.leases.close()
        self.information.results = list(self._results.values())
        failed = [result for result in self.information.results if result.state == "failed"]
        self.information.state = "failed" if failed else "done"
        self.information.problem = failed[0].problem if failed else None
        self.information.ended_at = time.time()
        return self.information


def blame(frames: Frames, steps: Sequence[NodeStep]) -> NodeStep:
    """The step at which a plan fails: the first whose own rows cannot be computed.

    Args:
        steps: all steps of the plan in topological order; the last one is known to fail.
    """
    low, high = 0, len(steps) - 1
    while low < high:
        middle = (low + high) // 2
        if _fails(frames, steps[: middle + 1]):
            high = middle
        else:
            low = middle + 1
    return steps[low]


def _fails(frames: Frames, steps: Sequence[NodeStep]) -> bool:
    try:
        # Only the ends: what they read is computed with them.
        inner = {edge.source for step in steps for edge in step.incoming}
        ends = [step for step in steps if step.node_id not in inner and step.node_type.info.outputs]
        plans = [frame for step in ends for frame in frames.outputs(step.node_id).values()]
        with usercode.errors_explained():
            pl.collect_all(
                [plan.sink_batches(forget, lazy=True) for plan in plans], engine=ENGINE, optimizations=frames.flags()
            )
    except (*POLARS_ERRORS, FlowfileError):
        return True
    return False
