"""Data that is larger than a task's memory, through the services."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from product_support import Client, Flow, Product, add, chain, connect, result_of

CEILING = 400 << 20
FILES = 32
ROWS = 1_320_000
COLUMNS = 4
SHOPS = 1_000


@pytest.fixture(scope="module")
def small_product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product whose tasks may hold little."""
    with Product(tmp_path_factory.mktemp("small"), memory_limit=f"{CEILING >> 20}M") as product:
        yield product


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four times as much data as a task may hold: one file under many names, each of which is read as if it were new.

    The numbers are random, so that no encoding makes them smaller.
    """
    folder = tmp_path_factory.mktemp("data")
    (folder / "events").mkdir()
    values = [(pl.int_range(ROWS).shuffle(seed) / ROWS).alias(f"value_{seed}") for seed in range(COLUMNS)]
    frame = pl.select((pl.int_range(ROWS) % SHOPS).shuffle(9).alias("shop"), *values)
    first = folder / "events" / "0.parquet"
    frame.write_parquet(first, compression="uncompressed", row_group_size=64_000)
    for number in range(1, FILES):
        os.link(first, folder / "events" / f"{number}.parquet")
    assert frame.estimated_size() * FILES >= 4 * CEILING
    names = pl.select(pl.int_range(SHOPS).alias("shop"), pl.int_range(SHOPS).cast(pl.String).alias("name"))
    names.write_parquet(folder / "shops.parquet")
    return folder


def _report(client: Client, folder: Path, target: Path) -> Flow:
    """Group by, join with a small table, write."""
    values = [f"value_{number}" for number in range(COLUMNS)]
    sums = [{"column": name, "function": "sum", "name": name} for name in values]
    return client.new_flow(
        add("events", "read", path=str(folder / "events" / "*.parquet")),
        add("shops", "read", path=str(folder / "shops.parquet")),
        add("totals", "group_by", by=["shop"], aggregations=[{"function": "len", "name": "rows"}, *sums]),
        add("named", "join", keys=[{"left": "shop", "right": "shop"}]),
        add("report", "write", path=str(target)),
        connect("events", "totals"),
        connect("totals", "named", input="left"),
        connect("shops", "named", input="right"),
        connect("named", "report"),
    )


@pytest.mark.parametrize("mode", ["performance", "development"])
def test_flow_over_four_times_the_ceiling_stays_below_it(
    small_product: Product, folder: Path, tmp_path: Path, mode: str
) -> None:
    target = tmp_path / "report.parquet"
    with small_product.core() as client:
        information = _report(client, folder, target).run(mode)
    assert 0 < information["peak_memory"] <= CEILING
    report = pl.read_parquet(target)
    assert report.height == SHOPS
    assert report["rows"].sum() == ROWS * FILES
    events = pl.read_parquet(folder / "events" / "0.parquet")
    assert report["value_0"].sum() == pytest.approx(events["value_0"].sum() * FILES, rel=1e-9)
    assert report.columns[-1] == "name"


@pytest.mark.parametrize("mode", ["performance", "development"])
@pytest.mark.parametrize("code", ["main.collect().lazy()", "main.map_batches(lambda frame: frame)"])
def test_flow_that_needs_more_ends_as_out_of_memory(small_product: Product, folder: Path, mode: str, code: str) -> None:
    with small_product.core() as client, small_product.worker() as worker:
        flow = client.new_flow(
            *chain(
                add("events", "read", path=str(folder / "events" / "*.parquet")),
                add("all_at_once", "polars_code", code=code),
                add("sorted", "sort", order_by=[{"column": "value_0"}]),
            ),
        )
        information = flow.run(mode, state="failed")
        problem = information["problem"]
        assert problem["code"] == "out_of_memory"
        assert f"{CEILING >> 20} MiB" in problem["message"], "the limit"
        assert information["peak_memory"] > CEILING
        failed = [result for result in information["results"] if result["state"] == "failed"]
        assert failed
        for result in failed:
            assert result["problem"]["code"] == "out_of_memory"
            assert result["problem"]["node_id"] == result["node_id"]
        assert result_of(information, "sorted")["state"] in {"failed", "skipped"}

        began = time.monotonic()
        assert len(flow.rows("events", limit=5)["rows"]) == 5
        assert time.monotonic() - began < 10
        assert worker.call("GET", "/health")["running"] == 0


def test_preview_that_needs_more_says_so(small_product: Product, folder: Path) -> None:
    with small_product.core() as client:
        flow = client.new_flow(
            *chain(
                add("events", "read", path=str(folder / "events" / "*.parquet")),
                add("all_at_once", "polars_code", code="main.collect().lazy()"),
            ),
        )
        problem = client.call("GET", f"{flow.path}/nodes/all_at_once/rows", status=422)
        assert problem["code"] == "out_of_memory"
        assert len(flow.rows("events", limit=5)["rows"]) == 5
