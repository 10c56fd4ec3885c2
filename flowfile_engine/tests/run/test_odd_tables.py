"""Tables that are not what one expects: without rows or columns, very wide, with odd names, values and types."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

MODES = ("development", "performance")
HUGE = 2**63 - 1


def through(bench: Any, frame: pl.DataFrame, mode: Any) -> pl.DataFrame:
    """A table after steps that change nothing."""
    bench.read("in", frame)
    bench.add("kept", "filter", {"mode": "expression", "expression": "TRUE"}, "in")
    bench.add("all", "select", {"columns": []}, "kept")
    bench.add("out", "union", {}, "all")
    information = bench.run(mode)
    return bench.frame(information, "out")


TABLES = {
    "no rows": pl.DataFrame(schema={"a": pl.Int64, "b": pl.List(pl.String)}),
    "all null": pl.DataFrame({"a": [None, None], "b": pl.Series([None, None], dtype=pl.String)}),
    "huge numbers": pl.DataFrame({"a": [HUGE, -HUGE - 1], "b": pl.Series([2**64 - 1, 0], dtype=pl.UInt64)}),
    "128 bits": pl.DataFrame({"a": pl.Series([2**127 - 1, -(2**127)], dtype=pl.Int128)}),
    "floats": pl.DataFrame({"a": [float("nan"), float("inf"), -0.0, 5e-324]}),
    "decimals": pl.DataFrame({"a": pl.Series([Decimal("123456789012345678901234567890.12")], dtype=pl.Decimal(38, 2))}),
    "times": pl.DataFrame(
        {
            "a": [date(1, 1, 1), date(9999, 12, 31)],
            "b": pl.Series([datetime(2024, 3, 31, 1, 30)] * 2, dtype=pl.Datetime("ns", "Europe/Amsterdam")),  # noqa: DTZ001
            "c": [timedelta(days=10**5), timedelta(microseconds=-1)],
        }
    ),
    "nested": pl.DataFrame(
        {
            "l": [[[1], []], None],
            "s": [{"a": 1, "b": {"c": ["x"]}}, {"a": None, "b": None}],
            "r": pl.Series([[1, 2], None], dtype=pl.Array(pl.Int8, 2)),
            "e": pl.Series(["x", "y"], dtype=pl.Enum(["y", "x"])),
            "c": pl.Series(["x", "y"], dtype=pl.Categorical),
            "b": [b"\x00\xff", b""],
        }
    ),
    "odd names": pl.DataFrame(
        {"": [1], " ": [2], "a b": [3], 'q"u': [4], "*": [5], "^a$": [6], "ü\n☃": [7], "literal": [8]}
    ),
    "long text": pl.DataFrame({"a": ["x" * 2_000_000, "\x00", "🦆"]}),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", TABLES)
def test_an_odd_table_goes_through_unchanged(bench: Any, name: str, mode: Any):
    assert_frame_equal(through(bench, TABLES[name], mode), TABLES[name])


@pytest.mark.usefixtures("pruning")
@pytest.mark.parametrize("name", TABLES)
def test_an_odd_table_can_be_looked_at(bench: Any, name: str):
    through(bench, TABLES[name], "development")
    bench.add("counted", "record_count", {}, "out")
    bench.run()
    for node_id in ("in", "kept", "out"):
        page = bench.rows(node_id, limit=10)
        assert [column.name for column in page.columns] == TABLES[name].columns
        assert len(page.rows) == TABLES[name].height
    assert len(bench.rows("out", limit=10, sort=[{"column": TABLES[name].columns[0]}]).rows) == TABLES[name].height
    assert bench.rows("out", search="no such text anywhere").rows == []


def test_whole_numbers_beyond_a_browsers_travel_as_text(bench: Any):
    bench.read("in", pl.DataFrame({"big": [HUGE, 1], "small": [1, 2]}))
    assert bench.rows("in").rows == [[str(HUGE), 1], ["1", 2]]


@pytest.mark.parametrize("mode", MODES)
def test_a_table_without_columns_is_a_result(bench: Any, mode: Any):
    bench.read("in", pl.DataFrame({"a": [1, 2]}))
    bench.add("none", "polars_code", {"code": "main.select([])"}, "in")
    bench.add("same", "union", {}, "none")
    information = bench.run(mode)
    assert information.state == "done", information.problem
    page = bench.rows("same")
    assert (page.columns, page.rows) == ([], [])


@pytest.mark.parametrize("mode", MODES)
def test_ten_thousand_columns(bench: Any, mode: Any):
    wide = pl.DataFrame({f"c{index}": [index, index + 1] for index in range(10_000)})
    bench.read("in", wide)
    bench.add("more", "formula", {"columns": [{"name": "new", "expression": "c1 + c9999"}]}, "in")
    bench.add("sorted", "sort", {"order_by": [{"column": "c5", "descending": True}]}, "more")
    bench.add("few", "select", {"columns": [{"column": "new"}], "others": "drop"}, "sorted")
    bench.add("sum", "group_by", {"aggregations": [{"column": "new", "function": "sum", "name": "s"}]}, "few")
    information = bench.run(mode)
    assert bench.frame(information, "sum").item() == 10_000 + 10_002
    assert len(bench.rows("sorted", limit=1).columns) == 10_001


@pytest.mark.parametrize("mode", MODES)
def test_names_that_clash_are_refused_on_the_step(bench: Any, mode: Any):
    bench.read("a", pl.DataFrame({"k": [1], "x": [1], "x_right": [1]}))
    bench.read("b", pl.DataFrame({"k": [1], "x": [1]}))
    bench.add("join", "join", {"keys": [{"left": "k", "right": "k"}]}, "a", "b")
    information = bench.run(mode)
    assert information.problem is not None
    assert information.problem.node_id == "join"
    assert "x_right" in information.problem.message


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("node_type", "settings"),
    [
        ("group_by", {"by": ["a"], "aggregations": [{"column": "b", "function": "mean", "name": "m"}]}),
        ("group_by", {"aggregations": [{"function": "len", "name": "n"}]}),
        ("sort", {"order_by": [{"column": "a"}]}),
        ("unique", {}),
        ("pivot", {"on": "s", "index": ["a"], "values": ["b"], "columns": ["x"]}),
        ("sample", {"method": "random", "n": 5}),
        ("describe", {}),
        ("record_count", {}),
    ],
)
def test_steps_over_no_rows(bench: Any, node_type: str, settings: dict[str, Any], mode: Any):
    bench.read("in", pl.DataFrame(schema={"a": pl.Int64, "b": pl.Float64, "s": pl.String}))
    bench.add("step", node_type, settings, "in")
    information = bench.run(mode)
    assert information.state == "done", information.problem


@pytest.mark.parametrize("mode", MODES)
def test_numbers_that_overflow_are_right_or_refused(bench: Any, mode: Any):
    bench.read("in", pl.DataFrame({"a": [HUGE, HUGE]}))
    bench.add("cast", "select", {"columns": [{"column": "a", "dtype": "Int32"}]}, "in")
    information = bench.run(mode)
    assert information.problem is not None
    assert information.problem.node_id == "cast"
