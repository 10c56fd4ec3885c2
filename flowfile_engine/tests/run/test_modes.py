"""Runs in both modes: what is computed, what is kept, what is found again, and who is blamed."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from flowfile_engine.errors import GraphError

SALES = pl.DataFrame({"shop": ["a", "b", "a", "c"], "amount": [1, 2, 3, 4], "note": ["x", "1", "y", "z"]})
SHOPS = pl.DataFrame({"shop": ["a", "b", "d"], "city": ["Delft", "Leiden", "Gouda"]})
MODES = ("development", "performance")
TOTALS = {"by": ["shop"], "aggregations": [{"column": "amount", "function": "sum", "name": "total"}]}
KEYS = {"keys": [{"left": "shop", "right": "shop"}]}


@pytest.fixture
def flow(bench: Any) -> Any:
    """sales → kept → totals → join ← shops, and a branch of its own: kept → sorted."""
    bench.read("sales", SALES)
    bench.read("shops", SHOPS)
    bench.add("kept", "filter", {"conditions": [{"column": "amount", "operator": ">", "value": 1}]}, "sales")
    bench.add("totals", "group_by", TOTALS, "kept")
    bench.add("join", "join", KEYS, "totals", "shops")
    bench.add("sorted", "sort", {"order_by": [{"column": "amount"}]}, "kept")
    return bench


def failing(column: str) -> dict[str, Any]:
    """A step that fails on the data alone: text that is no number."""
    return {"columns": [{"column": column, "dtype": "Int64"}]}


@pytest.mark.parametrize("mode", MODES)
def test_every_step_has_an_end_and_targets_have_rows(flow: Any, states: Any, mode: Any):
    information = flow.run(mode)
    assert set(states(information).values()) == {"done"}
    assert information.result("join").rows == 2
    assert information.result("sorted").rows == 3
    assert flow.frame(information, "join").sort("shop").rows() == [("a", 3, "Delft"), ("b", 2, "Leiden")]
    assert [result.node_id for result in information.results] == [
        step.node_id for step in flow.graph.topological_sort()
    ]
    assert information.ended_at is not None


@pytest.mark.parametrize("mode", MODES)
def test_a_second_run_computes_nothing(flow: Any, states: Any, mode: Any):
    first = flow.run(mode)
    flow.events.clear()
    second = flow.run(mode)
    assert set(states(second).values()) <= {"cached", "done"}
    assert states(second)["join"] == states(second)["sorted"] == "cached"
    assert flow.frame(second, "join").equals(flow.frame(first, "join"))
    assert not [event for event in flow.events if event.kind == "step" and event.result.state == "running"]


def test_a_mode_finds_what_the_other_left(flow: Any, states: Any):
    flow.run("development")
    assert states(flow.run("performance"))["join"] == "cached"


def test_a_change_computes_only_what_is_below(flow: Any, states: Any):
    flow.run()
    flow.change("totals", by=["shop"], aggregations=[{"function": "len", "name": "n"}])
    after = states(flow.run())
    assert (after["totals"], after["join"], after["sorted"]) == ("done", "done", "cached")


def test_a_changed_source_computes_what_reads_it(flow: Any, states: Any):
    flow.run()
    SHOPS.head(1).write_parquet(flow.folder / "shops.parquet")
    information = flow.run()
    assert states(information)["join"] == "done"
    assert states(information)["totals"] == states(information)["sorted"] == "cached"
    assert flow.frame(information, "join").height == 1


@pytest.mark.usefixtures("pruning")
def test_a_column_needed_later_is_computed_then(flow: Any, states: Any):
    flow.add("cities", "group_by", {"by": ["city"], "aggregations": [{"function": "len", "name": "n"}]}, "join")
    flow.run()
    [pruned] = [flow.cache.find_ref(ref) for ref in flow.run().result("join").files.values()]
    assert not pruned.whole
    flow.change("cities", by=["city"], aggregations=[{"column": "total", "function": "sum", "name": "n"}])
    information = flow.run()
    assert states(information)["join"] == "done"
    assert flow.frame(information, "cities").sort("city").rows() == [("Delft", 3), ("Leiden", 2)]
    assert states(flow.run())["join"] == "cached"


@pytest.mark.usefixtures("pruning")
def test_a_marked_step_is_kept_whole(flow: Any):
    document = flow.graph.step("join").document.model_copy(update={"cache_results": True})
    flow.graph.replace_step(document)
    flow.add("cities", "group_by", {"by": ["city"]}, "join")
    information = flow.run()
    assert flow.frame(information, "join").columns == ["shop", "total", "city"]


def test_a_marked_step_is_kept_and_used_in_performance_mode(flow: Any, states: Any):
    flow.graph.replace_step(flow.graph.step("kept").document.model_copy(update={"cache_results": True}))
    information = flow.run("performance")
    assert flow.frame(information, "kept").height == 3
    flow.change("sorted", order_by=[{"column": "shop"}])
    again = flow.run("performance")
    assert (states(again)["kept"], states(again)["sorted"]) == ("cached", "done")
    assert "kept" not in flow.run("development").result("totals").files


def test_only_what_the_targets_need_is_run(flow: Any, states: Any):
    for mode in MODES:
        after = states(flow.run(mode, targets=["totals"]))
        assert after["totals"] in ("done", "cached")
        assert (after["join"], after["sorted"], after["shops"]) == ("skipped", "skipped", "skipped")


def test_a_failing_step_is_blamed_and_other_branches_are_done(flow: Any, states: Any):
    flow.add("number", "select", failing("note"), "sorted")
    flow.add("after", "formula", {"columns": [{"name": "twice", "expression": "note * 2"}]}, "number")
    flow.add("last", "unique", {}, "after")
    information = flow.run("development")
    assert information.state == "failed"
    assert information.problem.node_id == "number"
    assert information.problem.code == "bad_data"
    after = states(information)
    assert (after["number"], after["after"], after["last"]) == ("failed", "skipped", "skipped")
    assert (after["sorted"], after["join"], after["totals"]) == ("done", "done", "done")
    assert information.result("number").problem == information.problem


def test_in_performance_mode_a_failing_step_is_blamed_and_nothing_is_kept(flow: Any, states: Any):
    flow.add("number", "select", failing("note"), "sorted")
    flow.add("after", "formula", {"columns": [{"name": "twice", "expression": "note * 2"}]}, "number")
    flow.add("file", "write", {"path": "join.csv"}, "join")
    information = flow.run("performance")
    assert information.problem.node_id == "number"
    after = states(information)
    assert (after["number"], after["after"], after["file"]) == ("failed", "skipped", "skipped")
    assert not (flow.folder / "join.csv").exists()
    assert flow.cache.usage()["results"] == 0
    assert [path.name for path in flow.folder.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("mode", MODES)
def test_the_fix_computes_only_what_failed_and_what_is_below(flow: Any, states: Any, mode: Any):
    flow.add("number", "select", failing("note"), "sorted")
    flow.add("last", "unique", {}, "number")
    flow.run(mode)
    flow.change("number", columns=[{"column": "amount", "dtype": "Float64"}])
    information = flow.run(mode)
    assert information.state == "done"
    assert flow.frame(information, "last").height == 3
    if mode == "development":
        assert states(information)["sorted"] == "cached"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"conditions": []}, "conditions"),
        ({"conditions": [{"column": "amuont", "operator": "is null"}]}, "conditions.0.column"),
        ({"conditions": [{"column": "amount", "operator": ">", "value": "many"}]}, "conditions.0.value"),
    ],
)
def test_what_is_known_beforehand_is_placed_on_its_field(flow: Any, states: Any, mode: Any, settings: Any, field: str):
    flow.change("kept", **settings)
    information = flow.run(mode)
    assert (information.problem.node_id, information.problem.field) == ("kept", field)
    assert states(information)["kept"] == "failed"
    assert {states(information)[name] for name in ("totals", "join", "sorted")} == {"skipped"}


@pytest.mark.parametrize("mode", MODES)
def test_a_step_without_its_input_is_the_problem(flow: Any, mode: Any):
    flow.graph.disconnect(flow.graph.step("kept").incoming[0])
    information = flow.run(mode)
    assert (information.problem.code, information.problem.node_id) == ("input_missing", "kept")


@pytest.mark.parametrize("mode", MODES)
def test_an_unfinished_step_that_no_target_needs_is_left_alone(flow: Any, states: Any, mode: Any):
    flow.add("half", "filter", {}, "sales")
    information = flow.run(mode, targets=["join"])
    assert information.state == "done"
    assert states(information)["half"] == "skipped"


def test_an_unfinished_step_does_not_keep_other_branches_from_running(flow: Any, states: Any):
    flow.add("half", "filter", {}, "sales")
    information = flow.run("development")
    assert states(information)["half"] == "failed"
    assert states(information)["join"] == states(information)["sorted"] == "done"


@pytest.mark.parametrize("mode", MODES)
def test_an_empty_flow_runs(bench: Any, mode: Any):
    assert bench.run(mode).state == "done"


@pytest.mark.parametrize("mode", MODES)
def test_a_target_that_does_not_exist_is_an_error(flow: Any, mode: Any):
    with pytest.raises(GraphError, match="no node 'nobody'"):
        flow.run(mode, targets=["nobody"])


def test_events_tell_every_state_in_order(flow: Any):
    information = flow.run("development")
    told: dict[Any, list[str]] = {}
    for event in flow.events:
        if event.kind == "step":
            told.setdefault(event.result.node_id, []).append(event.result.state)
    assert told["totals"] == ["running", "done"]
    assert told.keys() == {result.node_id for result in information.results}


def test_both_sinks_of_a_run_are_written_or_none(flow: Any):
    flow.add("one", "write", {"path": "one.csv"}, "join")
    flow.add("two", "write", {"path": "missing/two.csv"}, "sorted")
    information = flow.run("performance")
    assert information.problem.node_id == "two"
    assert not (flow.folder / "one.csv").exists()
    (flow.folder / "missing").mkdir()
    assert flow.run("performance").state == "done"
    assert (flow.folder / "one.csv").exists()
