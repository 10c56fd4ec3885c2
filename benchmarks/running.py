"""Runs through the services over HTTP: fixed cost, the ten queries in both modes, runs after a change."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.figures import Figure
from benchmarks.flows import chain, trivial, two_outputs
from benchmarks.report import print_report
from benchmarks.services import Flow, Services
from benchmarks.session import Session
from benchmarks.timing import Comparison, compare, geometric_mean
from benchmarks.tpch.data import Tables
from benchmarks.tpch.flows import ANSWER, FLOWS, tpch_flow
from benchmarks.tpch.queries import QUERIES
from flowfile_engine.graph.document import FlowDocument
from flowfile_engine.run.information import RunInformation

HAND, PERFORMANCE, DEVELOPMENT = "Polars", "performance", "development"
_TRIVIAL_RUNS = 100


def measure_fixed_cost(session: Session) -> float:
    """What a run costs beside the work itself, in seconds: a trivial flow, with a client that follows the events."""
    with _Followed(session.services):
        flow = Flow(session.services, trivial())
        runs, plain = [], []
        for number in range(-10, _TRIVIAL_RUNS):
            # Another value at each run: nothing can come from the cache.
            seconds = _seconds(lambda n=number: flow.run(PERFORMANCE, {"n": n}))
            by_hand = _seconds(lambda n=number: _trivial_by_hand(n))
            if number >= 0:
                runs.append(seconds)
                plain.append(by_hand)
    cost = statistics.median(runs) - statistics.median(plain)
    note = f"median of {_TRIVIAL_RUNS} runs over HTTP, its record and events included, less the same in Polars"
    session.show(
        "Fixed cost of a run",
        [
            Figure("fixed cost", cost * 1000, "ms", 10, note),
            Figure("slowest of a hundred", max(runs) * 1000, "ms"),
            Figure("the same work in Polars", statistics.median(plain) * 1000, "ms"),
        ],
    )
    return cost


def measure_queries(session: Session) -> None:
    """The ten TPC-H queries in both modes beside hand-written Polars, taking turns."""
    cost = measure_fixed_cost(session)
    tables = Tables.scan(session.tables)
    comparisons, cached = [], []
    for name in FLOWS:
        flow = Flow(session.services, tpch_flow(name, session.tables))
        contenders: dict[str, Callable[[], Any]] = {
            HAND: lambda name=name: QUERIES[name](tables).collect(engine="streaming"),
            PERFORMANCE: lambda flow=flow: flow.run(PERFORMANCE),
            DEVELOPMENT: lambda flow=flow: flow.run(DEVELOPMENT),
        }
        rounds = 7 if session.scale <= 1 else 3
        comparisons.append(compare(name, contenders, rounds=rounds, before=session.services.clear_results))
        session.services.clear_results()
        flow.run(DEVELOPMENT)
        cached.append(session.services.cache.usage()["bytes"] / source_bytes(flow.document, session.tables))
    print_report(comparisons, HAND, title=f"TPC-H at scale {session.scale:g}, over HTTP", console=session.console)
    session.show("The ten queries", _query_figures(comparisons, cached, cost))


def _query_figures(comparisons: list[Comparison], cached: list[float], cost: float) -> list[Figure]:
    def less_cost(comparison: Comparison) -> float:
        timings = comparison.timings
        return max(timings[PERFORMANCE].median - cost, 1e-9) / timings[HAND].median

    performance = geometric_mean(map(less_cost, comparisons))
    best = geometric_mean((c.timings[PERFORMANCE].best - cost) / c.timings[HAND].best for c in comparisons)
    development = geometric_mean(c.ratio(DEVELOPMENT, PERFORMANCE) for c in comparisons)
    return [
        Figure("Performance mode / Polars", performance, "x", 1.05, "geometric mean of medians, less the fixed cost"),
        Figure("the same by the fastest runs", best, "x", None, "least disturbed by other processes"),
        Figure("Development, first run / Performance", development, "x", 2.5, "geometric mean of medians"),
        Figure("cache / source files, largest", max(cached), "x", 1.2, "after a Development run of one query"),
        Figure("cache / source files, middle", statistics.median(cached), "x"),
    ]


def measure_again(session: Session) -> None:
    """Second runs in Development mode: unchanged, and after a change at the last node."""
    unchanged, changed, seconds_unchanged, seconds_changed = [], [], [], []
    for name in FLOWS:
        session.services.clear_results()
        flow = Flow(session.services, tpch_flow(name, session.tables))
        flow.run(DEVELOPMENT)
        started = time.perf_counter()
        unchanged.append(len(computed(flow.run(DEVELOPMENT))))
        seconds_unchanged.append(time.perf_counter() - started)
        flow.update(ANSWER, _other_settings(flow.document))
        started = time.perf_counter()
        others = computed(flow.run(DEVELOPMENT)) - {ANSWER}
        seconds_changed.append(time.perf_counter() - started)
        changed.append(len(others))
    session.show(
        "Runs that follow (Development mode)",
        [
            Figure("nodes computed, nothing changed", sum(unchanged), "", 0, "of all ten queries"),
            Figure("time of such a run", statistics.median(seconds_unchanged) * 1000, "ms"),
            Figure("nodes computed beside a changed last one", sum(changed), "", 0, "of all ten queries"),
            Figure("time of such a run", statistics.median(seconds_changed) * 1000, "ms"),
        ],
    )


def computed(information: RunInformation) -> set[int | str]:
    """The steps that a run computed by themselves; those that became part of another's plan have no time."""
    return {result.node_id for result in information.results if result.state == "done" and result.seconds is not None}


