"""The example flows give the answers that were written by hand, in both modes and as exported scripts."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import polars.selectors as cs
import pytest
from polars.testing import assert_frame_equal

from examples import data
from examples.expected import EXPECTED, late_flights
from flowfile_engine import flow_file
from flowfile_engine.export import export_python
from flowfile_engine.graph.document import Mode
from flowfile_engine.graph.graph import EtlGraph
from flowfile_engine.run.cache import ResultCache
from flowfile_engine.run.flow import PreparedFlow
from flowfile_engine.run.information import RunInformation

EXAMPLES = Path(data.__file__).parent

RESULTS = {
    "late_flights": ("charts", "output/late_flights.parquet"),
    "delay_by_month": (None, "output/delay_by_month.csv"),
    "top_routes": ("charts", None),
    "quality_profile": (None, "output/quality_profile.csv"),
}
"""By flow: the explore node that shows its answer, and the file that holds it."""


@pytest.fixture
def folder(tmp_path: Path, prepared: Path) -> Path:
    """A folder as `examples/` is after `make data`: the flows, and the data beside them."""
    for path in EXAMPLES.glob("*.flow.yaml"):
        shutil.copy(path, tmp_path)
    (tmp_path / "data").symlink_to(prepared)
    return tmp_path


def test_every_flow_has_an_expected_answer() -> None:
    names = {path.name.removesuffix(flow_file.ENDING) for path in EXAMPLES.glob("*.flow.yaml")}
    assert names == set(EXPECTED) == set(RESULTS)


@pytest.mark.parametrize("name", RESULTS)
def test_flow_file_is_as_the_product_writes_it(name: str) -> None:
    text = (EXAMPLES / f"{name}.flow.yaml").read_text()
    document = flow_file.load(text)
    assert flow_file.dump(document) == text
    assert set(document.layout) == {str(step.id) for step in document.steps}
    places = [(at.x, at.y) for at in document.layout.values()]
    assert len(set(places)) == len(places)
    for edge in document.edges:
        assert document.layout[str(edge.source)].x < document.layout[str(edge.target)].x
    assert all(step.title for step in document.steps)


@pytest.mark.parametrize("name", RESULTS)
def test_schemas_are_known_before_any_run(folder: Path, name: str) -> None:
    flow = PreparedFlow(_graph(folder, name), base_dir=folder)
    for step in flow.graph:
        assert step.all_problems == []
        assert step.prediction is not None
        assert step.prediction.certainty == "known"
        assert set(step.prediction.schemas) == set(step.node_type.info.outputs)


@pytest.mark.parametrize("mode", ["development", "performance"])
@pytest.mark.parametrize("name", RESULTS)
def test_flow_gives_the_expected_answer(folder: Path, name: str, mode: Mode) -> None:
    cache = ResultCache(folder / "cache")
    information = _graph(folder, name).run_graph(mode=mode, base_dir=folder, cache=cache)
    assert information.state == "done", information.problem
    answers = _answers(folder, name, lambda node_id: _cached(cache, information, node_id))
    for answer in answers:
        _assert_same(answer, name, folder)


@pytest.mark.parametrize("name", RESULTS)
def test_exported_script_gives_the_same(folder: Path, name: str) -> None:
    script = folder / f"{name}.py"
    script.write_text(export_python(PreparedFlow(_graph(folder, name), base_dir=folder)))
    run = subprocess.run(
        [sys.executable, "-W", "error", script.name], cwd=folder, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    for answer in _answers(folder, name, lambda node_id: _made_by_script(folder, script)):
        _assert_same(answer, name, folder)


def test_parameter_changes_what_is_late(folder: Path) -> None:
    graph = EtlGraph(flow_file.read(folder / "late_flights.flow.yaml"), parameters={"min_delay": 120})
    information = graph.run_graph(mode="performance", base_dir=folder)
    assert information.state == "done", information.problem
    late = pl.scan_parquet(folder / "output/late_flights.parquet").select(pl.sum("late_flights"))
    flights = pl.scan_parquet(folder / "data/flights.parquet").filter(pl.col("dep_delay") > 120)
    in_all = late_flights(folder / "data").select(pl.sum("late_flights"))
    assert late.collect().item() == flights.select(pl.len()).collect().item() < in_all.collect().item()


def test_profile_has_a_row_for_each_column(folder: Path) -> None:
    cache = ResultCache(folder / "cache")
    information = _graph(folder, "quality_profile").run_graph(base_dir=folder, cache=cache)
    profile = _cached(cache, information, "columns_profile", "main").collect()
    columns = pl.scan_parquet(folder / "data/flights.parquet").collect_schema()
    assert profile["column"].to_list() == columns.names()


def _graph(folder: Path, name: str) -> EtlGraph:
    return EtlGraph(flow_file.read(folder / f"{name}.flow.yaml"))


def _answers(folder: Path, name: str, shown: Callable[[str], pl.LazyFrame]) -> list[pl.DataFrame]:
    node_id, file = RESULTS[name]
    answers = [] if node_id is None else [shown(node_id).collect()]
    if file is not None:
        read: Any = pl.read_parquet if file.endswith(".parquet") else pl.read_csv
        answers.append(read(folder / file))
    return answers


def _cached(cache: ResultCache, information: RunInformation, node_id: str, output: str = "sample") -> pl.LazyFrame:
    result = cache.find_ref(information.result(node_id).files[output])
    assert result is not None
    return pl.scan_ipc(result.path, glob=False)


def _made_by_script(folder: Path, script: Path) -> pl.LazyFrame:
    """What the script's `make_flow` gives for the sample of its explore node, computed in another process."""
    target = folder / "sample.parquet"
    code = (
        "import runpy, sys\n"
        f"flow = runpy.run_path({str(script)!r})['make_flow']({{'min_delay': 30}})\n"
        "[sample] = [frame for name, frame in flow.items() if 'sample' in name]\n"
        f"sample.sink_parquet({str(target)!r})\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True)
    return pl.scan_parquet(target)


def _assert_same(answer: pl.DataFrame, name: str, folder: Path) -> None:
    wanted = EXPECTED[name](folder / "data").collect(engine="streaming")
    assert answer.columns == wanted.columns
    if name == "top_routes":  # destinations that share a rank come in any order
        keys = ["origin", "rank", "dest"]
        assert answer.select(keys[:2]).equals(answer.select(keys[:2]).sort(keys[:2]))
        answer, wanted = answer.sort(keys), wanted.sort(keys)
    assert_frame_equal(_comparable(answer), _comparable(wanted), rel_tol=1e-9, abs_tol=0)


def _comparable(frame: pl.DataFrame) -> pl.DataFrame:
    """Numbers as floats: a CSV file keeps no types, and the width of a count is no part of the answer."""
    return frame.with_columns(cs.numeric().cast(pl.Float64))
