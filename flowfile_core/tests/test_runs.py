"""Runs: through the Worker, into the database, and what goes wrong on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from core_support import Core, WorkerDouble, connect, formula, formula_settings, manual, running_core

from flowfile_core.settings import Settings
from flowfile_engine.errors import Problem
from flowfile_engine.run.information import StepResult
from flowfile_engine.tasks import FailedEvent, LogEvent, StepEvent

START = (manual(1, "a"), formula(2, b="a + 1"), connect(1, 2))


async def hanging(_: Any) -> AsyncGenerator[Any]:
    yield StepEvent(result=StepResult(node_id=1, state="running"))
    yield StepEvent(result=StepResult(node_id=2, state="waiting"))
    yield LogEvent(message="begun", node_id=1)
    yield "wait"
    yield FailedEvent(problem=Problem(code="cancelled", message="cancelled"))


async def dying(_: Any) -> AsyncGenerator[Any]:
    yield StepEvent(result=StepResult(node_id=1, state="running"))
    yield "die"


async def state_of(core: Core, run_id: str, *states: str) -> Any:
    run: Any = None
    for _ in range(500):
        run = await core.call("GET", f"/runs/{run_id}")
        if run["state"] in states and (run["state"] != "running" or run["results"]):
            return run
        await asyncio.sleep(0.01)
    raise AssertionError(run)


@pytest.mark.parametrize("mode", ["development", "performance"])
async def test_a_run_ends_with_its_record(core: Core, mode: str) -> None:
    flow_id = await core.flow(*START)
    run = await core.call("POST", f"/flows/{flow_id}/runs?wait=20", {"mode": mode})
    assert run["state"] == "done"
    assert run["mode"] == mode
    assert run["ended_at"] >= run["started_at"]
    assert {result["node_id"] for result in run["results"]} == {1, 2}
    assert await core.call("GET", f"/runs/{run['run_id']}") == run
    history = await core.call("GET", f"/flows/{flow_id}/runs")
    assert [entry["run_id"] for entry in history] == [run["run_id"]]
    assert await core.call("GET", "/runs") == history


async def test_a_run_goes_on_when_nobody_waits(core: Core) -> None:
    flow_id = await core.flow(*START)
    run = await core.call("POST", f"/flows/{flow_id}/runs", status=202)
    assert run["state"] == "running"
    assert (await state_of(core, run["run_id"], "done"))["results"]


async def test_parameters_reach_the_run(core: Core, worker: WorkerDouble) -> None:
    flow_id = await core.flow(
        {"op": "set_parameters", "parameters": {"n": {"type": "integer", "default": 1}}},
        manual(1, "a"),
        {"op": "add_step", "id": 2, "type": "formula", "settings": formula_settings(b="a + ${n}")},
        connect(1, 2),
    )
    run = await core.call("POST", f"/flows/{flow_id}/runs?wait=20", {"parameters": {"n": 5}})
    assert run["state"] == "done"
    assert worker.seen[-1].parameters == {"n": 5}
    bad = await core.call("POST", f"/flows/{flow_id}/runs", {"parameters": {"n": "x"}}, status=422)
    assert bad["code"] == "bad_parameter"
    await core.call("POST", f"/flows/{flow_id}/runs", {"parameters": {"unknown": 1}}, status=422)


async def test_what_is_not_ready_is_refused_with_all_problems(core: Core, worker: WorkerDouble) -> None:
    flow_id = await core.flow(
        *START, {"op": "add_step", "id": 3, "type": "formula"}, formula(4, z="nope"), connect(1, 4)
    )
    problem = await core.call("POST", f"/flows/{flow_id}/runs", status=422)
    assert problem["code"] == "not_ready"
    assert {item["node_id"] for item in problem["problems"]} == {3, 4}
    assert worker.count("run") == 0
    run = await core.call("POST", f"/flows/{flow_id}/runs?wait=20", {"targets": [2]})
    assert run["state"] == "done"
    await core.call("POST", f"/flows/{flow_id}/runs", {"targets": ["none"]}, status=422)


async def test_one_run_at_a_time_and_cancel(core: Core, worker: WorkerDouble) -> None:
    worker.instead["run"] = hanging
    flow_id = await core.flow(*START)
    run = await core.call("POST", f"/flows/{flow_id}/runs", status=202)
    await state_of(core, run["run_id"], "running")
    second = await core.call("POST", f"/flows/{flow_id}/runs", status=409)
    assert second["code"] == "run_in_progress"
    await core.call("DELETE", f"/flows/{flow_id}?discard=true", status=409)
    ended = await core.call("POST", f"/runs/{run['run_id']}/cancel")
    assert ended["state"] == "cancelled"
    assert [result["state"] for result in ended["results"]] == ["cancelled", "skipped"]
    assert (await core.call("GET", f"/runs/{run['run_id']}/logs"))[0]["message"] == "begun"
    await core.call("POST", f"/runs/{run['run_id']}/cancel", status=409)
    await core.call("POST", "/runs/none/cancel", status=404)


async def test_a_lost_worker_fails_the_run(core: Core, worker: WorkerDouble) -> None:
    worker.instead["run"] = dying
    flow_id = await core.flow(*START)
    run = await core.call("POST", f"/flows/{flow_id}/runs?wait=20")
    assert run["state"] == "failed"
    assert run["problem"]["code"] == "worker_lost"
    assert run["results"][0]["problem"]["code"] == "worker_lost"
    worker.instead.clear()
    assert (await core.call("POST", f"/flows/{flow_id}/runs?wait=20"))["state"] == "done"


async def test_runs_that_nobody_saw_end_are_failed_at_the_next_start(settings: Settings, worker: WorkerDouble) -> None:
    worker.instead["run"] = hanging
    async with running_core(settings) as core:
        flow_id = await core.flow(*START)
        run = await core.call("POST", f"/flows/{flow_id}/runs", status=202)
        await state_of(core, run["run_id"], "running")
    async with running_core(settings) as core:
        found = await core.call("GET", f"/runs/{run['run_id']}")
        assert found["state"] in ("failed", "cancelled")
        assert found["problem"]["code"] == "core_lost"


async def test_runs_of_others_do_not_exist(core: Core) -> None:
    flow_id = await core.flow(*START)
    run = await core.call("POST", f"/flows/{flow_id}/runs?wait=20")
    records = await core.services.runs.listing(99, None, 10, 0)
    assert records == []
    assert await core.services.runs.listing(1, None, 10, 0)
    assert run["state"] == "done"


async def test_rows_count_and_code(core: Core) -> None:
    flow_id = await core.flow(manual(1, "a", rows=250), formula(2, b="a + 1"), connect(1, 2))
    rows = await core.call("GET", f"/flows/{flow_id}/nodes/2/rows")
    assert len(rows["rows"]) == 100
    assert rows["rows"][1] == [1, 2]
    some = await core.call("GET", f"/flows/{flow_id}/nodes/2/rows?limit=2&offset=1&sort=-a&filter=a%20%3E%20200")
    assert some["rows"] == [[248, 249], [247, 248]]
    assert (await core.call("GET", f"/flows/{flow_id}/nodes/2/count"))["rows"] == 250
    assert "def " in (await core.http.get(f"/flows/{flow_id}/export")).text
    await core.call("GET", f"/flows/{flow_id}/nodes/2/rows?output=none", status=422)
    bad = await core.call("GET", f"/flows/{flow_id}/nodes/2/rows?filter=nope%20%3E%201", status=422)
    assert bad["detail"]


async def test_a_query_that_nobody_waits_for_is_cancelled(core: Core, worker: WorkerDouble) -> None:
    worker.instead["rows"] = hanging
    flow_id = await core.flow(*START)
    asking = asyncio.create_task(core.http.get(f"/flows/{flow_id}/nodes/2/rows"))
    await asyncio.wait_for(worker.came.wait(), 5)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await asyncio.wait_for(next(iter(worker.cancelled.values())).wait(), 5)
