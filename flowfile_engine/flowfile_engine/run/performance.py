"""Performance mode: the whole flow as one Polars plan, in which only the targets are materialized."""

from __future__ import annotations

import time
from collections.abc import Sequence

import polars as pl

from flowfile_engine import usercode
from flowfile_engine.errors import FlowfileError, NodeId
from flowfile_engine.frames import POLARS_ERRORS
from flowfile_engine.graph.step import NodeStep
from flowfile_engine.nodes.sink import OutputNode
from flowfile_engine.run.execution import ENGINE, Execution, Job, blame
from flowfile_engine.run.flow import Frames, Output
from flowfile_engine.run.information import StepResult
from flowfile_engine.run.leaves import scan
from flowfile_engine.run.planning import optimizations


class PerformanceRun(Execution):
    """A run of a flow in Performance mode. All outputs are written, or none."""

    def run(self, targets: list[NodeId]) -> None:
        """Materialize the targets and the steps marked `cache_results`."""
        needed = self.graph.upstream(targets)
        self.begin(needed)
        if self.refuse_problems(needed) != needed:
            self._skip(needed)
            return
        frames = Frames(self.flow, self._cached(needed))
        chosen = [
            step
            for step in self.graph.topological_sort()
            if step.node_id in needed
            and (step.node_id in targets or step.cache_results)
            and self.state(step.node_id).state == "waiting"
        ]
        self._materialize(chosen, frames, [step for step in self.graph.topological_sort() if step.node_id in needed])

    def _cached(self, needed: set[NodeId]) -> dict[Output, pl.LazyFrame]:
        """Frames of the results that are in the cache already."""
        given: dict[Output, pl.LazyFrame] = {}
        for step in self.graph.topological_sort():
            outputs = step.node_type.info.outputs
            if step.node_id not in needed or isinstance(step.node, OutputNode) or not outputs:
                continue
            if not step.cache_results and step.outgoing:
                continue
            results = {output: self.leases.open(step.hash, output) for output in outputs}
            whole = {output: result for output, result in results.items() if result is not None and result.whole}
            if len(whole) == len(outputs):
                given.update({(step.node_id, output): scan(result, None) for output, result in whole.items()})
                files = {output: result.file_ref for output, result in whole.items()}
                first = next(iter(whole.values()))
                self.put(StepResult(node_id=step.node_id, state="cached", rows=first.rows, files=files, seconds=0))
        return given

    def _materialize(self, chosen: list[NodeStep], frames: Frames, steps: Sequence[NodeStep]) -> None:
        for step in chosen:
            self.put(StepResult(node_id=step.node_id, state="running"))
        started = time.perf_counter()
        jobs: list[Job] = []
        try:
            plans: list[pl.LazyFrame] = []
            slices: list[slice] = []
            for step in chosen:
                jobs.append(self.job(step, {}))
                made = jobs[-1].plans(frames)
                slices.append(slice(len(plans), len(plans) + len(made)))
                plans += made
            with usercode.errors_explained():
                collected = pl.collect_all(plans, engine=ENGINE, optimizations=optimizations(steps))
            results = [job.finish(collected[part]) for job, part in zip(jobs, slices, strict=True)]
        except (*POLARS_ERRORS, FlowfileError) as error:
            for job in jobs:
                job.abandon()
            self._fail(error, frames, steps, chosen)
            return
        seconds = time.perf_counter() - started
        for result in results:
            self.put(result.model_copy(update={"seconds": seconds}))
        self._finish_others(steps)

    def _fail(self, error: BaseException, frames: Frames, steps: Sequence[NodeStep], chosen: list[NodeStep]) -> None:
        if isinstance(error, FlowfileError) and error.node_id is not None:
            problem = error.problem
        else:
            problem = self.explained(error, blame(frames, steps)).problem
        for step in chosen:
            if step.node_id != problem.node_id:
                self.put(StepResult(node_id=step.node_id, state="skipped"))
        self.fail(problem)
        self._skip({step.node_id for step in steps})

    def _skip(self, needed: set[NodeId]) -> None:
        for node_id in needed:
            if self.state(node_id).state == "waiting":
                self.put(StepResult(node_id=node_id, state="skipped"))

    def _finish_others(self, steps: Sequence[NodeStep]) -> None:
        """The steps that became part of the plan are done with it; they have no rows or time of their own."""
        for step in steps:
            if self.state(step.node_id).state == "waiting":
                self.put(StepResult(node_id=step.node_id, state="done"))
