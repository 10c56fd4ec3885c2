"""The column that says which file a row came from."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from flowfile_engine.nodes.registry import builtin_registry
from flowfile_engine.testing import example_graph, run_exported, run_in_mode


@pytest.mark.parametrize("encoding", ["utf8", "cp1252"])
def test_a_run_and_an_export_name_the_same_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str):
    monkeypatch.chdir(tmp_path)
    for number in (1, 2):
        (tmp_path / f"sales_{number}.csv").write_text(f"amount\n{number}\n")
    settings = {"path": "sales_*.csv", "include_file_path": "file", "csv_options": {"encoding": encoding}}
    graph = example_graph(builtin_registry()["read"], settings, {}, tmp_path)
    expected = [str(tmp_path / f"sales_{number}.csv") for number in (1, 2)]
    for outputs in (run_in_mode(graph, "performance", tmp_path), run_exported(graph, tmp_path)):
        assert outputs["main"].sort("file").select(pl.col("file").cast(pl.String)).to_series().to_list() == expected
