"""The TPC-H flows give what hand-written Polars gives, in both modes, and rows of every node can be looked at."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import polars.selectors as cs
import pytest
from polars.testing import assert_frame_equal

from benchmarks.tpch.data import Tables, make
from benchmarks.tpch.flows import ANSWER, FLOWS, tpch_flow
from benchmarks.tpch.queries import QUERIES
from flowfile_engine import flow_file
from flowfile_engine.dtypes import schema_text
from flowfile_engine.errors import NodeId
from flowfile_engine.export import export_python
from flowfile_engine.graph.document import Mode
from flowfile_engine.graph.graph import EtlGraph
from flowfile_engine.run.cache import ResultCache
from flowfile_engine.run.development import DevelopmentRun
from flowfile_engine.run.flow import PreparedFlow
from flowfile_engine.run.perform import perform
from flowfile_engine.run.rows import page
from flowfile_engine.tasks import Count, CountTask, Event, Ran, Rows, RowsTask, RunTask

SCALE = 0.01


@pytest.fixture(scope="session")
def tables() -> Path:
    return make(SCALE)


@pytest.fixture(params=["whole", "pruned"])
def pruning(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """So little data would be cached whole: what is done to much data is tried as well."""
    if request.param == "pruned":
        monkeypatch.setattr(DevelopmentRun, "prune_from_bytes", 0)
    return request.param


def test_each_query_is_a_flow_of_palette_nodes() -> None:
    assert set(FLOWS) == set(QUERIES)
    for name in FLOWS:
        document = tpch_flow(name)
        assert flow_file.dump(document) == FLOWS[name].read_text()
        assert all(step.title for step in document.steps)
        assert not {step.type for step in document.steps} & {"polars_code", "sql_query"}


@pytest.mark.parametrize("name", FLOWS)
def test_performance_mode(tables: Path, tmp_path: Path, name: str) -> None:
    cache = ResultCache(tmp_path)
    _assert_answer(cache, _run(tables, cache, name, "performance"), tables, name)


@pytest.mark.parametrize("name", FLOWS)
def test_development_mode_and_a_look_at_every_node(tables: Path, tmp_path: Path, pruning: str, name: str) -> None:
    cache = ResultCache(tmp_path)
    ran = _run(tables, cache, name, "development")
    _assert_answer(cache, ran, tables, name)
    flow = PreparedFlow(EtlGraph(tpch_flow(name), parameters={"data": str(tables)}))
    for step in flow.graph.topological_sort():
        assert step.prediction is not None
        _assert_rows(tables, cache, name, step.node_id, step.hash, step.prediction.schemas["main"])
    again = _run(tables, cache, name, "development")
    assert {result.state for result in again.run.results} == {"cached"}


def test_exported_scripts_give_the_same(tables: Path, tmp_path: Path) -> None:
    for name in FLOWS:
        flow = PreparedFlow(EtlGraph(tpch_flow(name), parameters={"data": str(tables)}))
        (tmp_path / f"{name}.py").write_text(export_python(flow))
    code = (
        "import runpy, sys\n"
        "for name in sys.argv[1:]:\n"
        f"    [answer] = runpy.run_path(name + '.py')['make_flow']({{'data': {str(tables)!r}}}).values()\n"
        "    answer.sink_parquet(name + '.parquet')\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code, *FLOWS], cwd=tmp_path, check=True)
    for name in FLOWS:
        _assert_same(pl.read_parquet(tmp_path / f"{name}.parquet"), tables, name)


def _run(tables: Path, cache: ResultCache, name: str, mode: Mode) -> Ran:
    task = RunTask(flow=tpch_flow(name), parameters={"data": str(tables)}, run_id="r", mode=mode)
    ran = perform(task, cache, _ignore)
    assert isinstance(ran, Ran)
    assert ran.run.state == "done", ran.run.problem
    return ran


def _assert_answer(cache: ResultCache, ran: Ran, tables: Path, name: str) -> None:
    result = cache.find_ref(ran.run.result(ANSWER).files["main"])
    assert result is not None
    _assert_same(pl.scan_ipc(result.path, glob=False).collect(), tables, name)


def _assert_same(answer: pl.DataFrame, tables: Path, name: str) -> None:
    """In order: each query ends in a sort that leaves no ties."""
    wanted = QUERIES[name](Tables.scan(tables)).collect(engine="streaming")
    assert_frame_equal(_comparable(answer), _comparable(wanted), rel_tol=1e-9, abs_tol=0)


def _comparable(frame: pl.DataFrame) -> pl.DataFrame:
    """Numbers as floats: whether a count has 32 or 64 bits is no part of the answer."""
    return frame.with_columns(cs.numeric().cast(pl.Float64))


def _assert_rows(
    tables: Path, cache: ResultCache, name: str, node_id: NodeId, fingerprint: str, schema: pl.Schema
) -> None:
    """A page of full width, whose rows are those of the cached result where there is one."""
    asked: dict[str, Any] = {"flow": tpch_flow(name), "parameters": {"data": str(tables)}, "node_id": node_id}
    rows, count = perform(RowsTask(**asked), cache, _refuse), perform(CountTask(**asked), cache, _refuse)
    assert isinstance(rows, Rows)
    assert isinstance(count, Count)
    assert {column.name: column.dtype for column in rows.columns} == schema_text(schema)
    assert len(rows.rows) == min(100, count.rows)
    kept = cache.find(fingerprint)
    if kept is not None:
        assert kept.rows == count.rows
        first = page(pl.scan_ipc(kept.path, glob=False).head(100).collect(), 0, None, "cached")
        places = [schema.names().index(column.name) for column in first.columns]
        assert [[row[place] for place in places] for row in rows.rows] == first.rows


def _ignore(event: Event) -> None:
    pass


def _refuse(event: Event) -> None:
    """Looking must not compute a whole result: that would be announced as progress."""
    raise AssertionError(event)
