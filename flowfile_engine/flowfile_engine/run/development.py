"""Development mode: step by step, so that every step can be looked at and what did not change is not done again.

Steps that work row by row stay plans. The others are sunk to the cache, pruned to the columns that are used below
them and the join keys (by which a full-width page finds its rows again). Independent branches run at once.
"""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

import polars as pl

from flowfile_engine import usercode
from flowfile_engine.errors import FlowfileError, NodeId
from flowfile_engine.frames import POLARS_ERRORS
from flowfile_engine.graph.step import NodeStep
from flowfile_engine.nodes.base import Node
from flowfile_engine.nodes.sink import OutputNode
from flowfile_engine.run.cache import CachedResult
from flowfile_engine.run.execution import ENGINE, CacheJob, Execution, Job, blame
from flowfile_engine.run.flow import Frames, Output
from flowfile_engine.run.information import StepResult
from flowfile_engine.run.leaves import in_order, scan
from flowfile_engine.run.planning import is_opaque, materialized_steps, optimizations
from flowfile_engine.run.pruning import columns_read
from flowfile_engine.run.written import WrittenMarks

WORKERS = 2
"""Jobs at once. Polars uses all cores for each; two keep them busy where one waits for a disk or a single thread."""

PRUNE_FROM_BYTES = 32 << 20
"""Flows over less than this are cached whole: finding out what to leave out would cost more than it saves."""


@dataclass
class Stage:
    """A step to materialize.

    Attributes:
        columns: by output, the columns to keep; None: all.
        leaves: the materialized outputs that it reads.
        between: the steps between those and it, itself last.
    """

    step: NodeStep
    between: list[NodeStep]
    leaves: set[Output]
    columns: dict[str, list[str] | None] = field(default_factory=dict)


