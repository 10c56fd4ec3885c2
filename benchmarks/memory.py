"""A flow over four times as much data as a task may hold in memory."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import polars as pl

from benchmarks.figures import Figure
from benchmarks.flows import larger_than_memory
from benchmarks.running import DEVELOPMENT, PERFORMANCE
from benchmarks.services import Flow, Services
from benchmarks.session import Session

CEILING = 400 << 20
_TIMES = 4
_FILES = 32
_SHOPS = 1_000
_ROW_BYTES = 4 * 8
"""Of the four values; the few distinct keys take almost nothing."""


def measure_ceiling(session: Session) -> None:
    """Group, join with a small table and write, under a ceiling of a quarter of the data."""
    folder = session.folder / "ceiling"
    size = _make_data(folder)
    figures = [Figure("data", size / (1 << 20), "MiB", None, "Parquet, neither encoded nor compressed")]
    with Services(session.folder / "small", memory_limit=f"{CEILING >> 20}M") as services:
        for mode in (PERFORMANCE, DEVELOPMENT):
            flow = Flow(services, larger_than_memory(folder))
            with _Watched(services) as watched:
                started = time.perf_counter()
                information = flow.run(mode)
                seconds = time.perf_counter() - started
            _check(folder)
            peak = max(information.peak_memory or 0, watched.peak)
            note = f"the ceiling is {CEILING >> 20} MiB, the data {size / CEILING:.1f} times that; took {seconds:.1f} s"
            figures.append(Figure(f"peak, {mode} mode", peak / (1 << 20), "MiB", CEILING / (1 << 20), note))
            services.clear_results()
            (folder / "report.parquet").unlink()
    session.show("A flow over four times a task's memory", figures)


def _make_data(folder: Path) -> int:
    """Files of random numbers, which no encoding makes smaller; gives their size."""
    (folder / "events").mkdir(parents=True)
    rows = _TIMES * CEILING // _FILES // _ROW_BYTES + 1
    for number in range(_FILES):
        values = [
            (pl.int_range(rows).shuffle(number * 10 + index) / rows).alias(f"value_{index}") for index in range(4)
        ]
        shops = (pl.int_range(rows).shuffle(number * 10 + 9) % _SHOPS).alias("shop")
        frame = pl.select(shops, *values)
        frame.write_parquet(folder / "events" / f"{number}.parquet", compression="uncompressed", row_group_size=64_000)
    names = pl.select(
        pl.int_range(_SHOPS).alias("shop"), ("shop " + pl.int_range(_SHOPS).cast(pl.String)).alias("name")
    )
    names.write_parquet(folder / "shops.parquet")
    return sum(path.stat().st_size for path in (folder / "events").iterdir())


def _check(folder: Path) -> None:
    report = pl.read_parquet(folder / "report.parquet")
    assert report.height == _SHOPS
    assert report.columns[-1] == "name"


class _Watched:
    """Asks the Worker ten times a second what its busiest child holds.

    Attributes:
        peak: the most seen, in bytes.
    """

    def __init__(self, services: Services) -> None:
        self.peak = 0
        self._worker = services.worker()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            children = self._worker.call("GET", "/health")["children"]
            self.peak = max([self.peak, *(child["memory"] for child in children)])

    def __enter__(self) -> _Watched:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
