"""The flow file: what is written is read again, a small change is a small difference, and nothing hostile gets in."""

from __future__ import annotations

import difflib
import errno
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowfile_engine import flow_file
from flowfile_engine.errors import FlowFileFormatError
from flowfile_engine.graph.document import Edge, FlowDocument, FlowSettings, Parameter, Position, StepDocument
from flowfile_engine.graph.graph import EtlGraph
from flowfile_engine.nodes.registry import builtin_registry

TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["", " ", "yes", "no", "null", "~", "1", "1e3", "0x1f", "0o7", "1_000", "2024-12-31", "12:30:00", "=", "<<",
         "- a", "a: b", "# no", "&a", "*a", "!tag", "|", "a\nb", "a\n", "\n", "\ta", "trailing ", "multi\n\n  line \n",
         "'", '"', "\\", "\x85", "\u2028", "\ufeff", "é", "🦆", "\r\n", "\x00", "\x1b", "${p}", "x" * 300]
    ),
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
IDS = st.integers(-5, 10**12) | st.text("abc ÿ-_:#", min_size=1, max_size=6)


@st.composite
def documents(draw: st.DrawFn) -> FlowDocument:
    ids = draw(st.lists(IDS, max_size=5, unique_by=str))
    steps = [
        StepDocument(
            id=node_id,
            type=draw(st.sampled_from(["filter", "union", "sql_query"])),
            version=draw(st.integers(1, 3)),
            title=draw(TEXTS),
            description=draw(TEXTS),
            cache_results=draw(st.booleans()),
            settings=draw(st.dictionaries(TEXTS, VALUES, max_size=3)),
        )
        for node_id in ids
    ]
    ports, names = st.sampled_from(["main", "left", "odd port"]), st.none() | TEXTS.filter(bool)
    edges = [
        Edge(source=draw(st.sampled_from(ids)), target=target, output=draw(ports), input=port, name=draw(names))
        for target in ids
        for port in draw(st.lists(ports, max_size=2, unique=True))
        for _ in range(draw(st.integers(1, 2)))
    ]
    tenths = st.integers(-10_000, 10_000).map(lambda number: number / 10)
    return FlowDocument(
        uuid=draw(TEXTS),
        flow_settings=FlowSettings(name=draw(TEXTS), description=draw(TEXTS), mode="performance"),
        parameters=draw(st.dictionaries(TEXTS, st.builds(Parameter, default=TEXTS, description=TEXTS), max_size=2)),
        steps=steps,
        edges=edges,
        layout={str(node_id): Position(x=draw(tenths), y=draw(tenths)) for node_id in ids if draw(st.booleans())},
    )


@settings(max_examples=300, deadline=None)
@given(document=documents())
def test_what_is_written_is_read_again(document: FlowDocument):
    text = flow_file.dump(document)
    again = flow_file.load(text)
    assert again == document
    assert flow_file.dump(again) == text


@settings(max_examples=100, deadline=None)
@given(document=documents())
def test_files_are_read_as_they_were_written(document: FlowDocument, tmp_path_factory: pytest.TempPathFactory):
    path = tmp_path_factory.getbasetemp() / "any.flow.yaml"
    flow_file.write(path, document)
    assert flow_file.read(path) == document


@pytest.fixture
def flow() -> FlowDocument:
    graph = EtlGraph(FlowDocument(uuid="fixed", flow_settings=FlowSettings(name="Late flights")))
    graph.add_node_step("flights", {"path": "flights.csv", "csv_options": {"separator": ";"}}, node_type="read")
    conditions = [{"column": f"column_{index}", "operator": ">", "value": index} for index in range(4)]
    graph.add_node_step("late", {"conditions": conditions, "match": "any"}, node_type="filter")
    graph.add_node_step("sql", {"query": "SELECT *\nFROM self\nWHERE a > 1\n"}, node_type="sql_query", title="By SQL")
    graph.connect("flights", "late")
    graph.connect("late", "sql", name="late")
    graph.layout = {"flights": Position(x=0, y=0), "late": Position(x=200.04, y=-0.5)}
    return graph.document()