class DevelopmentRun(Execution):
    """A run of a flow, or of what some steps need, in Development mode."""

    prune_from_bytes = PRUNE_FROM_BYTES

    def run(self, targets: list[NodeId], whole: frozenset[NodeId] = frozenset()) -> None:
        """Materialize the targets and whatever they need.

        Args:
            whole: steps whose outputs are kept with all columns, whether used below or not.
        """
        needed = self.graph.upstream(targets)
        self.begin(needed)
        runnable = self.refuse_problems(needed)
        self._marks = WrittenMarks(self.cache)
        self._chosen = materialized_steps(self.graph, needed, set(targets))
        self._whole = {node_id for node_id in needed if self.graph.step(node_id).cache_results} | whole | set(targets)
        self._prune = self._source_bytes(needed) >= self.prune_from_bytes
        self._found: dict[Output, CachedResult] = {}
        stages = self._demanded([node_id for node_id in targets if node_id in runnable])
        self._execute(stages)
        self._settle(needed)

    def _source_bytes(self, needed: set[NodeId]) -> int:
        files = {
            path
            for node_id in needed
            if (node := self.graph.step(node_id).node) is not None
            for path in node.source_files()
        }
        return sum(path.stat().st_size for path in files if path.is_file())

    # What is to be done

    def _demanded(self, targets: list[NodeId]) -> dict[NodeId, Stage]:
        """The stages that must be computed: the targets, and what is read by them and not in the cache."""
        wanted: dict[NodeId, dict[str, set[str] | None]] = {node_id: {} for node_id in targets}
        stages: dict[NodeId, Stage] = {}
        for step in reversed(self.graph.topological_sort()):
            if step.node_id not in wanted:
                continue
            stage = self._stage(step)
            self._choose_columns(stage, wanted[step.node_id])
            if self._is_there(stage):
                continue
            stages[step.node_id] = stage
            for (node_id, output), columns in self._reads(stage).items():
                of_step = wanted.setdefault(node_id, {})
                known = of_step.get(output, set())
                of_step[output] = None if columns is None or known is None else known | columns
        return dict(reversed(stages.items()))

    def _stage(self, step: NodeStep) -> Stage:
        between, leaves = [step], set[Output]()
        seen, pending = {step.node_id}, list(step.incoming)
        while pending:
            edge = pending.pop()
            if edge.source in self._chosen:
                leaves.add((edge.source, edge.output))
            elif edge.source not in seen:
                seen.add(edge.source)
                source = self.graph.step(edge.source)
                between.append(source)
                pending += source.incoming
        between.sort(key=lambda item: self.graph.position(item.node_id))
        return Stage(step, between, leaves)

    def _choose_columns(self, stage: Stage, wanted: dict[str, set[str] | None]) -> None:
        """Which columns to keep: those read below, the join keys, and what an earlier result held."""
        step = stage.step
        node = step.node
        assert node is not None
        whole = not self._prune or step.node_id in self._whole
        for output in node.info.outputs:
            columns = None if whole else wanted.get(output, set())
            schema = step.prediction.schemas.get(output) if step.prediction is not None else None
            if columns is None or schema is None:
                stage.columns[output] = None
                continue
            earlier = self.cache.find(step.hash, output)
            kept = columns | _join_keys(node) | set(earlier.columns if earlier is not None else ())
            names = in_order(kept, schema) or list(schema)[:1]
            stage.columns[output] = None if len(names) == len(schema) else names

    def _is_there(self, stage: Stage) -> bool:
        step = stage.step
        node = step.node
        if isinstance(node, OutputNode):
            current = self._marks.is_current(step.hash, node)
            if current:
                self.put(StepResult(node_id=step.node_id, state="cached", seconds=0))
            return current
        found: dict[str, CachedResult] = {}
        for output, columns in stage.columns.items():
            result = self.leases.open(step.hash, output)
            if result is None or not result.covers(None if columns is None else dict.fromkeys(columns, "")):
                return False
            found[output] = result
        for output, result in found.items():
            self._found[step.node_id, output] = result
        first = next(iter(found.values()))
        files = {output: result.file_ref for output, result in found.items()}
        self.put(
            StepResult(node_id=step.node_id, state="cached", rows=first.rows, bytes=first.bytes, files=files, seconds=0)
        )
        return True

    def _reads(self, stage: Stage) -> dict[Output, set[str] | None]:
        """What a stage reads of its leaves."""
        sources = [step for step in stage.between if not step.incoming and step is not stage.step]
        boundary = stage.leaves | {(step.node_id, output) for step in sources for output in step.node_type.info.outputs}
        schemas: dict[Output, pl.Schema] = {}
        for node_id, output in boundary:
            prediction = self.graph.step(node_id).prediction
            if prediction is None or output not in prediction.schemas:
                return dict.fromkeys(stage.leaves)
            schemas[node_id, output] = prediction.schemas[output]
        if not self._prune or not stage.leaves or any(map(is_opaque, stage.between)):
            return dict.fromkeys(stage.leaves)
        if isinstance(stage.step.node, OutputNode):
            wanted: dict[Output, list[str] | None] = {(e.source, e.output): None for e in stage.step.incoming}
        else:
            wanted = {(stage.step.node_id, output): columns for output, columns in stage.columns.items()}
        read = columns_read(self.flow, schemas, wanted)
        return {leaf: read[leaf] for leaf in stage.leaves}

    # Doing it

    def _execute(self, stages: dict[NodeId, Stage]) -> None:
        """Run the stages, each as soon as what it reads is there."""
        missing = {
            node_id: {source for source, output in stage.leaves if (source, output) not in self._found}
            for node_id, stage in stages.items()
        }
        readers: dict[NodeId, list[NodeId]] = {}
        for node_id, sources in missing.items():
            for source in sources:
                readers.setdefault(source, []).append(node_id)
        ready = deque(node_id for node_id in stages if not missing[node_id])
        running: dict[Future[None], NodeId] = {}
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="stage") as pool:
            while ready or running:
                while ready and len(running) < WORKERS:
                    node_id = ready.popleft()
                    if self.state(node_id).state != "skipped":
                        running[pool.submit(self._run_stage, stages[node_id])] = node_id
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    source = running.pop(future)
                    future.result()
                    for node_id in readers.get(source, []):
                        missing[node_id].discard(source)
                        if not missing[node_id]:
                            ready.append(node_id)

    def _run_stage(self, stage: Stage) -> None:
        step = stage.step
        self.put(StepResult(node_id=step.node_id, state="running"))
        started = time.perf_counter()
        frames = self._frames(stage)
        job: Job | None = None
        try:
            job = self.job(step, stage.columns)
            plans = job.plans(frames)
            with usercode.errors_explained():
                collected = pl.collect_all(plans, engine=ENGINE, optimizations=optimizations(stage.between))
            result = job.finish(collected)
        except (*POLARS_ERRORS, FlowfileError) as error:
            if job is not None:
                job.abandon()
            self._fail_stage(stage, error, frames)
            return
        if isinstance(job, CacheJob):
            for output, cached in job.results.items():
                self._found[step.node_id, output] = cached
        elif isinstance(step.node, OutputNode):
            self._marks.put(step.hash, step.node)
        self._finish_between(stage.between[:-1])
        self.put(result.model_copy(update={"seconds": time.perf_counter() - started}))

    def _frames(self, stage: Stage) -> Frames:
        given: dict[Output, pl.LazyFrame] = {}
        for node_id, output in stage.leaves:
            prediction = self.graph.step(node_id).prediction
            schema = prediction.schemas.get(output) if prediction is not None else None
            given[node_id, output] = scan(self._found[node_id, output], schema)
        return Frames(self.flow, given)

    def _fail_stage(self, stage: Stage, error: BaseException, frames: Frames) -> None:
        damaged = self.damaged({leaf: self._found[leaf] for leaf in stage.leaves})
        if damaged is not None:
            problem = damaged.problem
        elif isinstance(error, FlowfileError) and error.node_id is not None:
            problem = error.problem
        else:
            problem = self.explained(error, blame(frames, stage.between)).problem
        names = [item.node_id for item in stage.between]
        if problem.node_id in names:
            self._finish_between(stage.between[: names.index(problem.node_id)])
        if problem.node_id != stage.step.node_id:
            self.put(StepResult(node_id=stage.step.node_id, state="skipped"))
        self.fail(problem)

    def _finish_between(self, steps: list[NodeStep]) -> None:
        """The row-by-row steps that were part of a stage are done with it; they have no rows or time of their own."""
        for step in steps:
            if self.state(step.node_id).state == "waiting":
                self.put(StepResult(node_id=step.node_id, state="done"))

    def _settle(self, needed: set[NodeId]) -> None:
        """What nothing had to be computed from is as good as cached, or of no use any more after a failure."""
        for step in reversed(self.graph.topological_sort()):
            if step.node_id in needed and self.state(step.node_id).state == "waiting":
                below = {self.state(edge.target).state for edge in step.outgoing if edge.target in needed}
                self.put(self._unused(step) if below & {"cached", "done"} else self._skipped(step))

    def _unused(self, step: NodeStep) -> StepResult:
        """A step that nothing had to be read from, with what is known of it from an earlier run."""
        found = {output: self.cache.find(step.hash, output) for output in step.node_type.info.outputs if step.hash}
        files = {output: result.file_ref for output, result in found.items() if result is not None}
        rows = next((result.rows for result in found.values() if result is not None), None)
        return StepResult(node_id=step.node_id, state="cached", rows=rows, files=files)

    def _skipped(self, step: NodeStep) -> StepResult:
        return StepResult(node_id=step.node_id, state="skipped")


def _join_keys(node: Node) -> set[str]:
    """The columns by which a join finds its rows: a page of full width is read by them."""
    keys = [found.value for found in node.field_values() if found.kind.widget == "join_keys"]
    return {name for pairs in keys for pair in pairs for name in (pair.left, pair.right)}
