"""Fingerprints change exactly when the result could."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flowfile_engine.errors import NodeId
from flowfile_engine.graph.document import FlowDocument, FlowSettings, Parameter, Position
from flowfile_engine.graph.fingerprint import LENGTH
from flowfile_engine.graph.graph import EtlGraph
from flowfile_engine.nodes.registry import builtin_registry
from flowfile_engine.run.flow import PreparedFlow

KEYS = {"keys": [{"left": "a", "right": "a"}]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pl.DataFrame({"a": [1, 2], "b": ["x", "y"]}).write_csv(tmp_path / "one.csv")
    pl.DataFrame({"a": [2, 3], "c": ["p", "q"]}).write_csv(tmp_path / "two.csv")
    return tmp_path


@pytest.fixture
def flow() -> FlowDocument:
    """one → kept → join ← two, and a branch of its own below `two`."""
    graph = EtlGraph(FlowDocument(parameters={"least": Parameter(type="integer", default=0)}))
    graph.add_node_step("one", {"path": "one.csv"}, node_type="read")
    graph.add_node_step("two", {"path": "two.csv"}, node_type="read")
    condition = {"column": "a", "operator": ">", "value": "${least}"}
    graph.add_node_step("kept", {"conditions": [condition]}, node_type="filter")
    graph.add_node_step("join", KEYS, node_type="join")
    graph.add_node_step("branch", {}, node_type="unique")
    graph.connect("one", "kept")
    graph.connect("kept", "join", input="left")
    graph.connect("two", "join", input="right")
    graph.connect("two", "branch")
    return graph.document()


def hashes(flow: FlowDocument, folder: Path, **parameters: Any) -> dict[NodeId, str]:
    prepared = PreparedFlow(EtlGraph(flow, parameters=parameters), base_dir=folder, run_id="some run")
    return {step.node_id: step.hash for step in prepared.graph}


def changed(before: dict[NodeId, str], after: dict[NodeId, str]) -> set[NodeId]:
    assert before.keys() == after.keys()
    return {node_id for node_id in before if before[node_id] != after[node_id]}


def edited(flow: FlowDocument, node_id: str, **changes: Any) -> FlowDocument:
    graph = EtlGraph(flow)
    graph.replace_step(graph.step(node_id).document.model_copy(update=changes))
    return graph.document()


def test_a_fingerprint_is_stable_and_short(flow: FlowDocument, folder: Path):
    first = hashes(flow, folder)
    assert first == hashes(FlowDocument.model_validate_json(flow.model_dump_json()), folder)
    assert all(len(text) == LENGTH for text in first.values())
    assert len(set(first.values())) == len(first)


def test_looks_do_not_matter(flow: FlowDocument, folder: Path):
    other = edited(flow, "one", title="Orders", description="All of them", cache_results=True)
    other = other.model_copy(
        update={
            "uuid": "another",
            "flow_settings": FlowSettings(name="Another", mode="performance"),
            "layout": {"one": Position(x=1, y=2)},
            "steps": other.steps[::-1],
        }
    )
    assert changed(hashes(flow, folder), hashes(other, folder)) == set()


def test_the_order_of_adding_edges_to_different_ports_does_not_matter(flow: FlowDocument, folder: Path):
    other = flow.model_copy(update={"edges": flow.edges[::-1]})
    assert changed(hashes(flow, folder), hashes(other, folder)) == set()


def test_a_default_written_out_does_not_matter(flow: FlowDocument, folder: Path):
    other = edited(flow, "branch", settings={"keep": "any", "columns": []})
    assert changed(hashes(flow, folder), hashes(other, folder)) == set()


def test_a_setting_changes_its_step_and_what_is_below(flow: FlowDocument, folder: Path):
    other = edited(flow, "kept", settings={"conditions": [{"column": "a", "operator": "<", "value": 5}]})
    assert changed(hashes(flow, folder), hashes(other, folder)) == {"kept", "join"}
    other = edited(flow, "branch", settings={"keep": "first"})
    assert changed(hashes(flow, folder), hashes(other, folder)) == {"branch"}


def test_a_parameter_changes_what_names_it(flow: FlowDocument, folder: Path):
    assert changed(hashes(flow, folder), hashes(flow, folder, least=1)) == {"kept", "join"}
    assert changed(hashes(flow, folder), hashes(flow, folder, least=0)) == set()


def test_a_parameter_is_the_same_as_its_value_written_there(flow: FlowDocument, folder: Path):
    written = edited(flow, "kept", settings={"conditions": [{"column": "a", "operator": ">", "value": 1}]})
    assert hashes(flow, folder, least=1) == hashes(written, folder)


def rewrite(path: Path) -> None:
    path.write_text(path.read_text())


def touch(path: Path) -> None:
    os.utime(path, ns=(1, 1))


def replace(path: Path) -> None:
    """By another file of the same size and time."""
    known = path.stat()
    other = path.with_name("other")
    other.write_text(path.read_text().replace("x", "z"))
    os.utime(other, ns=(known.st_atime_ns, known.st_mtime_ns))
    other.rename(path)


@pytest.mark.parametrize("change", [rewrite, touch, replace, Path.unlink])
def test_a_source_that_changed_changes_what_reads_it(flow: FlowDocument, folder: Path, change: Callable[[Path], None]):
    before = hashes(flow, folder)
    change(folder / "one.csv")
    assert changed(before, hashes(flow, folder)) >= {"one", "kept"}
    assert not changed(before, hashes(flow, folder)) & {"two", "branch"}


def test_a_file_that_joins_a_pattern_changes_it(flow: FlowDocument, folder: Path):
    pattern = edited(flow, "two", settings={"path": "tw*.csv"})
    before = hashes(pattern, folder)
    (folder / "twelve.csv").write_text("a,c\n9,z\n")
    assert changed(before, hashes(pattern, folder)) == {"two", "join", "branch"}


def test_reading_the_same_file_by_another_path_text_is_the_same(flow: FlowDocument, folder: Path):
    other = edited(flow, "one", settings={"path": str(folder / "one.csv")})
    assert changed(hashes(flow, folder), hashes(other, folder)) == set()


def test_swapped_inputs_change_the_join_alone(flow: FlowDocument, folder: Path):
    graph = EtlGraph(flow)
    for edge in list(graph.step("join").incoming):
        graph.disconnect(edge)
    graph.connect("two", "join", input="left")
    graph.connect("kept", "join", input="right")
    assert changed(hashes(flow, folder), hashes(graph.document(), folder)) == {"join"}


def test_the_order_of_a_unions_inputs_matters(folder: Path):
    def union(*sources: str) -> str:
        graph = EtlGraph()
        for name in ("one", "two"):
            graph.add_node_step(name, {"path": f"{name}.csv"}, node_type="read")
        graph.add_node_step("union", {}, node_type="union")
        for source in sources:
            graph.connect(source, "union")
        return hashes(graph.document(), folder)["union"]

    assert union("one", "two") != union("two", "one")


def test_another_version_of_a_node_type_changes_its_steps(
    flow: FlowDocument, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    before = hashes(flow, folder)
    node_type = builtin_registry()["filter"]
    monkeypatch.setattr(node_type, "version", node_type.version + 1)
    assert changed(before, hashes(flow, folder)) == {"kept", "join"}


def test_the_name_of_an_edge_matters_where_names_are_used(folder: Path):
    def query(name: str | None) -> str:
        graph = EtlGraph()
        graph.add_node_step("one", {"path": "one.csv"}, node_type="read")
        graph.add_node_step("sql", {"query": "SELECT * FROM self"}, node_type="sql_query")
        graph.connect("one", "sql", name=name)
        return hashes(graph.document(), folder)["sql"]

    assert query("orders") != query("other")
    assert query("input_1") == query(None)


def test_an_unfinished_step_and_what_is_below_have_none(flow: FlowDocument, folder: Path):
    other = edited(flow, "kept", settings={})
    after = hashes(other, folder)
    assert after["kept"] == ""
    assert after["join"] != hashes(flow, folder)["join"]
