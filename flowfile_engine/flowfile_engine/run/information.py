"""What is known of a run: one result a step."""

from __future__ import annotations

import time
from typing import Literal

from pydantic import BaseModel, Field

from flowfile_engine.errors import NodeId, Problem
from flowfile_engine.graph.document import Mode

StepState = Literal["waiting", "running", "done", "cached", "failed", "skipped", "cancelled"]
"""*cached*: an earlier result was still good. *skipped*: something above failed, or no target needs it."""

RunState = Literal["running", "done", "failed", "cancelled"]


class StepResult(BaseModel):
    """How one step fared.

    Attributes:
        rows: of the first output, where the run counted them.
        seconds: from the step's start to its end; None where it was fused with others into one plan.
        bytes: size of what was kept or written.
        files: the cached result's `file_ref` for each output that was materialized.
    """

    node_id: NodeId
    state: StepState = "waiting"
    rows: int | None = None
    seconds: float | None = None
    bytes: int | None = None
    problem: Problem | None = None
    files: dict[str, str] = Field(default_factory=dict)


class RunInformation(BaseModel):
    """A run and the results of its steps."""

    run_id: str
    flow_uuid: str = ""
    mode: Mode = "development"
    state: RunState = "running"
    started_at: float = Field(default_factory=time.time)
    ended_at: float | None = None
    peak_memory: int | None = None
    problem: Problem | None = None
    results: list[StepResult] = Field(default_factory=list)

    def add_result(self, node_id: NodeId, result: StepResult) -> None:
        """Record a step's result, in place of an earlier one of that step."""
        for index, known in enumerate(self.results):
            if known.node_id == node_id:
                self.results[index] = result
                return
        self.results.append(result)

    def result(self, node_id: NodeId) -> StepResult:
        """The result of one step.

        Raises:
            KeyError: the run does not know the step.
        """
        for result in self.results:
            if result.node_id == node_id:
                return result
        raise KeyError(node_id)

    @property
    def seconds(self) -> float:
        """Time from start to end, or until now."""
        return (self.ended_at or time.time()) - self.started_at
