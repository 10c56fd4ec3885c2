"""The product over HTTP: the example flows, repairs, parameters, exports, events, two windows, and lost processes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import polars.selectors as cs
import pytest
from polars.testing import assert_frame_equal
from product_support import (
    Client,
    Flow,
    Product,
    add,
    chain,
    connect,
    events,
    is_alive,
    result_of,
    states_of,
    table,
    wait_until,
)

from examples import data
from examples.expected import EXPECTED

EXAMPLES = Path(data.__file__).parent

ANSWERS = {
    "late_flights": "latest_first",
    "delay_by_month": "by_month",
    "top_routes": "by_rank",
    "quality_profile": "worst_first",
}
"""By flow: the step that has the answer."""


@pytest.fixture
def examples(tmp_path: Path, prepared: Path) -> Path:
    """A folder as `examples/` is after `make data`, inside the folder that the product may touch."""
    for path in EXAMPLES.glob("*.flow.yaml"):
        shutil.copy(path, tmp_path)
    shutil.copytree(prepared, tmp_path / "data")
    return tmp_path


# The examples


@pytest.mark.parametrize("mode", ["development", "performance"])
@pytest.mark.parametrize("name", ANSWERS)
def test_example_gives_the_expected_rows(client: Client, examples: Path, name: str, mode: str) -> None:
    flow = client.open_flow(examples / f"{name}.flow.yaml")
    information = flow.run(mode)
    assert set(states_of(information).values()) <= {"done", "cached"}
    node_id = ANSWERS[name]
    rows = flow.rows(node_id, limit=100_000)
    wanted = EXPECTED[name](examples / "data").collect()
    assert [column["name"] for column in rows["columns"]] == wanted.columns
    assert_frame_equal(_comparable(_frame(rows), name), _comparable(wanted, name), rel_tol=1e-9, abs_tol=0)
    assert client.call("GET", f"{flow.path}/nodes/{node_id}/count")["rows"] == wanted.height


def test_parameter_is_overridden_for_a_run(client: Client, examples: Path) -> None:
    flow = client.open_flow(examples / "late_flights.flow.yaml")
    flow.run("performance", parameters={"min_delay": 120})
    assert _late_flights(examples) == _departures_later_than(120, examples)
    flow.run("performance")
    assert _late_flights(examples) == _departures_later_than(30, examples)
    for wrong in ({"min_delay": "much"}, {"no_such": 1}):
        problem = client.call("POST", f"{flow.path}/runs", {"parameters": wrong}, status=422)
        assert problem["code"] == "bad_parameter"


@pytest.mark.parametrize("name", ANSWERS)
def test_export_runs_as_a_script_and_gives_the_same(client: Client, examples: Path, name: str) -> None:
    flow = client.open_flow(examples / f"{name}.flow.yaml")
    script = examples / "exported.py"
    script.write_text(client.text(f"{flow.path}/export"))
    run = subprocess.run(
        [sys.executable, "-W", "error", script.name], cwd=examples, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    if name == "top_routes":
        code = (
            "import runpy\n"
            "flow = runpy.run_path('exported.py')['make_flow']({})\n"
            "[sample] = [frame for name, frame in flow.items() if 'sample' in name]\n"
            "sample.sink_parquet('sample.parquet')\n"
        )
        subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=examples, check=True)
        answer = pl.read_parquet(examples / "sample.parquet")
    elif name == "late_flights":
        answer = pl.read_parquet(examples / "output" / f"{name}.parquet")
    else:
        answer = pl.read_csv(examples / "output" / f"{name}.csv")
    wanted = _frame(flow.rows(ANSWERS[name], limit=100_000))
    assert_frame_equal(_comparable(answer, name), _comparable(wanted, name), rel_tol=1e-9, abs_tol=0)


def test_flow_is_saved_as_it_was_opened(client: Client, examples: Path) -> None:
    path = examples / "top_routes.flow.yaml"
    flow = client.open_flow(path)
    text = path.read_text()
    assert client.text(f"{flow.path}/export?format=yaml") == text
    copy = examples / "copy.flow.yaml"
    client.call("POST", f"{flow.path}/save-as", {"path": str(copy)})
    assert copy.read_text() == text


# Repairs


def test_vanished_column_is_shown_at_the_field_and_its_repair_computes_only_what_changed(
    client: Client, examples: Path, prepared: Path
) -> None:
    flow = client.open_flow(examples / "quality_profile.flow.yaml")
    flow.run()
    (examples / "output" / "quality_profile.csv").unlink()
    airports = examples / "data" / "airports.parquet"
    pl.read_parquet(airports).rename({"faa": "faa_code"}).write_parquet(airports)

    refused = client.call("POST", f"{flow.path}/runs?wait=60", {}, status=422)
    assert refused["code"] == "not_ready"
    [problem] = [problem for problem in refused["problems"] if problem["node_id"] == "unknown_destination"]
    assert (problem["code"], problem["field"]) == ("column_missing", "keys.0.right")
    assert "faa_code" in problem["hint"]
    assert flow.node("unknown_destination")["problems"] == [problem]

    flow.update("unknown_destination", keys=[{"left": "dest", "right": "faa_code"}], how="anti")
    states = states_of(flow.run())
    cached = {node_id for node_id, state in states.items() if state == "cached"}
    assert {"departures", "columns_profile"} <= cached
    assert not cached & _below(flow, "airports")
    rows = _frame(flow.rows("worst_first", limit=100_000))
    wanted = EXPECTED["quality_profile"](prepared).collect()
    assert_frame_equal(_comparable(rows, ""), _comparable(wanted, ""), rel_tol=1e-9, abs_tol=0)
    assert (examples / "output" / "quality_profile.csv").exists()

    assert set(states_of(flow.run()).values()) == {"cached"}


def test_failed_run_names_the_step_and_goes_on_from_there(client: Client) -> None:
    flow = client.new_flow(
        *chain(
            table("numbers", 4),
            add("sorted", "sort", order_by=[{"column": "a", "descending": True}]),
            add("broken", "polars_code", code="main.map_batches(lambda frame: 1 / 0, schema={'a': pl.Int64})"),
        )
    )
    information = flow.run(state="failed")
    problem = result_of(information, "broken")["problem"]
    assert problem["node_id"] == "broken"
    assert "ZeroDivisionError" in problem["message"]
    flow.update("broken", code="main.head(1)")
    information = flow.run()
    assert result_of(information, "sorted")["state"] == "cached"
    assert flow.rows("broken")["rows"] == [[3]]


# Events


def test_events_tell_a_run_and_go_on_where_a_client_left(client: Client, product: Product) -> None:
    flow = client.new_flow(*chain(table("numbers", 7, "told"), add("sorted", "sort", order_by=[{"column": "told"}])))
    with events(product) as reader:
        reader.wait_for(lambda message: message["kind"] == "reset")
        run_id = flow.run()["run_id"]
        reader.wait_for(lambda message: _run_state(message, run_id) == "done")
        seen = list(reader.seen)
    first = next(number for number, (_, message) in enumerate(seen) if _run_state(message, run_id) == "running")
    told = [message for _, message in seen[first:]]
    assert [state for message in told if (state := _run_state(message, run_id))] == ["running", "done"]
    steps = [message["result"] for message in told if message["kind"] == "step" and message["run_id"] == run_id]
    assert {step["node_id"]: step["state"] for step in steps} == {"numbers": "done", "sorted": "done"}
    numbers = [int(number) for number, _ in seen]
    assert numbers == sorted(set(numbers))

    with events(product, last_id=seen[first][0]) as reader:
        reader.wait_for(lambda message: _run_state(message, run_id) == "done")
        again = list(reader.seen)
    assert again[: len(seen) - first - 1] == seen[first + 1 :]

    with events(product, last_id="17") as reader:
        message = reader.wait_for(lambda message: True)
        assert message["kind"] == "reset"
        assert flow.flow_id in [open_flow["flow_id"] for open_flow in message["flows"]]


# Two windows


def test_two_windows_lose_nothing(product: Product, client: Client) -> None:
    flow = client.new_flow(table("shared"))
    edits = 15

    def work(name: str) -> None:
        with product.core() as window:
            mine = Flow(window, flow.state())
            for number in range(edits):
                node_id = f"{name}_{number}"
                # The revision stays as old as this window is: others' edits elsewhere must not be in the way.
                stale = mine.revision
                step = add(node_id, "formula", columns=[{"name": "b", "expression": f"a + {number}"}])
                mine.edit(step, connect("shared", node_id))
                mine.revision = stale

    windows = [threading.Thread(target=work, args=(name,)) for name in ("left", "right")]
    for window in windows:
        window.start()
    for window in windows:
        window.join()
    document = flow.document()
    wanted = {f"{name}_{number}" for name in ("left", "right") for number in range(edits)}
    assert {step["id"] for step in document["steps"]} == wanted | {"shared"}
    assert {edge["target"] for edge in document["edges"]} == wanted
    assert flow.state()["revision"] == flow.revision + 2 * edits


def test_two_windows_that_change_the_same_are_told_of_it(product: Product, client: Client) -> None:
    flow = client.new_flow(table("numbers"))
    with product.core() as window:
        other = window.flow(flow.flow_id)
        flow.update("numbers", columns=[{"name": "mine"}], rows=[])
        conflict = other.edit({"op": "update_step", "id": "numbers", "settings": {}}, status=409)
        assert conflict["code"] == "conflict"
        assert conflict["conflict"]["collided"] == [["settings", "numbers"]]
        assert [edit["revision"] for edit in conflict["conflict"]["edits"]] == [flow.revision]
        other.edit({"op": "update_step", "id": "numbers", "title": "Another field"})
        [step] = flow.document()["steps"]
        assert (step["title"], step["settings"]["columns"]) == ("Another field", [{"name": "mine"}])


# Lost processes

SLOW = "import time\nmain.map_batches(lambda frame: time.sleep(600), schema={'a': pl.Int64})"


def _slow_flow(client: Client) -> Flow:
    return client.new_flow(*chain(table("numbers"), add("slow", "polars_code", code=SLOW)))


@pytest.mark.parametrize("mode", ["development", "performance"])
def test_run_in_flight_fails_with_the_worker_and_the_next_task_works(
    start_product: Callable[..., Product], mode: str
) -> None:
    product = start_product()
    with product.core() as client:
        flow = _slow_flow(client)
        run_id = flow.start(mode)
        with product.worker() as worker:
            wait_until(lambda: worker.call("GET", "/health")["running"], "the run at the Worker")
        children = product.processes()[1:]
        os.kill(product.worker_pid(), signal.SIGKILL)
        information = flow.end_of(run_id)
        assert information["state"] == "failed"
        assert information["problem"]["code"] == "worker_lost"
        assert "running" not in states_of(information).values()
        assert flow.rows("numbers")["rows"] == [[0], [1], [2]]
        assert flow.run(mode, targets=["numbers"])["state"] == "done"
        wait_until(lambda: not any(map(is_alive, children)), "the end of the old Worker's children")


def test_killed_child_fails_its_run_alone(start_product: Callable[..., Product]) -> None:
    product = start_product()
    with product.core() as client, product.worker() as worker:
        flow = _slow_flow(client)
        run_id = flow.start()
        wait_until(lambda: flow.step_state(run_id, "slow") == "running", "the step's start")
        [child] = wait_until(
            lambda: [child for child in worker.call("GET", "/health")["children"] if child["state"] == "working"],
            "a child at work",
        )
        os.kill(child["pid"], signal.SIGKILL)
        information = flow.end_of(run_id)
        # Whoever kills by SIGKILL may be the system for want of memory: the Worker tells them apart where it can.
        assert information["problem"]["code"] in {"worker_lost", "out_of_memory"}
        assert result_of(information, "slow")["state"] == "failed"
        assert flow.rows("numbers")["rows"] == [[0], [1], [2]]


def test_killed_core_leaves_no_process_and_loses_no_edit(start_product: Callable[..., Product], tmp_path: Path) -> None:
    product = start_product()
    with product.core() as client:
        saved = client.new_flow(table("numbers"))
        client.call("POST", f"{saved.path}/save-as", {"path": str(tmp_path / "saved.flow.yaml")})
        saved.edit({"op": "update_step", "id": "numbers", "title": "After it was saved"})
        flow = _slow_flow(client)
        flow.edit({"op": "move", "positions": {"slow": {"x": 40, "y": 20}}})
        client.call("POST", f"{flow.path}/undo")
        run_id = flow.start()
        with product.worker() as worker:
            wait_until(lambda: worker.call("GET", "/health")["running"], "the run at the Worker")
        before = [flow.state(), saved.state()]
    processes = product.processes()
    product.end(signal.SIGKILL)
    wait_until(lambda: not any(map(is_alive, processes)), "the end of the Worker and its children")

    product.start()
    with product.core() as client:
        after = [client.call("GET", known.path) for known in (flow, saved)]
        for old, new in zip(before, after, strict=True):
            for field in ("uuid", "revision", "saved_revision", "unsaved", "can_undo", "can_redo", "document"):
                assert new[field] == old[field], field
        information = client.call("GET", f"/runs/{run_id}")
        assert (information["state"], information["problem"]["code"]) == ("failed", "core_lost")
        again = client.flow(flow.flow_id)
        client.call("POST", f"{again.path}/redo")
        assert again.document()["layout"] == {"slow": {"x": 40, "y": 20}}
        assert client.flow(saved.flow_id).run()["state"] == "done"


def test_core_killed_amid_edits_keeps_those_it_answered(start_product: Callable[..., Product]) -> None:
    product = start_product()
    answered = 0

    def kill() -> None:
        time.sleep(0.5)
        product.end(signal.SIGKILL)

    with product.core() as client:
        flow = client.new_flow(table("numbers"))
        killing = threading.Thread(target=kill)
        killing.start()
        while killing.is_alive() and answered < 10_000:
            body = {"revision": flow.revision, "operations": [_titled(answered + 1)]}
            try:
                answer = client.http.post(f"{flow.path}/edits", json=body)
            except httpx.TransportError:
                break
            flow.revision = answer.json()["revision"]
            answered += 1
        killing.join()
    assert answered
    product.start()
    with product.core() as client:
        state = client.call("GET", flow.path)
        # One more may have been made, whose answer did not get through.
        assert state["revision"] - flow.revision in (0, 1)
        assert state["document"]["steps"][0]["title"] in (f"number {answered}", f"number {answered + 1}")


def _titled(number: int) -> dict[str, Any]:
    return {"op": "update_step", "id": "numbers", "title": f"number {number}"}


# Helpers


def _frame(rows: Any) -> pl.DataFrame:
    names = [column["name"] for column in rows["columns"]]
    return pl.DataFrame(rows["rows"], schema=names, orient="row", infer_schema_length=None)


def _comparable(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """Numbers as floats, since neither JSON nor CSV keeps their width; routes of one rank come in any order."""
    frame = frame.with_columns(cs.numeric().cast(pl.Float64))
    return frame.sort("origin", "rank", "dest") if name == "top_routes" else frame


def _late_flights(folder: Path) -> int:
    return pl.read_parquet(folder / "output" / "late_flights.parquet").select(pl.sum("late_flights")).item()


def _departures_later_than(minutes: int, folder: Path) -> int:
    return pl.read_parquet(folder / "data" / "flights.parquet").filter(pl.col("dep_delay") > minutes).height


def _below(flow: Flow, node_id: str) -> set[str]:
    """The steps that a step feeds, and itself."""
    edges = [(edge["source"], edge["target"]) for edge in flow.document()["edges"]]
    found = {node_id}
    for _ in edges:
        found |= {target for source, target in edges if source in found}
    return found


def _run_state(message: Any, run_id: str) -> str | None:
    """The state that a message tells of a run."""
    return message["run"]["state"] if message["kind"] == "run" and message["run"]["run_id"] == run_id else None
