"""Flows drawn by chance: every way to get a step's rows gives the same rows, however little of them was kept."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from flowfile_engine.errors import NodeId
from flowfile_engine.graph.document import FlowDocument, Mode
from flowfile_engine.graph.graph import EtlGraph
from flowfile_engine.run.cache import ResultCache
from flowfile_engine.run.development import DevelopmentRun
from flowfile_engine.run.information import RunInformation
from flowfile_engine.run.perform import perform
from flowfile_engine.run.rows import page
from flowfile_engine.tasks import CountTask, RowsTask, RunTask
from flowfile_engine.testing import assert_same, lower_directly, result_frame

ALL_ROWS = 1_000

TABLES = {
    "orders": pl.DataFrame(
        {
            "k": [1, 2, 2, 3, None, 5, 2],
            "a": [10, 20, 30, None, 50, 60, 20],
            "x": [0.5, None, 2.5, 0.5, 8.0, -1.0, 2.5],
            "s": ["p", "q", "q", None, "r", "", "q"],
            "d": [date(2024, 1, day) for day in (1, 2, 2, 3, 1, 5, 2)],
            "l": [[1], [], None, [2, 3], [1], [1], []],
        }
    ),
    "people": pl.DataFrame(
        {"k": [2, 3, 3, 7, None], "b": [1, 2, 3, 4, 5], "s": ["q", "p", "t", "q", None], "t": ["1", "2", "3", "4", "5"]}
    ),
}
"""Floats are halves of whole numbers, so that their sums do not depend on the order of adding."""


KINDS = ["join", "filter", "formula", "sort", "group_by", "select", "join", "unique", "union"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tables")
    for name, frame in TABLES.items():
        frame.write_parquet(path / f"{name}.parquet")
    return path


class Drawing:
    """A flow under construction, with the rows that each step should give."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data
        self.graph = EtlGraph()
        self.expected: dict[NodeId, pl.DataFrame] = {}
        for name, frame in TABLES.items():
            self.graph.add_node_step(name, {"path": f"{name}.parquet"}, node_type="read")
            self.expected[name] = frame

    def draw(self, strategy: st.SearchStrategy[Any]) -> Any:
        return self._data.draw(strategy)

    def column(self, frame: pl.DataFrame, *dtypes: Any) -> str | None:
        names = [name for name, dtype in frame.schema.items() if not dtypes or dtype in dtypes]
        return self.draw(st.sampled_from(names)) if names else None

    def add(self, number: int, kind: str = "") -> None:
        kind = kind or self.draw(st.sampled_from(KINDS))
        two = kind in ("join", "union")
        # Mostly what was added last: long branches keep more back than short ones.
        recent = [*[list(self.expected)[-1]] * 6, *self.expected]
        sources = [self.draw(st.sampled_from(recent)) for _ in range(2 if two else 1)]
        settings = getattr(self, kind)(number, *(self.expected[source] for source in sources))
        if settings is None or (kind == "union" and sources[0] == sources[1]):
            return
        frames = [self.expected[source] for source in sources]
        ports = {"union": ["main", "main"], "join": ["left", "right"]}.get(kind, ["main"])
        inputs: dict[str, Any] = {"main": frames} if kind == "union" else dict(zip(ports, frames, strict=True))
        step = self.graph.add_node_step(f"{kind}_{number}", settings, node_type=kind)
        assert step.node is not None, step.problems
        self.expected[step.node_id] = lower_directly(step.node, inputs)["main"]
        for source, port in zip(sources, ports, strict=True):
            self.graph.connect(source, step.node_id, input=port)

    def filter(self, number: int, frame: pl.DataFrame) -> dict[str, Any]:
        operator = self.draw(st.sampled_from(["is not null", "is null"]))
        numbers = self.column(frame, pl.Int64, pl.Float64)
        if numbers is not None and self.draw(st.booleans()):
            return {"conditions": [{"column": numbers, "operator": ">", "value": self.draw(st.integers(0, 30))}]}
        return {"conditions": [{"column": self.column(frame), "operator": operator}]}

    def formula(self, number: int, frame: pl.DataFrame) -> dict[str, Any] | None:
        first, second = self.column(frame, pl.Int64), self.column(frame, pl.Int64, pl.Float64)
        if first is None:
            return None
        name = self.draw(st.sampled_from([f"f{number}", first]))
        shape = self.draw(st.sampled_from(["{0} + 1", "{0} + {1}", "MAX({1}) - {0}", "COALESCE({0}, 7)"]))
        return {"columns": [{"name": name, "expression": shape.format(f'"{first}"', f'"{second}"')}]}

    def select(self, number: int, frame: pl.DataFrame) -> dict[str, Any]:
        names = self.draw(st.lists(st.sampled_from(frame.columns), unique=True, min_size=1, max_size=3))
        columns = [{"column": name} for name in names]
        if self.draw(st.booleans()):
            columns[0]["rename"] = f"r{number}"
        return {"columns": columns, "others": self.draw(st.sampled_from(["keep_end", "drop"]))}

    def sort(self, number: int, frame: pl.DataFrame) -> Any:
        column = self.column(frame, pl.Int64, pl.Float64, pl.String, pl.Date)
        return column and {"order_by": [{"column": column, "descending": self.draw(st.booleans())}]}

    def unique(self, number: int, frame: pl.DataFrame) -> dict[str, Any]:
        if self.draw(st.booleans()):
            return {}
        return {"columns": [self.column(frame)], "keep": "none"}

    def group_by(self, number: int, frame: pl.DataFrame) -> dict[str, Any]:
        plain = [name for name, dtype in frame.schema.items() if not dtype.is_nested()]
        by = self.draw(st.lists(st.sampled_from(plain), unique=True, max_size=2)) if plain else []
        aggregations: list[dict[str, Any]] = [{"function": "len", "name": f"n{number}"}]
        value = self.column(frame, pl.Int64, pl.Float64)
        if value is not None:
            function = self.draw(st.sampled_from(["sum", "min", "max", "mean", "n_unique"]))
            aggregations.append({"column": value, "function": function, "name": f"g{number}"})
        return {"by": by, "aggregations": aggregations}

    def union(self, number: int, first: pl.DataFrame, second: pl.DataFrame) -> dict[str, Any]:
        return {"relaxed": True}

    def join(self, number: int, left: pl.DataFrame, right: pl.DataFrame) -> dict[str, Any] | None:
        if left.height * right.height > ALL_ROWS:
            return None
        dtype = self.draw(st.sampled_from([pl.Int64, pl.String]))
        keys = self.column(left, dtype), self.column(right, dtype)
        if None in keys:
            return None
        how = self.draw(st.sampled_from(["inner", "left", "right", "full", "semi", "anti"]))
        return {"keys": [{"left": keys[0], "right": keys[1]}], "how": how, "suffix": f"_{number}"}