def test_a_file_reads_as_a_person_would_write_it(flow: FlowDocument):
    assert flow_file.dump(flow) == (
        "flowfile: 1\nuuid: fixed\nname: Late flights\nmode: development\nnodes:\n"
        "- id: flights\n  type: read\n  settings:\n    path: flights.csv\n    csv_options: {separator: ;}\n"
        "- id: late\n  type: filter\n  inputs: {main: flights}\n  settings:\n    conditions:\n"
        "    - {column: column_0, operator: '>', value: 0}\n    - {column: column_1, operator: '>', value: 1}\n"
        "    - {column: column_2, operator: '>', value: 2}\n    - {column: column_3, operator: '>', value: 3}\n"
        "    match: any\n"
        "- id: sql\n  type: sql_query\n  title: By SQL\n  inputs:\n    main: {node: late, name: late}\n"
        "  settings:\n    query: |\n      SELECT *\n      FROM self\n      WHERE a > 1\n"
        "layout:\n  flights: [0.0, 0.0]\n  late: [200.0, -0.5]\n"
    )


def lines_changed(before: FlowDocument, after: FlowDocument) -> list[str]:
    lines = difflib.ndiff(flow_file.dump(before).splitlines(), flow_file.dump(after).splitlines())
    return [line for line in lines if line[0] in "+-"]


def test_a_changed_setting_is_one_changed_line(flow: FlowDocument):
    graph = EtlGraph(flow)
    changed = flow.model_copy(deep=True)
    changed.steps[1].settings["conditions"][2]["value"] = 77
    graph.replace_step(changed.steps[1])
    assert lines_changed(flow, graph.document()) == [
        "-     - {column: column_2, operator: '>', value: 2}",
        "+     - {column: column_2, operator: '>', value: 77}",
    ]


def test_a_line_changed_in_a_query_is_one_changed_line(flow: FlowDocument):
    changed = flow.model_copy(deep=True)
    changed.steps[2].settings["query"] = "SELECT *\nFROM self\nWHERE a > 2\n"
    assert len(lines_changed(flow, changed)) == 2


def test_a_new_value_at_the_end_of_a_list_leaves_the_others_alone(flow: FlowDocument):
    before, after = flow.model_copy(deep=True), flow.model_copy(deep=True)
    before.steps[1].settings["columns"] = [f"a_rather_long_column_name_{index}" for index in range(8)]
    after.steps[1].settings["columns"] = [f"a_rather_long_column_name_{index}" for index in range(9)]
    assert len(lines_changed(before, after)) <= 3


def test_moving_a_node_touches_the_layout_alone(flow: FlowDocument):
    moved = flow.model_copy(update={"layout": flow.layout | {"late": Position(x=9, y=9)}})
    assert lines_changed(flow, moved) == ["-   late: [200.0, -0.5]", "+   late: [9.0, 9.0]"]


def test_a_removed_and_restored_step_leaves_no_trace(flow: FlowDocument):
    graph = EtlGraph(flow)
    edges = [edge for edge in graph.edges if "late" in (edge.source, edge.target)]
    graph.remove_node_step("late")
    graph.add_step(flow.steps[1], index=1)
    for edge in edges:
        graph.connect(edge.source, edge.target, name=edge.name)
    graph.layout["late"] = flow.layout["late"]
    assert flow_file.dump(graph.document()) == flow_file.dump(flow)


# Versions


def test_old_formats_are_brought_up_one_version_at_a_time():
    migrations = {
        1: lambda raw: {**raw, "nodes": raw["steps"]},
        2: lambda raw: {key: value for key, value in raw.items() if key != "steps"},
    }
    old = {"flowfile": 1, "steps": [1]}
    assert flow_file.migrate(old, migrations, 3) == {"flowfile": 3, "nodes": [1]}
    assert old == {"flowfile": 1, "steps": [1]}
    assert flow_file.migrate({"flowfile": 3, "nodes": []}, migrations, 3) == {"flowfile": 3, "nodes": []}


def test_a_newer_format_and_a_forgotten_one_are_refused():
    with pytest.raises(FlowFileFormatError, match="written by a newer version") as caught:
        flow_file.load("flowfile: 999\nanything: {new: 1}\n")
    assert "update" in caught.value.hint
    with pytest.raises(FlowFileFormatError, match="format 0 are not known"):
        flow_file.load("flowfile: 0\n")