def _other_settings(document: FlowDocument) -> dict[str, Any]:
    """Other settings for a query's last step, which is a sort, a sample or an aggregation."""
    last = next(step for step in document.steps if step.id == ANSWER)
    match last.type:
        case "sort":
            first, *others = last.settings["order_by"]
            return {"order_by": [{**first, "descending": not first.get("descending", False)}, *others]}
        case "sample":
            return {**last.settings, "n": last.settings["n"] + 1}
        case _:
            return {**last.settings, "aggregations": [{**last.settings["aggregations"][0], "name": "other"}]}


def measure_many_nodes(session: Session) -> None:
    """A hundred trivial nodes over a thousand rows in Development mode."""
    columns = [f"c{index}" for index in range(20)]
    source = session.folder / "thousand.parquet"
    pl.DataFrame({name: range(1000) for name in columns}).write_parquet(source)
    flow = Flow(session.services, chain(source, columns, 100))
    comparison = compare(
        "100 nodes",
        {mode: lambda mode=mode: flow.run(mode) for mode in (DEVELOPMENT, PERFORMANCE)},
        before=session.services.clear_results,
    )
    session.show(
        "100 trivial nodes over 1,000 rows",
        [
            Figure("Development mode", comparison.timings[DEVELOPMENT].median, "s", 1, "median of 7 first runs"),
            Figure("Performance mode", comparison.timings[PERFORMANCE].median, "s"),
        ],
    )


def measure_two_outputs(session: Session) -> None:
    """Two outputs that share an upstream, beside each of them alone."""
    flow = Flow(session.services, two_outputs(session.tables))
    comparison = compare(
        "two outputs",
        {
            "both": lambda: flow.run(PERFORMANCE),
            "first": lambda: flow.run(PERFORMANCE, targets=["by_priority"]),
            "second": lambda: flow.run(PERFORMANCE, targets=["by_mode"]),
        },
        before=session.services.clear_results,
    )
    dearer = max(comparison.timings[name].median for name in ("first", "second"))
    note = "medians of 7; the shared part is a join of lineitem and orders"
    session.show(
        "Two outputs that share an upstream (Performance mode)",
        [Figure("both / the dearer one alone", comparison.timings["both"].median / dearer, "x", 1.3, note)],
    )


def source_bytes(document: FlowDocument, tables: Path) -> int:
    """The size of the files that a query's flow reads."""
    paths = {str(step.settings["path"]) for step in document.steps if step.type == "read"}
    return sum(Path(path.replace("${data}", str(tables))).stat().st_size for path in paths)


class _Followed:
    """A client that reads the event stream, as the Designer does."""

    def __init__(self, services: Services) -> None:
        self._response = services.core().stream("/events")
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            for _ in self._response:
                pass
        except (OSError, ValueError, AttributeError):  # closed from the other thread
            pass

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        self._response.close()


def _trivial_by_hand(n: int) -> pl.DataFrame:
    frame = pl.LazyFrame({"a": [1, 2, 3]})
    return frame.with_columns((pl.col("a") + n).alias("b")).collect(engine="streaming")


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
