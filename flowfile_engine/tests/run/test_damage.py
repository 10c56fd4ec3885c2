"""Caches that are damaged, evicted or on a full disk, and sources that changed under a run's feet."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flowfile_engine.errors import DataError

TABLE = pl.DataFrame({"k": list(range(50)) * 2, "v": list(range(100)), "s": ["text"] * 100})


@pytest.fixture
def flow(bench: Any) -> Any:
    bench.read("in", TABLE)
    bench.add("sorted", "sort", {"order_by": [{"column": "v", "descending": True}]}, "in")
    sums = {"by": ["k"], "aggregations": [{"column": "v", "function": "sum", "name": "sum"}]}
    bench.add("sums", "group_by", sums, "sorted")
    bench.add("last", "sort", {"order_by": [{"column": "k"}]}, "sums")
    return bench


def data_files(flow: Any) -> list[Path]:
    return sorted(flow.cache.folder.glob("*.arrow"))


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def overwrite(path: Path) -> None:
    path.write_bytes(b"x" * path.stat().st_size)


@pytest.mark.parametrize("damage", [shorten, empty, overwrite, Path.unlink])
def test_damaged_data_are_computed_again_at_the_next_run_at_the_latest(flow: Any, damage: Any):
    expected = flow.frame(flow.run(), "last")
    for path in data_files(flow):
        damage(path)
    flow.change("last", order_by=[{"column": "k", "descending": True}])
    information = flow.run()
    if information.state == "failed":
        assert (information.problem.node_id, information.problem.hint) == ("sums", "run again")
        assert "cached result is damaged" in information.problem.message
        information = flow.run()
    assert flow.frame(information, "last").equals(expected.reverse())


@pytest.mark.parametrize("text", ["", "{", "[]", '{"data": "../../etc/passwd"}', "\x00\xff"])
def test_damaged_metadata_are_no_results(flow: Any, text: str):
    expected = flow.frame(flow.run(), "last")
    for path in flow.cache.folder.glob("*.json"):
        path.write_text(text)
    assert flow.frame(flow.run(), "last").equals(expected)


def test_metadata_that_promise_other_columns_are_found_out(flow: Any):
    flow.run()
    for path in flow.cache.folder.glob("*.json"):
        known = json.loads(path.read_text())
        known["columns"] = {"other": "Int64"}
        path.write_text(json.dumps(known))
    flow.change("last", order_by=[{"column": "k", "descending": True}])
    information = flow.run()
    assert information.state in ("done", "failed")
    assert information.state == "done" or information.problem.node_id is not None


def test_what_was_evicted_is_computed_again(flow: Any):
    expected = flow.frame(flow.run(), "last")
    flow.cache.clear()
    assert flow.cache.usage()["results"] == 0
    assert flow.frame(flow.run(), "last").equals(expected)
    assert flow.rows("sorted", limit=2).rows == [[49, 99, "text"], [48, 98, "text"]]


def test_a_folder_that_was_deleted_is_made_again(flow: Any):
    flow.run()
    shutil.rmtree(flow.cache.folder)
    assert flow.run().state == "done"


@pytest.mark.parametrize("mode", ["development", "performance"])
def test_a_source_that_cannot_be_read_is_blamed(flow: Any, mode: Any):
    path = flow.folder / "in.parquet"
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"", whole[:-1], b"PAR1" + b"\0" * 50 + b"PAR1"):
        path.write_bytes(content)
        information = flow.run(mode)
        assert information.problem is not None
        assert (information.problem.node_id, information.problem.code) == ("in", "bad_source")
        assert information.problem.message
    path.unlink()
    information = flow.run(mode)
    assert (information.problem.node_id, information.problem.code) == ("in", "bad_source")
    assert "in.parquet" in information.problem.message


@pytest.mark.parametrize("mode", ["development", "performance"])
def test_a_value_of_another_type_far_down_a_file_is_blamed_on_the_reader(bench: Any, mode: Any):
    (bench.folder / "in.csv").write_text("a,b\n" + "1,2\n" * 50_000 + "one,2\n")
    bench.graph.add_node_step("in", {"path": "in.csv"}, node_type="read")
    bench.add("kept", "filter", {"conditions": [{"column": "b", "operator": "=", "value": 2}]}, "in")
    bench.add("sums", "group_by", {"by": ["a"]}, "kept")
    information = bench.run(mode)
    assert information.problem is not None
    assert information.problem.node_id == "in"


FULL_DISK = """
    import json, resource, signal, sys
    from pathlib import Path
    from flowfile_engine.graph.document import FlowDocument
    from flowfile_engine.run.cache import ResultCache
    from flowfile_engine.run.perform import perform
    from flowfile_engine.tasks import RunTask
    flow, folder, mode = FlowDocument.model_validate_json(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    cache = ResultCache(folder / "full", min_free_bytes=0)
    answer = perform(RunTask(flow=flow, run_id="r", mode=mode, base_dir=str(folder)), cache, lambda _: None)
    left = [str(path) for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"]
    print(json.dumps({"run": answer.run.model_dump(mode="json"), "left": left}))
"""


@pytest.mark.parametrize("mode", ["development", "performance"])
def test_a_full_disk_says_so_and_leaves_nothing(bench: Any, tmp_path: Path, mode: Any):
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", small], check=False, capture_output=True
    )
    if mounted.returncode:
        assert not os.environ.get("CI"), mounted.stderr
        pytest.skip("a small disk cannot be mounted here")
    try:
        bench.read("in", pl.DataFrame({"a": range(200_000)}).with_columns(b=pl.col("a").hash(3), c=pl.col("a").hash(5)))
        (tmp_path / "in.parquet").rename(tmp_path / "moved.parquet")
        bench.change("in", path="../moved.parquet")
        bench.add("sorted", "sort", {"order_by": [{"column": "b"}]}, "in")
        code = textwrap.dedent(FULL_DISK)
        arguments = [sys.executable, "-c", code, bench.graph.document().model_dump_json(), str(small), mode]
        done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        assert answer["run"]["problem"]["code"] == "disk_full"
        assert answer["run"]["problem"]["node_id"] == "sorted"
        assert [path for path in answer["left"] if path.endswith(".arrow")] == []
    finally:
        subprocess.run(["umount", "-l", small], check=True)


def test_rows_over_damaged_results_say_so_and_then_come(flow: Any):
    flow.run()
    expected = flow.rows("last").rows
    for path in data_files(flow):
        overwrite(path)
    with pytest.raises(DataError, match="damaged"):
        flow.rows("last")
    for path in data_files(flow):
        path.unlink()
    assert flow.rows("last").rows == expected