def test_settings_of_an_older_version_are_upgraded_and_kept_until_they_are_edited(monkeypatch: pytest.MonkeyPatch):
    node_type = builtin_registry()["unique"]

    def upgrade(raw: dict[str, Any], from_version: int) -> dict[str, Any]:
        assert from_version == 1
        return {"columns": raw["subset"]}

    monkeypatch.setattr(node_type, "version", 2)
    monkeypatch.setattr(node_type, "upgrade", upgrade)
    text = "flowfile: 1\nnodes:\n- {id: u, type: unique, settings: {subset: [a]}}\n"
    graph = EtlGraph(flow_file.load(text))
    node = graph.step("u").node
    assert node is not None
    assert node.model_dump()["columns"] == ["a"]
    assert graph.document().steps[0].settings == {"subset": ["a"]}


def test_a_step_of_a_newer_version_says_so():
    text = "flowfile: 1\nnodes:\n- {id: u, type: unique, version: 99, settings: {columns: [a]}}\n"
    [problem, *_] = EtlGraph(flow_file.load(text)).step("u").all_problems
    assert "newer version" in problem.message


# What is no flow


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a flow"),
        ("[]", "not a flow"),
        ("hello", "not a flow"),
        ("name: x", "not a flow"),
        ("flowfile: one", "not a flow"),
        ("flowfile: true", "not a flow"),
        ("flowfile: 1\nname: [", "line 3"),
        ("flowfile: 1\n\tname: x", "line 2"),
        ("flowfile: 1\nnmae: x", "nmae is an unknown entry"),
        ("flowfile: 1\nnodes: 5", "nodes"),
        ("flowfile: 1\nnodes: {a: 1}", "nodes"),
        ("flowfile: 1\nnodes: [5]", "nodes"),
        ("flowfile: 1\nnodes: [{type: filter}]", "id"),
        ("flowfile: 1\nnodes: [{id: 1.5, type: filter}]", "id"),
        ("flowfile: 1\nnodes: [{id: a, type: filter, inputs: 5}]", "inputs"),
        ("flowfile: 1\nnodes: [{id: a, type: filter, inputs: {main: {nod: b}}}]", "nod"),
        ("flowfile: 1\nnodes: [{id: a, type: filter, setings: {}}]", "setings"),
        ("flowfile: 1\nparameters: [a]", "parameters"),
        ("flowfile: 1\nparameters: {a: {type: dat}}", "type"),
        ("flowfile: 1\nmode: fast", "mode"),
        ("flowfile: 1\nlayout: {a: [1]}", "layout"),
        ("flowfile: 1\nlayout: {a: [x, y]}", "layout"),
        ("flowfile: 1\nlayout: 7", "layout"),
        ("flowfile: 1\nflowfile: 1", "twice.*line 2"),
        ("flowfile: 1\nnodes:\n- id: a\n  type: filter\n  settings: {a: 1, b: 2, a: 3}", "'a'.*twice"),
        ("flowfile: 1\nname: !!python/object/apply:os.system ['true']", "tag"),
        ("flowfile: 1\nname: !mine x", "tag"),
        ("flowfile: 1\n--- \nflowfile: 1", "document"),
        ("flowfile: 1\nname: a\x07b", "not YAML"),
        ("flowfile: 1\n? [a, b]\n: 1", "not"),
    ],
)
def test_what_is_no_flow_is_refused_with_the_place(text: str, says: str):
    with pytest.raises(FlowFileFormatError, match=rf"(?s){says}") as caught:
        flow_file.load(text)
    assert len(str(caught.value)) < 500
    assert "NoneType" not in str(caught.value)


def test_dates_in_settings_stay_the_text_that_they_are():
    text = "flowfile: 1\nnodes:\n- {id: a, type: filter, settings: {value: 2024-12-31, at: 2024-12-31 10:00:00}}\n"
    [step] = flow_file.load(text).steps
    assert step.settings == {"value": "2024-12-31", "at": "2024-12-31 10:00:00"}


