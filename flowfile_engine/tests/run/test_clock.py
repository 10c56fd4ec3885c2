"""Steps that read the clock: made anew at each run, and looked at as the run left them."""

from __future__ import annotations

from pathlib import Path

from flowfile_engine.graph.graph import EtlGraph
from flowfile_engine.run.cache import ResultCache
from flowfile_engine.run.perform import perform
from flowfile_engine.tasks import Ran, Rows, RowsTask, RunTask


def clock_flow() -> EtlGraph:
    graph = EtlGraph()
    graph.add_node_step("rows", {"columns": [{"name": "a", "dtype": "Int64"}], "rows": [[1]]}, node_type="manual_input")
    graph.add_node_step("now", {"columns": [{"name": "now", "expression": "NOW()"}]}, node_type="formula")
    graph.connect("rows", "now")
    return graph


def test_each_run_reads_the_clock_and_rows_show_the_run_that_is_asked_for(tmp_path: Path):
    cache = ResultCache(tmp_path)
    document = clock_flow().document()

    def run(run_id: str) -> str:
        answer = perform(RunTask(flow=document, run_id=run_id), cache, lambda _: None)
        assert isinstance(answer, Ran)
        return answer.run.result("now").state

    def shown(run_id: str) -> str:
        answer = perform(RowsTask(flow=document, run_id=run_id, node_id="now"), cache, lambda _: None)
        assert isinstance(answer, Rows)
        return answer.rows[0][1]

    assert [run("first"), run("first"), run("second")] == ["done", "cached", "done"]
    assert shown("first") == shown("first")
    assert shown("first") < shown("second")
