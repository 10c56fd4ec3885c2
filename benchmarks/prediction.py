"""Schema prediction over HTTP: from a change at the top of a chain until the last node's new columns are read."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import polars as pl

from benchmarks.figures import Figure
from benchmarks.flows import TOP, chain, top_settings
from benchmarks.running import DEVELOPMENT, PERFORMANCE
from benchmarks.services import Flow, RefusedError
from benchmarks.session import Session

_ROUNDS = 31
_CHAINS = ((20, 20, 10), (100, 20, 20), (300, 20, 40), (300, 100, 60))
"""Nodes, columns, and the threshold in milliseconds."""


def measure_prediction(session: Session) -> None:
    """Changes at the top of chains of 20, 100 and 300 nodes, over a source whose data cannot be read."""
    figures: list[Figure] = []
    for nodes, width, limit in _CHAINS:
        source, columns = unreadable(session.folder, width)
        flow = Flow(session.services, chain(source, columns, nodes))
        flow.wait_for_schema(flow.document.steps[-1].id)
        note = f"median of {_ROUNDS} edits, each with another column"
        figures.append(Figure(f"{nodes} nodes, {width} columns", _changing(flow, columns[0]) * 1000, "ms", limit, note))
        kept = _keeping(flow, columns[0]) * 1000
        figures.append(Figure(f"{nodes} nodes, {width} columns, schema kept", kept, "ms", 5, "median"))
        _prove_unreadable(flow)
        flow.close()
    session.show("Schema prediction over HTTP", figures)


def measure_long_chain(session: Session) -> None:
    """A chain of 5,000 nodes: opened, changed, looked at, run in both modes."""
    columns = [f"c{index}" for index in range(20)]
    source = session.folder / "few.parquet"
    pl.DataFrame({name: range(1000) for name in columns}).write_parquet(source)
    document = chain(source, columns, 5_000)
    last = document.steps[-1].id
    taken: dict[str, float] = {}
    started = time.perf_counter()

    def lap(name: str) -> None:
        nonlocal started
        taken[name] = time.perf_counter() - started
        started = time.perf_counter()

    flow = Flow(session.services, document)
    flow.wait_for_schema(last)
    lap("opened, last schema read")
    flow.update(TOP, top_settings(columns[0], "changed"))
    _require(flow.schema(last), "changed")
    lap("changed at the top, last schema read")
    flow.rows(last)
    lap("rows of the last node")
    flow.run(PERFORMANCE)
    lap("run in Performance mode")
    session.services.clear_results()
    flow.run(DEVELOPMENT)
    lap("run in Development mode")
    flow.api.call("GET", f"{flow.path}/nodes/{last}")
    lap("last node read")
    flow.close()
    session.show("A chain of 5,000 nodes", [Figure(name, seconds, "s") for name, seconds in taken.items()])


def unreadable(folder: Path, width: int) -> tuple[Path, list[str]]:
    """A Parquet file with a sound footer whose data is overwritten: its schema can be read, a row cannot."""
    columns = [f"c{index}" for index in range(width)]
    path = folder / f"unreadable_{width}.parquet"
    pl.DataFrame({name: range(10_000) for name in columns}).write_parquet(path, compression="uncompressed")
    content = bytearray(path.read_bytes())
    footer = int.from_bytes(content[-8:-4], "little") + 8
    content[4:-footer] = bytes(len(content) - footer - 4)
    path.write_bytes(content)
    return path, columns


def _changing(flow: Flow, column: str) -> float:
    """Seconds from an edit that adds a column until the last node has it."""
    last = flow.document.steps[-1].id
    seconds: list[float] = []
    for number in range(-3, _ROUNDS):
        name = f"added_{number + 3}"
        started = time.perf_counter()
        flow.update(TOP, top_settings(column, name))
        schema = flow.schema(last)
        seconds.append(time.perf_counter() - started)
        _require(schema, name)
    return statistics.median(seconds[3:])


def _keeping(flow: Flow, column: str) -> float:
    """Seconds of an edit that leaves all schemas as they are, with a look at the last one."""
    last = flow.document.steps[-1].id
    seconds: list[float] = []
    for number in range(-3, _ROUNDS):
        # Stopping at values that do not fit, or not: columns are what they are.
        settings = {**top_settings(column, "kept"), "strict": number % 2 == 0}
        started = time.perf_counter()
        flow.update(TOP, settings)
        schema = flow.schema(last)
        seconds.append(time.perf_counter() - started)
        _require(schema, "kept")
    # The first edit of them did change the schema.
    return statistics.median(seconds[3:])


def _require(schema: dict[str, object], column: str) -> None:
    outputs = schema["outputs"]
    assert isinstance(outputs, dict)
    if column not in {item["name"] for item in outputs["main"]}:
        raise RefusedError(f"the last node does not have the column {column}: {str(schema)[:500]}")


def _prove_unreadable(flow: Flow) -> None:
    """Nothing was executed: a run of the same flow cannot read the source."""
    try:
        flow.run(PERFORMANCE)
    except RefusedError:
        return
    raise AssertionError("the source could be read, so the measurement proves nothing")