def bomb() -> str:
    lines = [
        "flowfile: 1",
        "nodes:",
        "- id: a",
        "  type: filter",
        "  settings:",
        "    l0: &l0 [x, x, x, x, x, x, x, x]",
    ]
    lines += [f"    l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 8)}]" for i in range(1, 12)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [
        bomb(),
        "flowfile: 1\nnodes: &n\n- {id: a, type: filter, settings: {again: *n}}",
        "flowfile: 1\nname: " + "[" * 5_000 + "]" * 5_000,
        "flowfile: 1\nname: " + "{a: " * 5_000 + "}" * 5_000,
        "flowfile: 1\nnodes:\n- id: a\n  type: filter\n  settings: {a: " + "[" * 200 + "]" * 200 + "}",
        "flowfile: " + "9" * 10_000,
        "flowfile: 1\nnodes: [{id: " + "9" * 10_000 + ", type: filter}]",
    ],
    ids=["aliases", "cycle", "lists", "dicts", "settings", "number", "id"],
)
def test_what_would_end_the_process_is_refused(text: str):
    with pytest.raises(FlowFileFormatError) as caught:
        flow_file.load(text)
    assert len(str(caught.value)) < 500


def test_an_alias_that_says_something_once_more_is_read():
    text = "flowfile: 1\nnodes:\n- {id: a, type: filter, settings: {x: &x [1, 2], y: *x}}\n"
    [step] = flow_file.load(text).steps
    assert step.settings == {"x": [1, 2], "y": [1, 2]}


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path):
    (tmp_path / "latin.flow.yaml").write_bytes("flowfile: 1\nname: Grüße\n".encode("latin-1"))
    with pytest.raises(FlowFileFormatError, match="not a text file in UTF-8"):
        flow_file.read(tmp_path / "latin.flow.yaml")
    with pytest.raises(FlowFileFormatError, match="cannot be read: No such file"):
        flow_file.read(tmp_path / "none.flow.yaml")
    with pytest.raises(FlowFileFormatError, match="cannot be read: Is a directory"):
        flow_file.read(tmp_path)


def test_a_byte_order_mark_is_no_part_of_the_flow(tmp_path: Path):
    (tmp_path / "bom.flow.yaml").write_bytes(b"\xef\xbb\xbfflowfile: 1\r\nname: x\r\n")
    assert flow_file.read(tmp_path / "bom.flow.yaml").flow_settings.name == "x"


# Writing


def test_a_write_that_fails_leaves_what_was_there(flow: FlowDocument, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "a.flow.yaml"
    flow_file.write(path, flow)
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        flow_file.write(path, flow.model_copy(update={"steps": []}))
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["a.flow.yaml"]


def test_writing_keeps_the_files_permissions_and_follows_a_link(flow: FlowDocument, tmp_path: Path):
    path, link = tmp_path / "a.flow.yaml", tmp_path / "link.flow.yaml"
    flow_file.write(path, flow)
    plain = tmp_path / "plain"
    plain.touch()
    assert path.stat().st_mode == plain.stat().st_mode
    path.chmod(0o660)
    link.symlink_to(path)
    flow_file.write(link, flow.model_copy(update={"uuid": "other"}))
    assert link.is_symlink()
    assert flow_file.read(path).uuid == "other"
    assert path.stat().st_mode & 0o777 == 0o660


def test_an_upgrade_that_fails_is_the_steps_problem(monkeypatch: pytest.MonkeyPatch):
    node_type = builtin_registry()["unique"]
    monkeypatch.setattr(node_type, "version", 2)
    monkeypatch.setattr(node_type, "upgrade", lambda raw, from_version: {"columns": raw["subset"]})
    graph = EtlGraph(flow_file.load("flowfile: 1\nnodes:\n- {id: u, type: unique, settings: {}}\n"))
    assert "cannot be brought up to date" in graph.step("u").problems[0].message


def test_words_that_old_yaml_takes_for_booleans_are_words():
    text = "flowfile: 1\nnodes:\n- {id: 1, type: pivot, settings: {on: no, index: [yes], x: true}}\n"
    assert flow_file.load(text).steps[0].settings == {"on": "no", "index": ["yes"], "x": True}
