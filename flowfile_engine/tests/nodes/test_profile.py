"""Describe, explore and record count: what is said about a table of any shape."""

from __future__ import annotations

from datetime import date, timedelta
from time import perf_counter
from typing import Any

import polars as pl
from hypothesis import given, settings
from polars.testing.parametric import dataframes

from flowfile_engine.nodes.aggregate.describe import Describe
from flowfile_engine.nodes.output.explore import Explore


def test_each_type_says_what_it_can(run_ports: Any) -> None:
    frame = pl.DataFrame(
        {
            "n": [2**100, 1, None],
            "day": [date(2024, 1, 2), date(2024, 1, 1), None],
            "gap": [timedelta(days=1), None, timedelta(days=2)],
            "l": [[1], [1], None],
            "level": pl.Series(["lo", "hi", None], dtype=pl.Enum(["lo", "hi"])),
            "none": [None, None, None],
        },
        schema_overrides={"n": pl.Int128},
    )
    found = run_ports("describe", {"main": frame}, ordered=True)
    assert found["column"].to_list() == frame.columns
    assert found.select("count", "nulls", "distinct").rows() == [(2, 1, 2)] * 3 + [(2, 1, 1), (2, 1, 2), (0, 3, 0)]
    assert found["min"].to_list() == ["1", "2024-01-01", "P1D", None, "lo", None]
    assert found["max"].to_list() == [str(2**100), "2024-01-02", "P2D", None, "hi", None]
    assert found["mean"].is_not_null().to_list() == [True] + [False] * 5


def test_tables_without_columns_or_rows(run_ports: Any) -> None:
    nothing = run_ports("describe", {"main": pl.DataFrame()})
    empty = run_ports("describe", {"main": pl.DataFrame(schema={"a": pl.Float16, "b": pl.String})})
    assert nothing.schema == empty.schema
    assert nothing.height == 0
    assert empty["null_share"].to_list() == [None, None]
    assert run_ports("record_count", {"main": pl.DataFrame()}).rows() == [(0,)]


def test_ten_thousand_columns_take_no_time() -> None:
    frame = pl.LazyFrame({f"c{i}": [i, None] if i % 2 else ["a", "b"] for i in range(10_000)})
    started = perf_counter()
    assert Describe().lower(pl, main=frame).collect(engine="streaming").height == 10_000
    assert perf_counter() - started < 15  # half a second here, hours if it grew by the square


@settings(max_examples=60, deadline=None)
@given(frame=dataframes(max_cols=5, max_size=6))
def test_the_schema_is_static_and_the_counts_add_up(frame: pl.DataFrame) -> None:
    predicted = Describe().schema({"main": frame.schema})
    found = Describe().lower(pl, main=frame.lazy()).collect(engine="streaming")
    assert predicted == {"main": found.schema}
    assert found["column"].to_list() == frame.columns
    assert ((found["count"] + found["nulls"]) == frame.height).all()
    assert found["nulls"].to_list() == [frame[name].null_count() for name in frame.columns]


def test_a_sample_is_repeatable_and_keeps_the_order() -> None:
    frame = pl.LazyFrame({"i": range(10_000)})

    def drawn(seed: int) -> list[int]:
        sample, _ = Explore(rows=100, seed=seed).lower(pl, main=frame)
        return sample.collect(engine="streaming")["i"].to_list()

    assert len(drawn(1)) == 100
    assert drawn(1) == drawn(1) == sorted(drawn(1))
    assert drawn(1) != drawn(2)
    assert max(drawn(1)) > 5_000


def test_the_profile_is_of_all_rows() -> None:
    sample, profile = Explore(rows=2).lower(pl, main=pl.LazyFrame({"i": range(50)}))
    assert sample.collect().height == 2
    assert profile.collect()["count"].to_list() == [50]
