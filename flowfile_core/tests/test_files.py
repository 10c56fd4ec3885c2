"""Flows as files, autosave, and recovery after a crash."""

from __future__ import annotations

from pathlib import Path

from core_support import Core, connect, formula, formula_settings, manual, running_core

from flowfile_core.settings import Settings
from flowfile_engine import flow_file

START = (manual(1, "a"), formula(2, b="a + 1"), connect(1, 2))


async def test_save_close_open(core: Core, tmp_path: Path) -> None:
    flow_id = await core.flow(*START)
    assert (await core.call("POST", f"/flows/{flow_id}/save", status=422))["code"] == "bad_target"
    path = str(tmp_path / "one.flow.yaml")
    saved = await core.call("POST", f"/flows/{flow_id}/save-as", {"path": path})
    assert saved["path"] == path
    assert not saved["unsaved"]
    before = await core.document(flow_id)
    await core.call("DELETE", f"/flows/{flow_id}", status=204)
    await core.call("GET", f"/flows/{flow_id}", status=404)
    opened = await core.call("POST", "/flows/open", {"path": path})
    assert await core.document(opened["flow_id"]) == before
    assert (await core.call("POST", "/flows/open", {"path": path}))["flow_id"] == opened["flow_id"]


async def test_edits_after_a_save_are_unsaved(core: Core, tmp_path: Path) -> None:
    flow_id = await core.flow(*START)
    await core.call("POST", f"/flows/{flow_id}/save-as", {"path": str(tmp_path / "f.yaml")})
    await core.edit(flow_id, 1, {"op": "update_step", "id": 2, "title": "t"})
    assert (await core.call("DELETE", f"/flows/{flow_id}", status=409))["code"] == "unsaved"
    await core.call("POST", f"/flows/{flow_id}/save")
    assert flow_file.read(tmp_path / "f.yaml").steps[1].title == "t"
    await core.call("DELETE", f"/flows/{flow_id}", status=204)


async def test_discarded_edits_are_gone(core: Core, tmp_path: Path) -> None:
    flow_id = await core.flow(*START)
    path = str(tmp_path / "f.yaml")
    await core.call("POST", f"/flows/{flow_id}/save-as", {"path": path})
    await core.edit(flow_id, 1, {"op": "remove_step", "id": 2})
    await core.call("DELETE", f"/flows/{flow_id}?discard=true", status=204)
    opened = await core.call("POST", "/flows/open", {"path": path})
    assert len((await core.document(opened["flow_id"]))["steps"]) == 2


