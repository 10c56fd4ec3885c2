"""Schemas from outside: of sources, of a person's code, of what only a run can tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core_support import Core, WorkerDouble, connect, formula, manual

CSV = {"op": "add_step", "id": "csv", "type": "read"}


async def test_a_source_is_asked_once_and_again_when_its_file_changes(
    core: Core, worker: WorkerDouble, tmp_path: Path
) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n")
    flow_id = await core.flow({**CSV, "settings": {"path": str(path)}}, formula(2, c="a + b"), connect("csv", 2))
    assert await core.columns(flow_id, 2) == ["a", "b", "c"]
    await core.edit(flow_id, 1, {"op": "update_step", "id": "csv", "title": "t"})
    await core.edit(flow_id, 2, {**CSV, "id": "twin", "settings": {"path": str(path)}})
    assert await core.columns(flow_id, "twin") == ["a", "b"]
    assert worker.count("source_schema") == 1
    path.write_text("a,b,z\n1,2,3\n")
    assert (await core.call("POST", f"/flows/{flow_id}/runs?wait=20"))["state"] == "done"
    assert await core.columns(flow_id, 2) == ["a", "b", "z", "c"]
    assert worker.count("source_schema") == 2


async def test_a_missing_file_is_a_problem_until_it_is_there(core: Core, tmp_path: Path) -> None:
    path = tmp_path / "late.csv"
    flow_id = await core.flow({**CSV, "settings": {"path": str(path)}})
    assert await core.columns(flow_id, "csv") is None
    node = await core.call("GET", f"/flows/{flow_id}/nodes/csv")
    assert "late.csv" in node["problems"][0]["message"]
    path.write_text("a\n1\n")
    assert (await core.call("POST", f"/flows/{flow_id}/runs?wait=20"))["state"] == "done"
    assert await core.columns(flow_id, "csv") == ["a"]


async def test_relative_paths_start_at_the_flows_folder(core: Core, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "t.csv").write_text("q\n1\n")
    flow_id = await core.flow({**CSV, "settings": {"path": "t.csv"}})
    assert await core.columns(flow_id, "csv") is None
    await core.call("POST", f"/flows/{flow_id}/save-as", {"path": str(folder / "f.yaml")})
    assert await core.columns(flow_id, "csv") == ["q"]


async def test_code_of_a_person_is_asked_of_the_worker(core: Core, worker: WorkerDouble) -> None:
    code = {"op": "add_step", "id": 2, "type": "polars_code", "settings": {"code": "main.with_columns(z=pl.lit(1))"}}
    palette = {item["type"]: item for item in await core.call("GET", "/palette")}
    port = palette["polars_code"]["inputs"][0]["name"]
    flow_id = await core.flow(manual(1, "a"), code, connect(1, 2, input=port))
    await core.columns(flow_id, 2)
    assert worker.count("node_schema") == 1


async def test_a_pivots_columns_are_learnt_from_a_run(core: Core) -> None:
    columns = [{"name": "k"}, {"name": "on"}, {"name": "v", "dtype": "Int64"}]
    table: dict[str, Any] = {"columns": columns, "rows": [["x", "Q1", 1], ["y", "Q2", 2]]}
    source = {"op": "add_step", "id": 1, "type": "manual_input", "settings": table}
    settings = {"on": "on", "index": ["k"], "values": ["v"]}
    pivot = {"op": "add_step", "id": 2, "type": "pivot", "settings": settings}
    flow_id = await core.flow(source, pivot, formula(3, z="1"), connect(1, 2), connect(2, 3))
    assert await core.columns(flow_id, 3) is None
    assert (await core.call("POST", f"/flows/{flow_id}/runs?wait=20", {"mode": "development"}))["state"] == "done"
    learnt = None
    for _ in range(200):
        learnt = await core.columns(flow_id, 3)
        if learnt is not None:
            break
    assert learnt == ["k", "Q1", "Q2", "z"]
    await core.edit(flow_id, 1, {"op": "update_step", "id": 1, "settings": {**table, "rows": []}})
    assert await core.columns(flow_id, 2) is None


async def test_a_source_that_cannot_be_read_is_never_read_in_core(core: Core, tmp_path: Path) -> None:
    path = tmp_path / "broken.parquet"
    path.write_bytes(b"PAR1 and then nothing")
    flow_id = await core.flow({**CSV, "settings": {"path": str(path)}}, formula(2, c="1"), connect("csv", 2))
    assert await core.columns(flow_id, 2) is None
    node = await core.call("GET", f"/flows/{flow_id}/nodes/csv")
    assert node["status"] == "invalid"
