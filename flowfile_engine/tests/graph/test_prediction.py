"""Schema prediction: incremental, cut off early, and nothing is executed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flowfile_engine.graph.graph import EtlGraph
from flowfile_engine.graph.prediction import Nothing, predict, predicting
from flowfile_engine.graph.step import NodeStep, Prediction
from flowfile_engine.run.flow import PreparedFlow
from flowfile_engine.testing import typed_in

LENGTH = 20


class Asked:
    """Schemas from outside, which notes for what it was asked."""

    def __init__(self, answer: Prediction | None = None) -> None:
        self.answer = answer
        self.steps: list[Any] = []

    def schema(self, step: NodeStep, inputs: Mapping[str, Any]) -> Prediction | None:
        self.steps.append(step.node_id)
        return self.answer


@pytest.fixture
def graph() -> EtlGraph:
    """A typed table and a chain of formulas below it."""
    graph = EtlGraph()
    graph.add_node_step(0, typed_in(pl.DataFrame({"a": [1], "b": ["x"]})), node_type="manual_input")
    for index in range(1, LENGTH):
        graph.add_node_step(index, formula(f"c{index}", "a + 1"), node_type="formula")
        graph.connect(index - 1, index)
    predict(graph, Nothing())
    return graph


def formula(name: str, expression: str) -> dict[str, Any]:
    return {"columns": [{"name": name, "expression": expression}]}


def change(graph: EtlGraph, node_id: int | str, settings: dict[str, Any]) -> None:
    graph.replace_step(graph.step(node_id).document.model_copy(update={"settings": settings}))


def predicted(graph: EtlGraph, node_id: int | str) -> Prediction:
    prediction = graph.step(node_id).prediction
    assert prediction is not None
    return prediction


def work(graph: EtlGraph) -> int:
    """How many steps an edit makes predict again."""
    return sum(1 for _ in predicting(graph, Nothing()))


def test_the_first_prediction_knows_every_schema(graph: EtlGraph):
    last = predicted(graph, LENGTH - 1)
    assert last.certainty == "known"
    assert list(last.schemas["main"]) == ["a", "b", *(f"c{index}" for index in range(1, LENGTH))]
    assert work(graph) == 0


def test_a_change_at_the_end_predicts_one_step(graph: EtlGraph):
    change(graph, LENGTH - 1, formula("other", "a"))
    assert work(graph) == 1


def test_a_change_that_keeps_the_schema_goes_no_further(graph: EtlGraph):
    change(graph, 5, formula("c5", "a + 2"))
    assert list(predicting(graph, Nothing())) == [None]


def test_a_change_of_the_schema_predicts_what_is_below_and_no_more(graph: EtlGraph):
    change(graph, 5, formula("other", "a + 2"))
    assert predict(graph, Nothing()) == set(range(5, LENGTH))
    assert "other" in predicted(graph, LENGTH - 1).schemas["main"]


def test_a_column_that_ends_on_the_way_ends_the_work(graph: EtlGraph):
    change(graph, 10, {"query": "SELECT a FROM self"})
    graph.remove_node_step(10)
    graph.add_node_step(10, {"query": "SELECT a FROM self"}, node_type="sql_query")
    graph.connect(9, 10)
    graph.connect(10, 11)
    predict(graph, Nothing())
    change(graph, 5, formula("other", "a"))
    assert list(predicting(graph, Nothing())) == [5, 6, 7, 8, 9, None]


def test_a_title_or_a_cache_mark_predicts_nothing(graph: EtlGraph):
    step = graph.step(3)
    graph.replace_step(step.document.model_copy(update={"title": "New", "cache_results": True}))
    assert work(graph) == 0


def test_a_diamond_is_predicted_once_each(graph: EtlGraph):
    graph.add_node_step("union", {}, node_type="union")
    graph.connect(1, "union")
    graph.connect(3, "union")
    predict(graph, Nothing())
    change(graph, 1, formula("new", "a"))
    assert list(predicting(graph, Nothing())).count("union") == 1


def test_what_was_left_open_is_predicted_later(graph: EtlGraph):
    change(graph, 1, formula("new", "a"))
    steps = predicting(graph, Nothing())
    assert [next(steps), next(steps)] == [1, 2]
    steps.close()
    assert predict(graph, Nothing()) == set(range(3, LENGTH))


def test_an_edge_and_its_removal_are_predicted(graph: EtlGraph):
    [edge] = graph.step(4).incoming
    graph.disconnect(edge)
    predict(graph, Nothing())
    assert predicted(graph, LENGTH - 1).certainty == "unknown"
    assert graph.step(4).status == "unfinished"
    assert graph.step(5).status == "ready"
    graph.connect(3, 4)
    assert predict(graph, Nothing()) == set(range(4, LENGTH))


@pytest.mark.parametrize("settings", [{}, {"columns": []}, {"columns": [{"name": "x"}]}, formula("x", "")])
def test_a_half_filled_step_is_unfinished_and_not_wrong(graph: EtlGraph, settings: dict[str, Any]):
    change(graph, 5, settings)
    predict(graph, Nothing())
    step = graph.step(5)
    assert step.status == "unfinished"
    assert {problem.code for problem in step.all_problems} == {"unfinished"}
    assert step.document.settings == settings
    assert predicted(graph, 6) == Prediction()
    assert graph.step(6).status == "ready"


def test_a_wrong_setting_is_placed_on_its_field(graph: EtlGraph):
    change(graph, 5, {"columns": [{"name": "x", "expression": "a +"}], "colums": 1})
    [first, second] = graph.step(5).all_problems
    assert (first.node_id, first.field) == (5, "columns.0.expression")
    assert (second.node_id, second.field) == (5, "colums")
    assert graph.step(5).status == "invalid"


def test_a_column_that_is_gone_is_named_on_its_field_with_the_nearest_one():
    graph = EtlGraph()
    graph.add_node_step("in", typed_in(pl.DataFrame({"amount": [1], "day": ["x"]})), node_type="manual_input")
    conditions = [{"column": "day", "operator": "is null"}, {"column": "amuont", "operator": ">", "value": 1}]
    graph.add_node_step("late", {"conditions": conditions}, node_type="filter")
    graph.connect("in", "late")
    graph.add_node_step("below", {}, node_type="unique")
    graph.connect("late", "below")
    predict(graph, Nothing())
    [problem] = graph.step("late").all_problems
    assert (problem.code, problem.node_id, problem.field) == ("column_missing", "late", "conditions.1.column")
    assert problem.hint == "did you mean 'amount'?"
    assert graph.step("late").status == "invalid"
    assert graph.step("below").all_problems == []


def test_a_problem_is_gone_once_the_column_is_back(graph: EtlGraph):
    change(graph, 7, formula("d", "c5 + 1"))
    change(graph, 5, formula("other", "a"))
    predict(graph, Nothing())
    assert graph.step(7).status == "invalid"
    change(graph, 5, formula("c5", "a"))
    predict(graph, Nothing())
    assert graph.step(7).status == "ready"
    assert predicted(graph, LENGTH - 1).certainty == "known"


def test_declared_schemas_stay_declared_below_them():
    graph = EtlGraph()
    graph.add_node_step("file", {"path": "nowhere.parquet"}, node_type="read")
    graph.add_node_step("below", {}, node_type="unique")
    graph.connect("file", "below")
    outside = Asked(Prediction("declared", {"main": pl.Schema({"a": pl.Int64})}))
    predict(graph, outside)
    assert outside.steps == ["file"]
    assert predicted(graph, "below") == outside.answer


def test_a_source_is_asked_again_only_when_it_is_said_to_have_changed():
    graph = EtlGraph()
    graph.add_node_step("file", {"path": "nowhere.parquet"}, node_type="read")
    outside = Asked(Prediction("known", {"main": pl.Schema({"a": pl.Int64})}))
    predict(graph, outside)
    predict(graph, outside)
    graph.mark_changed("file")
    predict(graph, outside)
    assert outside.steps == ["file", "file"]


def test_what_only_data_can_tell_is_unknown_until_run(tmp_path: Path):
    graph = EtlGraph()
    table = pl.DataFrame({"k": ["x"], "v": [1]})
    graph.add_node_step("in", typed_in(table), node_type="manual_input")
    graph.add_node_step("wide", {"on": "k", "values": ["v"]}, node_type="pivot")
    graph.add_node_step("below", formula("z", "x + 1"), node_type="formula")
    graph.connect("in", "wide")
    graph.connect("wide", "below")
    flow = PreparedFlow(graph, base_dir=tmp_path)
    assert predicted(flow.graph, "wide").certainty == "unknown"
    assert predicted(flow.graph, "below") == Prediction()
    assert flow.problems({"in", "wide", "below"}) == []


def test_predicting_a_source_reads_no_rows(tmp_path: Path):
    path = tmp_path / "damaged.parquet"
    pl.DataFrame({"a": range(10_000), "b": ["text"] * 10_000}).write_parquet(path, compression="uncompressed")
    raw = bytearray(path.read_bytes())
    raw[4 : len(raw) // 2] = b"\xff" * (len(raw) // 2 - 4)  # the pages; the footer stands at the end
    path.write_bytes(raw)
    with pytest.raises(pl.exceptions.PolarsError):
        pl.read_parquet(path)
    graph = EtlGraph()
    graph.add_node_step("file", {"path": str(path)}, node_type="read")
    graph.add_node_step("kept", {"conditions": [{"column": "a", "operator": ">", "value": 5}]}, node_type="filter")
    graph.add_node_step(
        "sums", {"by": ["b"], "aggregations": [{"column": "a", "function": "sum"}]}, node_type="group_by"
    )
    graph.connect("file", "kept")
    graph.connect("kept", "sums")
    flow = PreparedFlow(graph)
    assert predicted(flow.graph, "sums").schemas["main"] == {"b": pl.String, "a_sum": pl.Int64}
    information = graph.run_graph()
    assert information.state == "failed"
    assert information.problem is not None
    assert information.problem.node_id == "file"