async def test_saving_never_overwrites_by_mistake(core: Core, tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_text("precious")
    flow_id = await core.flow(*START)
    target = f"/flows/{flow_id}/save-as"
    assert (await core.call("POST", target, {"path": str(path)}, status=409))["code"] == "file_exists"
    await core.call("POST", target, {"path": str(path), "overwrite": True})
    path.write_text(path.read_text() + "# by somebody else\n")
    assert (await core.call("GET", f"/flows/{flow_id}"))["file_changed"]
    await core.call("POST", f"/flows/{flow_id}/save", status=409)
    await core.call("POST", f"/flows/{flow_id}/save", {"overwrite": True})
    await core.call("POST", target, {"path": str(tmp_path / "not-a-flow.sh")}, status=422)
    await core.call("POST", target, {"path": str(tmp_path / "nowhere" / "f.yaml")}, status=422)


async def test_import_and_export(core: Core) -> None:
    flow_id = await core.flow(*START)
    text = (await core.http.get(f"/flows/{flow_id}/export?format=yaml")).text
    imported = await core.call("POST", "/flows/import", {"text": text}, status=201)
    assert await core.columns(imported["flow_id"], 2) == ["a", "b"]
    await core.call("POST", "/flows/import", {"text": "a: ["}, status=422)
    await core.call("POST", "/flows/import", {"text": "\x00"}, status=422)


async def test_what_is_no_flow_cannot_be_opened(core: Core, tmp_path: Path) -> None:
    await core.call("POST", "/flows/open", {"path": str(tmp_path / "none.yaml")}, status=404)
    (tmp_path / "bad.yaml").write_text("hello")
    assert (await core.call("POST", "/flows/open", {"path": str(tmp_path / "bad.yaml")}, status=422))["code"] == (
        "bad_flow_file"
    )
    await core.call("POST", "/flows/open", {"path": "a\x00b"}, status=403)


async def test_paths_stay_inside_the_roots(settings: Settings, tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    async with running_core(settings.model_copy(update={"roots": [inside]})) as core:
        flow_id = await core.flow(*START)
        for path in (tmp_path / "out.yaml", inside / ".." / "out.yaml"):
            body = {"path": str(path)}
            assert (await core.call("POST", f"/flows/{flow_id}/save-as", body, status=403))["code"] == "path_forbidden"
        await core.call("POST", f"/flows/{flow_id}/save-as", {"path": "in.yaml"})
        assert (inside / "in.yaml").exists()
        read = {"op": "add_step", "id": 3, "type": "read", "settings": {"path": "/etc/passwd"}}
        await core.edit(flow_id, 1, read)
        node = await core.call("GET", f"/flows/{flow_id}/nodes/3")
        assert node["problems"][0]["code"] == "path_forbidden"


async def test_edits_survive_a_crash(settings: Settings) -> None:
    async with running_core(settings) as core:
        flow_id = await core.flow(*START)
        await core.edit(flow_id, 1, {"op": "update_step", "id": 2, "settings": formula_settings(c="a")})
        await core.edit(flow_id, 2, {"op": "remove_step", "id": 1})
        await core.call("POST", f"/flows/{flow_id}/undo")
        before = await core.document(flow_id)
    log = settings.data_dir / "flows" / str(flow_id) / "edits.jsonl"
    with log.open("ab") as file:
        file.write(b'{"line":"edit","kind":"edit","revision":5,"opera')
    async with running_core(settings) as core:
        assert [flow["flow_id"] for flow in (await core.call("GET", "/flows"))["open"]] == [flow_id]
        state = await core.call("GET", f"/flows/{flow_id}")
        assert state["document"] == before
        assert state["revision"] == 4
        assert state["can_redo"]
        assert await core.columns(flow_id, 2) == ["a", "c"]
        await core.edit(flow_id, 4, {"op": "update_step", "id": 2, "title": "after"})
    async with running_core(settings) as core:
        assert (await core.document(flow_id))["steps"][1]["title"] == "after"


async def test_saved_edits_are_not_replayed_on_a_file_that_changed(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    async with running_core(settings) as core:
        flow_id = await core.flow(*START)
        await core.call("POST", f"/flows/{flow_id}/save-as", {"path": str(path)})
        await core.edit(flow_id, 1, {"op": "update_step", "id": 2, "title": "mine"})
        await core.call("POST", f"/flows/{flow_id}/save")
    path.write_text(path.read_text().replace("mine", "theirs"))
    async with running_core(settings) as core:
        state = await core.call("GET", f"/flows/{flow_id}")
        assert state["document"]["steps"][1]["title"] == "theirs"
        assert state["revision"] == 3
        assert not state["unsaved"]


async def test_unsaved_edits_win_over_a_file_that_changed(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    async with running_core(settings) as core:
        flow_id = await core.flow(*START)
        await core.call("POST", f"/flows/{flow_id}/save-as", {"path": str(path)})
        await core.edit(flow_id, 1, {"op": "update_step", "id": 2, "title": "mine"})
    path.write_text(path.read_text() + "\n")
    async with running_core(settings) as core:
        state = await core.call("GET", f"/flows/{flow_id}")
        assert state["document"]["steps"][1]["title"] == "mine"
        assert state["file_changed"]
        assert state["unsaved"]
