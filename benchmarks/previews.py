"""Looking at nodes over HTTP: rows and counts after a Development run, and while a run goes on."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import polars as pl

from benchmarks.figures import Figure
from benchmarks.running import DEVELOPMENT, PERFORMANCE
from benchmarks.services import Flow
from benchmarks.session import Session
from benchmarks.tpch.flows import ANSWER, FLOWS, tpch_flow
from flowfile_engine.errors import NodeId
from flowfile_engine.run.information import RunInformation
from flowfile_engine.run.rows import page
from flowfile_engine.tasks import Rows

T = TypeVar("T")

_ROWS = 100
_LOOKS = 40
_RUNS = 6


class MismatchError(Exception):
    """What was shown is not what the run gave."""


def measure_previews(session: Session) -> None:
    """The first rows and the row count of every node of the ten queries, after a first run in Development mode."""
    previews: dict[str, float] = {}
    counts: dict[str, float] = {}
    agreeing = 0
    for name in FLOWS:
        session.services.clear_results()
        flow = Flow(session.services, tpch_flow(name, session.tables))
        information = flow.run(DEVELOPMENT)
        for step in flow.document.steps:
            seconds, rows = _timed(lambda flow=flow, step=step: flow.rows(step.id, _ROWS))
            previews[f"{name} {step.id}"] = seconds
            seconds, count = _timed(lambda flow=flow, step=step: flow.count(step.id))
            counts[f"{name} {step.id}"] = seconds
            agreeing += _check(session, flow, information, step.id, rows, count)
    note = f"of {len(previews)} nodes, each asked once; {_ROWS} rows of full width, checked"
    session.show(
        "Looking at nodes after a first run (Development mode)",
        [
            Figure("preview", statistics.median(previews.values()) * 1000, "ms", 300, f"median {note}"),
            Figure("slowest preview", max(previews.values()) * 1000, "ms", None, _slowest(previews)),
            Figure("row count", statistics.median(counts.values()) * 1000, "ms", 300, "median of the same nodes"),
            Figure("slowest row count", max(counts.values()) * 1000, "ms", None, _slowest(counts)),
            Figure("nodes with a cached result", agreeing, "", None, "the rows shown are its first rows, in order"),
        ],
    )


def _check(session: Session, flow: Flow, information: RunInformation, node_id: NodeId, rows: Rows, count: int) -> bool:
    """Hold what was shown to the predicted schema and to the cached result, where there is one.

    Raises:
        MismatchError: they differ.
    """
    where = f"{flow.document.flow_settings.name}, node {node_id}"
    columns = [column.model_dump() for column in rows.columns]
    if columns != flow.schema(node_id)["outputs"]["main"]:
        raise MismatchError(f"{where}: other columns than predicted")
    if len(rows.rows) != min(_ROWS, count):
        raise MismatchError(f"{where}: {len(rows.rows)} rows shown of {count}")
    ref = information.result(node_id).files.get("main")
    kept = session.services.cache.find_ref(ref) if ref is not None else None
    if kept is None:
        return False
    first = page(pl.scan_ipc(kept.path, glob=False).head(_ROWS).collect(), 0, None, "cached")
    names = [column.name for column in rows.columns]
    places = [names.index(column.name) for column in first.columns]
    if kept.rows != count or [[row[place] for place in places] for row in rows.rows] != first.rows:
        raise MismatchError(f"{where}: other rows than those cached")
    return True


def measure_delay(session: Session) -> None:
    """How much longer a preview takes while the heaviest of the queries runs again and again."""
    session.services.clear_results()
    looked_at = Flow(session.services, tpch_flow("q3", session.tables))
    looked_at.run(DEVELOPMENT)

    def look() -> float:
        return _timed(lambda: looked_at.rows(ANSWER, _ROWS))[0]

    alone = [look() for _ in range(_LOOKS)]
    running = Flow(session.services, tpch_flow("q9", session.tables))
    beside: list[float] = []
    for _ in range(_RUNS):
        # Only this result: the rows that are looked at stay where they are.
        thread = threading.Thread(target=_run_anew, args=(session, running))
        thread.start()
        while thread.is_alive():
            beside.append(look())
        thread.join()
    usual = statistics.median(alone)
    session.show(
        "A preview while a run goes on (Performance mode, Q9)",
        [
            Figure("delay, median", (statistics.median(beside) - usual) * 1000, "ms", 100, f"{len(beside)} previews"),
            Figure("delay, 95 of 100", (statistics.quantiles(beside, n=20)[-1] - usual) * 1000, "ms", 100),
            Figure("delay, longest", (max(beside) - usual) * 1000, "ms", 100),
            Figure("preview without a run", usual * 1000, "ms", None, "median"),
        ],
    )


def _run_anew(session: Session, flow: Flow) -> None:
    information = flow.run(PERFORMANCE)
    worker = session.services.worker()
    for ref in information.result(ANSWER).files.values():
        worker.call("DELETE", f"/results/{ref}")


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def _slowest(seconds: dict[str, float]) -> str:
    return max(seconds, key=lambda name: seconds[name])
