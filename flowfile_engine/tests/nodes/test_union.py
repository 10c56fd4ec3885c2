"""Unions: rows of several inputs, by name or by position."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing.parametric import dataframes

from flowfile_engine.errors import DataError
from flowfile_engine.nodes.combine.union import Union

ONE = pl.DataFrame({"a": [1], "b": ["x"]})


def test_columns_meet_by_name_wherever_they_stand(run_ports: Any) -> None:
    found = run_ports("union", {"main": [ONE, ONE.select("b", "a"), ONE.select("a")]}, ordered=True)
    assert found.rows() == [(1, "x"), (1, "x"), (1, None)]


def test_one_input_and_none_with_rows(run_ports: Any) -> None:
    assert run_ports("union", {"main": [ONE]}).rows() == ONE.rows()
    assert run_ports("union", {"main": [ONE.clear(), ONE.clear()]}).schema == ONE.schema
    assert run_ports("union", {"main": [pl.DataFrame(), ONE]}).rows() == ONE.rows()


def test_a_column_of_nothing_but_nulls_takes_the_other_type(run_ports: Any) -> None:
    nothing = pl.DataFrame({"a": [None], "b": [None]})
    assert run_ports("union", {"main": [nothing, ONE]}, ordered=True).rows() == [(None, None), (1, "x")]
    assert run_ports("union", {"main": [ONE, nothing]}, ordered=True).schema == ONE.schema


def test_by_position_the_first_names_count(run_ports: Any) -> None:
    other = pl.DataFrame({"b": [2], "c": ["y"]})
    found = run_ports("union", {"main": [ONE, other]}, by="position", source_column="from", ordered=True)
    assert found.to_dict(as_series=False) == {"a": [1, 2], "b": ["x", "y"], "from": [1, 2]}


def test_types_are_brought_together_if_asked(run_ports: Any) -> None:
    inputs = {"main": [ONE, pl.DataFrame({"a": [1.5], "b": [None]})]}
    assert run_ports("union", inputs, relaxed=True, ordered=True)["a"].to_list() == [1.0, 1.5]
    with pytest.raises(DataError, match="'a' is Int64 in input 1 and Float64 in input 2") as caught:
        run_ports("union", inputs)
    assert caught.value.field == "relaxed"


@pytest.mark.parametrize(
    ("settings", "inputs", "field"),
    [
        ({"missing": "error"}, [ONE, ONE.select("a")], "missing"),
        ({"missing": "error"}, [ONE.select("a"), ONE], "missing"),
        ({"by": "position"}, [ONE, ONE.select("a")], "by"),
        ({"source_column": "a"}, [ONE], "source_column"),
        ({"relaxed": True}, [pl.DataFrame({"a": [[1]]}), pl.DataFrame({"a": [1]})], "relaxed"),
        ({"relaxed": True}, [pl.DataFrame({"a": [1]}, schema={"a": pl.Date}), pl.DataFrame({"a": [1]})], "relaxed"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(settings: dict[str, Any], inputs: list[pl.DataFrame], field: str) -> None:
    with pytest.raises(DataError) as caught:
        Union(**settings).schema({"main": [frame.schema for frame in inputs]})
    assert caught.value.field == field
    assert caught.value.hint


@settings(max_examples=60, deadline=None)
@given(
    frames=st.lists(
        dataframes(max_cols=3, max_size=4, excluded_dtypes=[pl.Struct, pl.Decimal]), min_size=1, max_size=3
    ),
    relaxed=st.booleans(),
)
def test_what_is_predicted_comes(frames: list[pl.DataFrame], relaxed: bool) -> None:
    node = Union(relaxed=relaxed)
    try:
        predicted = node.schema({"main": [frame.schema for frame in frames]})
    except DataError:
        return
    found = node.lower(pl, main=[frame.lazy() for frame in frames]).collect(engine="streaming")
    assert predicted == {"main": found.schema}
    assert found.width == 0 or found.height == sum(frame.height for frame in frames)
