"""Flows of thousands of steps: no recursion, and work that grows with their length, not with its square."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flowfile_engine import flow_file
from flowfile_engine.export import export_python
from flowfile_engine.graph.document import Edge, FlowDocument, StepDocument
from flowfile_engine.graph.graph import EtlGraph
from flowfile_engine.graph.prediction import Nothing, predict
from flowfile_engine.run.cache import ResultCache
from flowfile_engine.run.flow import PreparedFlow
from flowfile_engine.run.perform import perform
from flowfile_engine.tasks import RowsTask, RunTask
from flowfile_engine.testing import typed_in

LONG = 5_000
SHORT = 1_000

STEPS: list[tuple[str, dict[str, Any]]] = [
    ("filter", {"conditions": [{"column": "a", "operator": ">", "value": 0}]}),
    ("formula", {"columns": [{"name": "c", "expression": "a + b"}]}),
    ("select", {"columns": [{"column": "b"}, {"column": "a"}]}),
    ("fill_missing", {"columns": ["a"], "method": "value", "value": 0}),
    ("filter", {"mode": "expression", "expression": "b < 100"}),
]


def chain(length: int, kinds: list[tuple[str, dict[str, Any]]]) -> FlowDocument:
    table = typed_in(pl.DataFrame({"a": [1, 2, -1], "b": [1, 2, 3]}))
    steps = [StepDocument(id=0, type="manual_input", settings=table)]
    for index in range(1, length):
        node_type, settings = kinds[index % len(kinds)]
        steps.append(StepDocument(id=index, type=node_type, settings=settings))
    edges = [Edge(source=index - 1, target=index) for index in range(1, length)]
    return FlowDocument(steps=steps, edges=edges)


def known(kinds: list[tuple[str, dict[str, Any]]]) -> list[tuple[str, dict[str, Any]]]:
    """Those of the kinds that validate: other node types' settings are their own tests' subject."""
    graph = EtlGraph()
    for index, (node_type, settings) in enumerate(kinds):
        graph.add_node_step(index, settings, node_type=node_type)
    return [kind for step, kind in zip(graph, kinds, strict=True) if step.node is not None]


def seconds(work: Callable[[], Any]) -> float:
    """The quicker of two goes: another process may take the machine for a while."""
    taken: list[float] = []
    for _ in range(2):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return min(taken)


def assert_proportional(short: Callable[[], Any], long: Callable[[], Any]) -> None:
    """Five times the length takes less than twenty-five times the processor's time, as a square would, with room."""
    base = max(seconds(short), 0.005)
    assert seconds(long) < 18 * base


@pytest.fixture(scope="module")
def flows() -> tuple[FlowDocument, FlowDocument]:
    kinds = known(STEPS)
    return chain(SHORT, kinds), chain(LONG, kinds)


@pytest.mark.parametrize(
    "work",
    [
        lambda flow: EtlGraph(flow),
        lambda flow: flow_file.load(flow_file.dump(flow)),
        lambda flow: predict(EtlGraph(flow), Nothing()),
        lambda flow: PreparedFlow(EtlGraph(flow)),
        lambda flow: compile(export_python(PreparedFlow(EtlGraph(flow))), "flow.py", "exec"),
        lambda flow: EtlGraph(flow).upstream([flow.steps[-1].id]),
    ],
    ids=["graph", "file", "predict", "prepare", "export", "upstream"],
)
def test_work_on_a_long_flow_is_proportional(flows: tuple[FlowDocument, FlowDocument], work: Any):
    short, long = flows
    assert_proportional(lambda: work(short), lambda: work(long))


@pytest.mark.parametrize("mode", ["performance", "development"])
def test_a_long_flow_runs(flows: tuple[FlowDocument, FlowDocument], tmp_path: Path, mode: Any):
    runs = 0

    def run(flow: FlowDocument) -> None:
        nonlocal runs
        runs += 1
        task = RunTask(flow=flow, run_id="r", mode=mode)
        answer = perform(task, ResultCache(tmp_path / str(runs), min_free_bytes=0), lambda _: None)
        assert answer.kind == "ran"
        assert answer.run.state == "done", answer.run.problem
        assert answer.run.results[-1].rows == 2

    assert_proportional(lambda: run(flows[0]), lambda: run(flows[1]))


def test_the_last_step_of_a_long_flow_can_be_looked_at(flows: tuple[FlowDocument, FlowDocument], tmp_path: Path):
    def look(flow: FlowDocument) -> None:
        task = RowsTask(flow=flow, node_id=flow.steps[-1].id)
        answer = perform(task, ResultCache(tmp_path / "cache", min_free_bytes=0), lambda _: None)
        assert answer.kind == "rows"
        assert len(answer.rows) == 2

    assert_proportional(lambda: look(flows[0]), lambda: look(flows[1]))


def test_an_edit_at_the_end_of_a_long_flow_predicts_one_step(flows: tuple[FlowDocument, FlowDocument]):
    graph = EtlGraph(flows[1])
    predict(graph, Nothing())
    last = graph.step(LONG - 1).document
    graph.replace_step(last.model_copy(update={"type": last.type, "settings": {**last.settings}}))
    graph.mark_changed(LONG - 1)
    assert predict(graph, Nothing()) == set()


def test_many_steps_that_are_kept_run_in_proportion(tmp_path: Path):
    runs = 0

    def run(length: int) -> None:
        nonlocal runs
        runs += 1
        flow = chain(length, [("sort", {"order_by": [{"column": "a"}]}), ("unique", {})])
        cache = ResultCache(tmp_path / str(runs), min_free_bytes=0)
        answer = perform(RunTask(flow=flow, run_id="r"), cache, lambda _: None)
        assert answer.kind == "ran"
        assert answer.run.state == "done", answer.run.problem

    assert_proportional(lambda: run(60), lambda: run(300))


@pytest.mark.parametrize("mode", ["performance", "development"])
def test_filters_and_formulas_in_turn_are_planned_in_proportion(tmp_path: Path, mode: Any):
    """Polars' optimizer substitutes the one in the other, which is cubic where nobody stops it."""
    pairs = [
        ("filter", {"conditions": [{"column": "a", "operator": ">", "value": -1_000_000}]}),
        ("formula", {"columns": [{"name": "a", "expression": "a + 1"}]}),
    ]
    runs = 0

    def run(length: int) -> None:
        nonlocal runs
        runs += 1
        cache = ResultCache(tmp_path / str(runs), min_free_bytes=0)
        flow = chain(length + 1, pairs)
        answer = perform(RunTask(flow=flow, run_id="r", mode=mode), cache, lambda _: None)
        assert answer.kind == "ran"
        assert answer.run.state == "done", answer.run.problem
        rows = perform(RowsTask(flow=flow, node_id=length - 1), cache, lambda _: None)
        assert rows.kind == "rows"

    assert_proportional(lambda: run(120), lambda: run(600))
