"""Flow parameters and secrets: typed values in place of `${name}`, and secrets nowhere but in a lowering."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from flowfile_engine import flow_file
from flowfile_engine.errors import ParameterError
from flowfile_engine.export import export_python
from flowfile_engine.graph.document import FlowDocument, Parameter, StepDocument
from flowfile_engine.graph.fingerprint import fingerprints
from flowfile_engine.graph.graph import EtlGraph
from flowfile_engine.graph.parameters import bind, parameter_values, references
from flowfile_engine.run.cache import ResultCache
from flowfile_engine.run.flow import PreparedFlow
from flowfile_engine.run.perform import perform
from flowfile_engine.tasks import RowsTask, RunTask
from flowfile_engine.testing import typed_in


@pytest.mark.parametrize(
    ("kind", "given", "value"),
    [
        ("integer", "12", 12),
        ("integer", 12.0, 12),
        ("integer", 10**30, 10**30),
        ("number", "1.5", 1.5),
        ("number", 3, 3),
        ("boolean", "Yes", True),
        ("boolean", "off", False),
        ("boolean", 1, True),
        ("text", 12, "12"),
        ("text", True, "true"),
        ("text", "", ""),
        ("date", "2024-02-29", "2024-02-29"),
        ("integer", None, None),
    ],
)
def test_a_value_is_read_as_the_declared_type(kind: Any, given: Any, value: Any):
    read = parameter_values({"p": Parameter(type=kind)}, {"p": given})["p"]
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("integer", "1.5"),
        ("integer", 1.5),
        ("integer", True),
        ("integer", float("inf")),
        ("integer", "9" * 5000),
        ("number", "x"),
        ("number", False),
        ("boolean", "maybe"),
        ("boolean", 2),
        ("date", "2024-02-30"),
        ("date", 7),
    ],
)
def test_a_value_of_another_type_is_refused(kind: Any, given: Any):
    with pytest.raises(ParameterError, match=f"takes an? {kind}") as caught:
        parameter_values({"p": Parameter(type=kind)}, {"p": given})
    assert caught.value.field == "p"
    assert len(str(caught.value)) < 300


def test_only_declared_parameters_take_values():
    with pytest.raises(ParameterError, match="no parameter 'mim'") as caught:
        EtlGraph(FlowDocument(parameters={"min": Parameter(type="integer", default=1)}), parameters={"mim": 2})
    assert caught.value.hint == "it has: min"


VALUES = {"n": 3, "share": 0.5, "flag": True, "name": "O'Hara", "none": None}


@pytest.mark.parametrize(
    ("raw", "bound"),
    [
        ("${n}", 3),
        ("${flag}", True),
        ("top ${n} of ${name}", "top 3 of O'Hara"),
        ("${flag}!", "true!"),
        ({"a": [{"b": ["${share}", "x${n}", 1, None]}]}, {"a": [{"b": [0.5, "x3", 1, None]}]}),
        ("$n {n} $${n} ${ n } ${n", "$n {n} $3 ${ n } ${n"),
        ("${env:SECRET}/x", "${env:SECRET}/x"),
    ],
)
def test_references_are_replaced_wherever_they_stand(raw: Any, bound: Any):
    assert bind(raw, VALUES) == bound


@pytest.mark.parametrize(("raw", "says"), [("${mim}", "no parameter 'mim'"), ("x ${none}", "'none' has no value")])
def test_a_reference_without_a_value_is_the_steps_problem(raw: str, says: str):
    with pytest.raises(ParameterError, match=says):
        bind(raw, VALUES)
    parameters = {name: Parameter(default=value) for name, value in VALUES.items()}
    step = StepDocument(id="s", type="sample", settings={"n": raw})
    graph = EtlGraph(FlowDocument(parameters=parameters, steps=[step]))
    [problem, *_] = graph.step("s").all_problems
    assert says in problem.message
    assert problem.node_id == "s"
    assert problem.field == "n"


def test_references_are_found_with_their_places():
    raw = {"path": "${p}", "conditions": [{"value": "x"}, {"value": "a ${q} b"}], "n": 3}
    assert references(raw) == {"path": "${p}", "conditions.1.value": "a ${q} b"}


def test_settings_nested_without_end_are_refused():
    deep: Any = "${n}"
    for _ in range(5_000):
        deep = [deep]
    with pytest.raises(ValidationError, match="nested more than 50 levels"):
        StepDocument(id="s", type="sample", settings={"n": deep})


def flow_with(parameters: dict[str, Parameter], node_type: str, settings: dict[str, Any]) -> FlowDocument:
    graph = EtlGraph(FlowDocument(parameters=parameters))
    table = pl.DataFrame({"a": [1, 5, 9], "s": ["x", "y", "O'Hara"]})
    graph.add_node_step("in", typed_in(table), node_type="manual_input")
    graph.add_node_step("out", settings, node_type=node_type)
    graph.connect("in", "out")
    return graph.document()


def rows(flow: FlowDocument, cache: ResultCache, **parameters: Any) -> list[list[Any]]:
    answer = perform(RowsTask(flow=flow, parameters=parameters, node_id="out"), cache, lambda _: None)
    assert answer.kind == "rows"
    return answer.rows


def test_values_reach_conditions_expressions_and_numbers(tmp_path: Any):
    cache = ResultCache(tmp_path)
    least = {"least": Parameter(type="integer", default=5)}
    condition = {"conditions": [{"column": "a", "operator": ">=", "value": "${least}"}]}
    assert rows(flow_with(least, "filter", condition), cache) == [[5, "y"], [9, "O'Hara"]]
    assert rows(flow_with(least, "filter", condition), cache, least="9") == [[9, "O'Hara"]]
    expression = {"mode": "expression", "expression": "a >= ${least} AND s <> 'y'"}
    assert rows(flow_with(least, "filter", expression), cache) == [[9, "O'Hara"]]
    assert rows(flow_with(least, "sample", {"n": "${least}"}), cache, least=1) == [[1, "x"]]


def test_declaring_parameters_anew_validates_the_steps_that_name_one():
    graph = EtlGraph()
    graph.add_node_step("s", {"n": "${n}"}, node_type="sample")
    graph.add_node_step("t", {"n": 5}, node_type="sample")
    assert graph.step("s").status == "invalid"
    graph.take_changed()
    graph.set_parameters({"n": Parameter(type="integer", default=7)})
    assert graph.take_changed() == {"s"}
    assert graph.step("s").node is not None
    graph.set_parameters({})
    assert graph.step("s").node is None


SECRET = "hunter2-and-more"


@pytest.fixture
def secret_flow(monkeypatch: pytest.MonkeyPatch) -> FlowDocument:
    monkeypatch.setenv("FLOW_TEST_SECRET", SECRET)
    expression = "s = '${env:FLOW_TEST_SECRET}' OR a > 5"
    return flow_with({}, "filter", {"mode": "expression", "expression": expression})


def test_a_secret_is_used_and_shown_nowhere(secret_flow: FlowDocument, tmp_path: Any):
    events: list[Any] = []
    cache = ResultCache(tmp_path)
    for mode in ("development", "performance"):
        answer = perform(RunTask(flow=secret_flow, run_id="r", mode=mode), cache, events.append)
        events.append(answer)
    assert rows(secret_flow, cache) == [[9, "O'Hara"]]
    flow = PreparedFlow(EtlGraph(secret_flow))
    shown = [*map(str, events), flow_file.dump(flow.graph.document()), export_python(flow), flow.graph.step("out").hash]
    shown += [path.read_bytes().decode("latin-1") for path in tmp_path.rglob("*") if path.is_file()]
    assert not [text for text in shown if SECRET in text]
    assert 'os.environ["FLOW_TEST_SECRET"]' in export_python(flow) or "os.environ['FLOW_TEST_SECRET']" in export_python(
        flow
    )


def test_a_secret_is_not_in_the_error_that_it_causes(monkeypatch: pytest.MonkeyPatch, tmp_path: Any):
    monkeypatch.setenv("FLOW_TEST_SECRET", SECRET)
    flow = flow_with({}, "filter", {"mode": "expression", "expression": "${env:FLOW_TEST_SECRET} + nonsense("})
    answer = perform(RunTask(flow=flow, run_id="r"), ResultCache(tmp_path), lambda _: None)
    assert SECRET not in str(answer)
    with_path = FlowDocument(
        steps=[StepDocument(id="in", type="read", settings={"path": "/nowhere/${env:FLOW_TEST_SECRET}.csv"})]
    )
    answer = perform(RunTask(flow=with_path, run_id="r"), ResultCache(tmp_path), lambda _: None)
    assert answer.kind == "ran"
    assert answer.run.state == "failed"
    assert SECRET not in str(answer)


def test_a_secret_that_is_not_set_is_an_error_with_its_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Any):
    monkeypatch.delenv("FLOW_TEST_SECRET", raising=False)
    flow = flow_with({}, "filter", {"mode": "expression", "expression": "s = '${env:FLOW_TEST_SECRET}'"})
    for mode in ("development", "performance"):
        answer = perform(RunTask(flow=flow, run_id="r", mode=mode), ResultCache(tmp_path), lambda _: None)
        assert answer.kind == "ran"
        assert answer.run.problem is not None
        assert answer.run.problem.node_id == "out"
        assert "'FLOW_TEST_SECRET' is not set" in answer.run.problem.message


def test_the_value_of_a_secret_is_no_part_of_a_fingerprint(monkeypatch: pytest.MonkeyPatch, secret_flow: FlowDocument):
    def fingerprint() -> str:
        graph = EtlGraph(secret_flow)
        fingerprints(graph)
        return graph.step("out").hash

    before = fingerprint()
    monkeypatch.setenv("FLOW_TEST_SECRET", "another")
    assert fingerprint() == before
