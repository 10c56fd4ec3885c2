"""Figures on the Worker: for `/health`, and for Prometheus."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel

from flowfile_worker import processes
from flowfile_worker.pool import Pool


class ChildStatus(BaseModel):
    """A child and what it does."""

    pid: int
    state: Literal["starting", "idle", "working"]
    for_runs: bool
    memory: int


def own_memory() -> int:
    """Bytes that this process holds, without its children."""
    return processes.own_memory(os.getpid())


def child_statuses(pool: Pool) -> list[ChildStatus]:
    """All children as they are now."""
    return [
        ChildStatus(
            pid=child.pid,
            state="working" if child in pool.roster.lent else "idle" if child in pool.roster.idle else "starting",
            for_runs=child.for_runs,
            memory=child.memory(),
        )
        for child in pool.roster.children
    ]


async def prometheus(pool: Pool) -> str:
    """The figures as Prometheus reads them."""
    children, tasks = child_statuses(pool), pool.tasks()
    usage = await asyncio.to_thread(pool.cache.usage)
    states = ("starting", "idle", "working")
    return "".join(
        [
            _metric("tasks_total", "counter", ((f'kind="{k}",outcome="{o}"', n) for (k, o), n in pool.counts.items())),
            _metric("tasks_running", "gauge", [("", sum(task.state == "running" for task in tasks))]),
            _metric("tasks_queued", "gauge", [("", sum(task.state == "queued" for task in tasks))]),
            _metric(
                "children", "gauge", ((f'state="{s}"', sum(child.state == s for child in children)) for s in states)
            ),
            _metric("children_memory_bytes", "gauge", [("", sum(child.memory for child in children))]),
            _metric("memory_bytes", "gauge", [("", own_memory())]),
            _metric("task_memory_limit_bytes", "gauge", [("", pool.settings.memory_limit)]),
            _metric("results_bytes", "gauge", [("", usage["bytes"])]),
            _metric("results", "gauge", [("", usage["results"])]),
            _metric("results_max_bytes", "gauge", [("", pool.cache.max_bytes)]),
        ]
    )


def _metric(name: str, kind: str, values: Iterable[tuple[str, int]]) -> str:
    name = f"flowfile_worker_{name}"
    lines = [f"{name}{{{labels}}} {value}" if labels else f"{name} {value}" for labels, value in values]
    return "\n".join([f"# TYPE {name} {kind}", *lines, ""])