@st.composite
def drawn_flows(draw: st.DrawFn) -> Drawing:
    drawing = Drawing(draw(st.data()))
    for number in range(draw(st.integers(2, 9))):
        drawing.add(number)
    drawing.add(100, "group_by")  # few columns in the end: what is above is kept in part
    if draw(st.booleans()):
        marked = draw(st.sampled_from(list(drawing.expected)))
        step = drawing.graph.step(marked).document
        drawing.graph.replace_step(step.model_copy(update={"cache_results": True}))
    return drawing


def run(flow: FlowDocument, mode: Mode, folder: Path, cache: ResultCache) -> RunInformation:
    answer = perform(RunTask(flow=flow, run_id="r", mode=mode, base_dir=str(folder)), cache, lambda _: None)
    assert answer.kind == "ran"
    return answer.run


def in_order(rows: list[list[Any]]) -> list[str]:
    return sorted(map(repr, rows))


def check_rows(drawing: Drawing, folder: Path, cache: ResultCache) -> None:
    """Every step, looked at, shows what it should, at full width."""
    flow = drawing.graph.document()
    for node_id, frame in drawing.expected.items():
        counted = perform(CountTask(flow=flow, node_id=node_id, base_dir=str(folder)), cache, lambda _: None)
        assert counted.kind == "count"
        assert counted.rows == frame.height, node_id
        task = RowsTask(flow=flow, node_id=node_id, limit=ALL_ROWS, base_dir=str(folder))
        shown = perform(task, cache, lambda _: None)
        assert shown.kind == "rows"
        assert [column.name for column in shown.columns] == frame.columns, node_id
        assert in_order(shown.rows) == in_order(page(frame, 0, None, "computed").rows), (node_id, shown.origin)


FLOWS = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@FLOWS
@given(drawing=drawn_flows())
def test_all_ways_to_run_a_flow_agree(drawing: Drawing, folder: Path, tmp_path_factory: pytest.TempPathFactory):
    flow = drawing.graph.document()
    note(flow.model_dump_json(exclude_defaults=True))
    targets = [step.node_id for step in drawing.graph if not step.outgoing]
    with pytest.MonkeyPatch.context() as patch:
        ways: list[tuple[int, Mode]] = [(0, "development"), (1 << 40, "development"), (0, "performance")]
        for prune_from, mode in ways:
            patch.setattr(DevelopmentRun, "prune_from_bytes", prune_from)
            cache = ResultCache(tmp_path_factory.mktemp("cache"), min_free_bytes=0)
            information = run(flow, mode, folder, cache)
            for node_id in targets:
                assert_same(result_frame(information, cache, node_id), drawing.expected[node_id], ordered=False)
            check_rows(drawing, folder, cache)


@FLOWS
@given(drawing=drawn_flows(), data=st.data())
def test_results_kept_for_one_step_serve_another(
    drawing: Drawing, data: st.DataObject, folder: Path, tmp_path_factory: pytest.TempPathFactory
):
    """A flow grows step by step, and each run finds the pruned results that the earlier ones left."""
    flow = drawing.graph.document()
    note(flow.model_dump_json(exclude_defaults=True))
    cache = ResultCache(tmp_path_factory.mktemp("cache"), min_free_bytes=0)
    order = data.draw(st.permutations(list(drawing.expected)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DevelopmentRun, "prune_from_bytes", 0)
        for node_id in order:
            task = RunTask(flow=flow, run_id="r", targets=[node_id], base_dir=str(folder))
            answer = perform(task, cache, lambda _: None)
            assert answer.kind == "ran"
            assert_same(result_frame(answer.run, cache, node_id), drawing.expected[node_id], ordered=False)
        check_rows(drawing, folder, cache)
