"""What is read of a cached result is found out without reading a row of anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flowfile_engine.graph.document import Edge, FlowDocument, StepDocument
from flowfile_engine.graph.graph import EtlGraph
from flowfile_engine.run.cache import ResultCache
from flowfile_engine.run.development import DevelopmentRun
from flowfile_engine.run.flow import PreparedFlow
from flowfile_engine.run.pruning import columns_read


@pytest.fixture
def graph(tmp_path: Path) -> EtlGraph:
    """A file, totals of it, and a file written of them."""
    pl.DataFrame({"shop": ["a", "a", "b"], "amount": [1, 2, 3], "note": ["", "", ""]}).write_parquet(
        tmp_path / "sales.parquet"
    )
    total = {"by": ["shop"], "aggregations": [{"column": "amount", "function": "sum", "name": "total"}]}
    return EtlGraph(
        FlowDocument(
            steps=[
                StepDocument(id="sales", type="read", settings={"path": "sales.parquet"}),
                StepDocument(id="totals", type="group_by", settings=total),
                StepDocument(id="report", type="write", settings={"path": "report.parquet"}),
            ],
            edges=[Edge(source="sales", target="totals"), Edge(source="totals", target="report")],
        )
    )


def _schemas(flow: PreparedFlow, *node_ids: str) -> dict[Any, pl.Schema]:
    found = {}
    for node_id in node_ids:
        prediction = flow.graph.step(node_id).prediction
        assert prediction is not None
        found[node_id, "main"] = prediction.schemas["main"]
    return found


def test_columns_that_are_used_below(graph: EtlGraph, tmp_path: Path) -> None:
    flow = PreparedFlow(graph, base_dir=tmp_path)
    read = columns_read(flow, _schemas(flow, "sales"), {("totals", "main"): ["total"]})
    assert read == {("sales", "main"): {"shop", "amount"}}


def test_a_leaf_that_is_wanted_whole_is_not_computed(graph: EtlGraph, tmp_path: Path) -> None:
    flow = PreparedFlow(graph, base_dir=tmp_path)
    (tmp_path / "sales.parquet").unlink()  # reading a row fails from now on
    leaves = _schemas(flow, "totals")
    assert columns_read(flow, leaves, {("totals", "main"): None}) == {("totals", "main"): None}
    assert columns_read(flow, leaves, {("totals", "main"): ["shop"]}) == {("totals", "main"): {"shop"}}


def test_an_output_that_stands_is_cached(graph: EtlGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DevelopmentRun, "prune_from_bytes", 0)
    cache = ResultCache(tmp_path / "cache")
    first = graph.run_graph(mode="development", base_dir=tmp_path, cache=cache)
    assert {result.state for result in first.results} == {"done"}
    second = graph.run_graph(mode="development", base_dir=tmp_path, cache=cache)
    assert {result.state for result in second.results} == {"cached"}
    (tmp_path / "report.parquet").unlink()
    third = graph.run_graph(mode="development", base_dir=tmp_path, cache=cache)
    assert third.result("report").state == "done"
    assert third.result("totals").state == "cached"
