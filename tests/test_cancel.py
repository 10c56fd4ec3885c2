"""Cancelling at any moment: over soon, and nothing of it left."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import psutil
import pytest
from product_support import Client, Flow, Product, add, connect, wait_until

SOON = 5.0
"""Seconds: far more than the one or two that it takes, far less than what is cancelled."""

MOMENTS = [0, 5, 20, 50, 100, 200, 350, 500, 800, 1_200, 1_700, 2_500]
"""Milliseconds after the start."""

ROWS = 4_000_000


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table whose sort and join take seconds."""
    path = tmp_path_factory.mktemp("big") / "big.parquet"
    key = pl.int_range(ROWS).shuffle(1)
    frame = pl.select(key.alias("key"), pl.int_range(ROWS).shuffle(2).alias("other"), (key * 0.5).alias("half"))
    frame.with_columns(pl.format("text of {}", "key").alias("text")).write_parquet(path, compression="lz4")
    return path


@pytest.fixture(scope="module")
def own_product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product that no other test uses, so that all it leaves behind is this file's."""
    with Product(tmp_path_factory.mktemp("cancelled")) as product:
        yield product


@pytest.fixture
def worker(own_product: Product) -> Iterator[Client]:
    with own_product.worker() as worker:
        yield worker


def _flow(client: Client, big: Path, target: Path) -> Flow:
    """A large sort, a large join, a large file; and a small step beside them."""
    return client.new_flow(
        add("big", "read", path=str(big)),
        add("sorted", "sort", order_by=[{"column": "text"}]),
        add("doubled", "join", keys=[{"left": "key", "right": "other"}]),
        add("file", "write", path=str(target)),
        add("first", "sample", method="first", n=5),
        connect("big", "sorted"),
        connect("big", "first"),
        connect("sorted", "doubled", input="left"),
        connect("big", "doubled", input="right"),
        connect("doubled", "file"),
    )


def _nothing_is_left(product: Product, worker: Client, folder: Path) -> None:
    """No task, no child at work, no process that the Worker does not know, no half-written file."""
    assert worker.call("GET", "/tasks") == []
    children = worker.call("GET", "/health")["children"]
    assert "working" not in {child["state"] for child in children}
    assert sorted(folder.iterdir()) == []
    assert list((product.cache_folder / "tmp").iterdir()) == []
    wait_until(lambda: not _unknown_processes(product, worker), "the end of all that was started")


def _unknown_processes(product: Product, worker: Client) -> list[list[str]]:
    known = {child["pid"] for child in worker.call("GET", "/health")["children"]}
    found: list[list[str]] = []
    for process in psutil.Process(product.worker_pid()).children(recursive=True):
        try:
            command = process.cmdline()
        except psutil.Error:
            continue
        # The shell that ends the children's own children, should the Worker be killed.
        if process.pid not in known and command[:1] != ["/bin/sh"] and process.status() != psutil.STATUS_ZOMBIE:
            found.append(command)
    return found


@pytest.mark.parametrize("mode", ["development", "performance"])
def test_run_is_cancelled_at_any_moment(
    own_product: Product, worker: Client, big: Path, tmp_path: Path, mode: str
) -> None:
    folder = tmp_path / "target"
    folder.mkdir()
    cancelled = 0
    with own_product.core() as client:
        flow = _flow(client, big, folder / "doubled.parquet")
        flow.node("doubled")
        for moment in MOMENTS:
            run_id = flow.start(mode)
            time.sleep(moment / 1_000)
            began = time.monotonic()
            # A quick machine may have done it all by the last moments.
            answer = client.call("POST", f"/runs/{run_id}/cancel", status=(200, 409))
            assert time.monotonic() - began < SOON, f"cancelled after {moment} ms"
            information = client.call("GET", f"/runs/{run_id}")
            if information["state"] == "cancelled":
                cancelled += 1
                assert answer["state"] == "cancelled"
                assert information["problem"]["code"] == "cancelled"
                assert not {"running", "failed"} & {result["state"] for result in information["results"]}
            else:
                assert information["state"] == "done"
                (folder / "doubled.parquet").unlink()
            _nothing_is_left(own_product, worker, folder)
            assert client.call("GET", flow.path)["run_id"] is None
            worker.call("DELETE", "/results")
        assert cancelled >= 3, "the run is too quick for this test"
        assert flow.run(mode, targets=["first"])["state"] == "done"
        assert len(flow.rows("first")["rows"]) == 5


def test_what_was_there_before_stays_when_a_run_is_cancelled(
    own_product: Product, worker: Client, big: Path, tmp_path: Path
) -> None:
    target = tmp_path / "target" / "doubled.csv"
    target.parent.mkdir()
    target.write_text("what was there\n")
    with own_product.core() as client:
        flow = _flow(client, big, target)
        run_id = flow.start("performance")
        # While the file is being written under its temporary name.
        wait_until(lambda: len(list(target.parent.iterdir())) > 1, "the beginning of the file")
        client.call("POST", f"/runs/{run_id}/cancel")
    assert target.read_text() == "what was there\n"
    assert list(target.parent.iterdir()) == [target]
    assert worker.call("GET", "/tasks") == []


@pytest.mark.parametrize("moment", [10, 100, 300, 700, 1_500])
def test_look_ends_when_its_client_goes(
    own_product: Product, worker: Client, big: Path, tmp_path: Path, moment: int
) -> None:
    folder = tmp_path / "target"
    folder.mkdir()
    with own_product.core() as client:
        flow = _flow(client, big, folder / "doubled.parquet")
        flow.node("doubled")
        # An offset has the whole result computed.
        url = f"{flow.path}/nodes/doubled/rows"
        with pytest.raises(httpx.ReadTimeout):
            client.http.get(url, params={"offset": 1_000_000}, timeout=httpx.Timeout(10, read=moment / 1_000))
        wait_until(lambda: worker.call("GET", "/tasks") == [], "the end of the task", SOON)
        _nothing_is_left(own_product, worker, folder)
        assert len(flow.rows("first")["rows"]) == 5
        worker.call("DELETE", "/results")


def test_many_cancels_at_once_are_one(own_product: Product, worker: Client, big: Path, tmp_path: Path) -> None:
    folder = tmp_path / "target"
    folder.mkdir()
    answers: list[Any] = []

    with own_product.core() as client:
        flow = _flow(client, big, folder / "doubled.parquet")
        run_id = flow.start("performance")
        wait_until(lambda: flow.step_state(run_id, "file") == "running", "the run's start")

        def cancel() -> None:
            with own_product.core() as window:
                answers.append(window.call("POST", f"/runs/{run_id}/cancel", status=(200, 409)))

        threads = [threading.Thread(target=cancel) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SOON * 2)
        assert len(answers) == len(threads)
        assert "cancelled" in {answer.get("state") for answer in answers}
        assert client.call("GET", f"/runs/{run_id}")["state"] == "cancelled"
    _nothing_is_left(own_product, worker, folder)
