"""Edits: what they do, what undoes them, and two windows on one flow."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from core_support import Core, connect, formula, formula_settings, manual

from flowfile_core.flows.operations import OPERATIONS, apply_all
from flowfile_engine.errors import FlowfileError
from flowfile_engine.graph.graph import EtlGraph

START = (
    manual(1, "a", "b"),
    formula(2, c="a + b"),
    connect(1, 2),
    {"op": "move", "positions": {"1": {"x": 1, "y": 2}}},
)


async def test_an_edit_changes_the_schema_below(core: Core) -> None:
    flow_id = await core.flow(*START)
    assert await core.columns(flow_id, 2) == ["a", "b", "c"]
    answer = await core.edit(flow_id, 1, {"op": "update_step", "id": 2, "settings": formula_settings(d="a * 2")})
    assert answer["revision"] == 2
    assert answer["changed"] == [2]
    assert await core.columns(flow_id, 2) == ["a", "b", "d"]


async def test_the_state_holds_the_document_and_every_node(core: Core) -> None:
    flow_id = await core.flow(*START, {"op": "add_step", "id": "x", "type": "formula"})
    state = await core.call("GET", f"/flows/{flow_id}")
    assert [step["id"] for step in state["document"]["steps"]] == [1, 2, "x"]
    assert [node["status"] for node in state["node_states"]] == ["ready", "ready", "unfinished"]
    assert state["can_undo"]
    assert not state["can_redo"]


async def test_node_details(core: Core) -> None:
    flow_id = await core.flow(*START)
    node = await core.call("GET", f"/flows/{flow_id}/nodes/2")
    assert node["summary"] == "c = a + b"
    assert [column["name"] for column in node["inputs"]["main"]] == ["a", "b"]
    assert node["outputs"]["main"][-1] == {"name": "c", "dtype": "Int64"}
    await core.call("GET", f"/flows/{flow_id}/nodes/9", status=404)


@pytest.mark.parametrize(
    "operations",
    [
        [manual(3, "z"), {"op": "update_step", "id": 2, "title": "t", "cache_results": True}],
        [{"op": "remove_step", "id": 1}],
        [{"op": "remove_step", "id": 2}, formula(2, q="1")],
        [{"op": "disconnect", "source": 1, "target": 2}],
        [{"op": "set_parameters", "parameters": {"p": {"type": "integer", "default": 3}}}],
        [{"op": "set_flow_settings", "flow_settings": {"name": "n", "mode": "performance"}}],
        [{"op": "move", "positions": {"1": None, "2": {"x": 5, "y": 6}}}],
    ],
    ids=lambda operations: "+".join(operation["op"] for operation in operations),
)
async def test_undo_and_redo_bring_the_same_document(core: Core, operations: list[dict[str, Any]]) -> None:
    flow_id = await core.flow(*START)
    before = await core.document(flow_id)
    await core.edit(flow_id, 1, *operations)
    after = await core.document(flow_id)
    assert after != before
    await core.call("POST", f"/flows/{flow_id}/undo")
    assert await core.document(flow_id) == before
    await core.call("POST", f"/flows/{flow_id}/redo", {"revision": 3})
    assert await core.document(flow_id) == after
    await core.call("POST", f"/flows/{flow_id}/redo", status=409)


async def test_removing_a_middle_input_of_a_union_is_undone_in_place(core: Core) -> None:
    palette = {item["type"]: item for item in await core.call("GET", "/palette")}
    port = palette["union"]["inputs"][0]["name"]
    edges = [connect(name, "all", input=port) for name in "abc"]
    sources = [manual(name, "x") for name in "abc"]
    flow_id = await core.flow(*sources, {"op": "add_step", "id": "all", "type": "union"}, *edges)
    before = await core.document(flow_id)
    await core.edit(flow_id, 1, {"op": "remove_step", "id": "b"})
    await core.call("POST", f"/flows/{flow_id}/undo")
    assert await core.document(flow_id) == before


async def test_all_or_nothing(core: Core) -> None:
    flow_id = await core.flow(*START)
    before = await core.document(flow_id)
    problem = await core.edit(flow_id, 1, {"op": "remove_step", "id": 1}, connect(1, 2), status=422)
    assert problem["code"] == "bad_graph"
    assert await core.document(flow_id) == before
    assert (await core.call("GET", f"/flows/{flow_id}"))["revision"] == 1


async def test_a_cycle_is_refused(core: Core) -> None:
    flow_id = await core.flow(formula(1, a="1"), formula(2, a="1"), connect(1, 2))
    problem = await core.edit(flow_id, 1, connect(2, 1), status=422)
    assert "cycle" in problem["detail"]


async def test_edits_of_two_windows_that_do_not_touch_are_both_taken(core: Core) -> None:
    flow_id = await core.flow(*START)
    await core.edit(flow_id, 1, {"op": "update_step", "id": 2, "title": "left"})
    await core.edit(flow_id, 1, {"op": "update_step", "id": 1, "title": "right"})
    assert [step["title"] for step in (await core.document(flow_id))["steps"]] == ["right", "left"]


async def test_edits_of_two_windows_that_touch_conflict(core: Core) -> None:
    flow_id = await core.flow(*START)
    await core.edit(flow_id, 1, {"op": "update_step", "id": 2, "settings": formula_settings(x="a")})
    problem = await core.edit(
        flow_id, 1, {"op": "update_step", "id": 2, "settings": formula_settings(y="a")}, status=409
    )
    assert problem["code"] == "conflict"
    conflict = problem["conflict"]
    assert conflict["collided"] == [["settings", 2]]
    assert conflict["revision"] == 2
    assert [edit["operations"][0]["settings"] for edit in conflict["edits"]] == [formula_settings(x="a")]
    assert await core.columns(flow_id, 2) == ["a", "b", "x"]


@pytest.mark.parametrize(
    "late", [connect(1, 3), {"op": "update_step", "id": 1, "title": "t"}, {"op": "remove_step", "id": 1}]
)
async def test_what_was_removed_meanwhile_conflicts(core: Core, late: dict[str, Any]) -> None:
    flow_id = await core.flow(*START, formula(3, z="a"))
    await core.edit(flow_id, 1, {"op": "remove_step", "id": 1})
    assert (await core.edit(flow_id, 1, late, status=409))["code"] == "conflict"


async def test_removing_a_step_that_was_changed_meanwhile_conflicts(core: Core) -> None:
    flow_id = await core.flow(*START)
    await core.edit(flow_id, 1, {"op": "update_step", "id": 2, "settings": formula_settings(x="a")})
    await core.edit(flow_id, 1, {"op": "remove_step", "id": 2}, status=409)


async def test_a_revision_from_the_future_conflicts(core: Core) -> None:
    flow_id = await core.flow(*START)
    await core.edit(flow_id, 9, {"op": "remove_step", "id": 2}, status=409)


async def test_edits_at_once_are_taken_in_turn(core: Core) -> None:
    flow_id = await core.flow(*START, *(formula(f"n{i}", z="a") for i in range(20)))
    edits = [core.edit(flow_id, 1, connect(1, f"n{i}")) for i in range(20)]
    answers = await asyncio.gather(*edits)
    assert sorted(answer["revision"] for answer in answers) == list(range(2, 22))
    state = await core.call("GET", f"/flows/{flow_id}")
    assert {node["status"] for node in state["node_states"]} == {"ready"}


async def test_a_long_chain_is_predicted_beside_the_edits(core: Core) -> None:
    length = 600
    steps = [formula(i, a="a + 1") for i in range(length)]
    edges = [connect(i - 1, i) for i in range(1, length)]
    flow_id = await core.flow(manual("in", "a"), *steps, *edges, connect("in", 0))
    for name in ("x", "y", "z"):
        await core.edit(
            flow_id,
            (await core.call("GET", "/flows"))["open"][0]["revision"],
            {"op": "update_step", "id": 0, "settings": formula_settings(**{name: "a"})},
        )
    assert await core.columns(flow_id, length - 1) == ["a", "z"]


async def test_flows_of_others_do_not_exist(core: Core) -> None:
    flow_id = await core.flow(*START)
    core.services.flows.loaded()[0].owner_id = 99
    await core.call("GET", f"/flows/{flow_id}", status=404)
    await core.edit(flow_id, 1, {"op": "remove_step", "id": 1}, status=404)
    assert (await core.call("GET", "/flows"))["open"] == []


async def test_ids_that_look_alike_are_refused(core: Core) -> None:
    flow_id = await core.flow(manual(1, "a"))
    await core.edit(flow_id, 1, manual("1", "a"), status=422)


def test_a_failed_edit_leaves_the_graph_as_it_was() -> None:
    graph = EtlGraph()
    operations = OPERATIONS.validate_python([*START, {"op": "remove_step", "id": "none"}])
    with pytest.raises(FlowfileError):
        apply_all(graph, operations)
    assert len(graph) == 0
    assert graph.layout == {}
