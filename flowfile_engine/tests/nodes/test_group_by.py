"""Group by: every function on every type, names, and groups of nulls."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing.parametric import dataframes
from pydantic import ValidationError

from flowfile_engine.errors import ColumnMissingError, DataError
from flowfile_engine.nodes.aggregate.group_by import GroupBy
from flowfile_engine.nodes.aggregation import FUNCTIONS

DATA = pl.DataFrame({"g": ["a", "b", "a", None, "a"], "v": [3, 1, None, 5, 3], "t": ["x", "y", "z", None, "x"]})


def one(run: Any, function: str, column: str = "v", **settings: Any) -> list[Any]:
    aggregation = {"column": column, "function": function, "name": "r", **settings}
    return run("group_by", {"main": DATA}, by=["g"], aggregations=[aggregation], maintain_order=True, ordered=True)[
        "r"
    ].to_list()


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("sum", [6, 1, 5]),
        ("mean", [3.0, 1.0, 5.0]),
        ("min", [3, 1, 5]),
        ("count", [2, 1, 1]),
        ("len", [3, 1, 1]),
        ("n_unique", [2, 1, 1]),
        ("first", [3, 1, 5]),
        ("last", [3, 1, 5]),
        ("std", [0.0, None, None]),
        ("product", [9, 1, 5]),
        ("mode", [3, 1, 5]),
        ("list", [[3, None, 3], [1], [5]]),
        ("concat", ["3, 3", "1", "5"]),
        ("quantile", [3.0, 1.0, 5.0]),
    ],
)
def test_what_each_function_gives(run_ports: Any, function: str, expected: list[Any]) -> None:
    assert one(run_ports, function) == expected


def test_text_functions(run_ports: Any) -> None:
    assert one(run_ports, "concat", "t", separator="") == ["xzx", "y", ""]
    assert one(run_ports, "mode", "t") == ["x", "y", None]
    assert one(run_ports, "max", "t") == ["z", "y", None]


def test_without_groups_there_is_one_row_also_of_nothing(run_ports: Any) -> None:
    aggregations = [{"function": "len"}, {"column": "v", "function": "sum"}, {"column": "v", "function": "mode"}]
    assert run_ports("group_by", {"main": DATA}, aggregations=aggregations).rows() == [(5, 12, 3)]
    assert run_ports("group_by", {"main": DATA.clear()}, aggregations=aggregations).rows() == [(0, 0, None)]


def test_groups_alone_are_the_distinct_combinations(run_ports: Any) -> None:
    assert run_ports("group_by", {"main": DATA}, by=["g"])["g"].sort(nulls_last=True).to_list() == ["a", "b", None]


def test_names_that_nobody_gave_never_clash() -> None:
    node = GroupBy.model_validate(
        {
            "by": ["v_sum"],
            "aggregations": [
                {"column": "v", "function": "sum"},
                {"column": "v", "function": "sum"},
                {"column": "v", "function": "min", "name": "v_max"},
                {"column": "v", "function": "max"},
                {"column": "v", "function": "quantile", "quantile": 0.25},
                {"function": "len"},
            ],
        }
    )
    assert node.names() == ["v_sum_2", "v_sum_3", "v_max", "v_max_2", "v_quantile_0.25", "len"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "a column to group by or an aggregation"),
        ({"aggregations": [{"function": "sum"}]}, "sum needs a column"),
        ({"by": ["g"], "aggregations": [{"function": "len", "name": "g"}]}, "name of a group column"),
        ({"aggregations": [{"function": "len", "name": "n"}, {"function": "len", "name": "n"}]}, "given twice"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        GroupBy.model_validate(settings)


def test_a_function_that_does_not_fit_its_column_is_named() -> None:
    node = GroupBy.model_validate(
        {"by": ["g"], "aggregations": [{"function": "len"}, {"column": "t", "function": "sum"}]}
    )
    with pytest.raises(DataError, match="sum does not work on 't', which is String") as caught:
        node.check_columns({"main": DATA.schema})
    assert caught.value.field == "aggregations.1.function"
    assert "concat" in caught.value.hint
    with pytest.raises(ColumnMissingError) as missing:
        node.check_columns({"main": DATA.drop("t").schema})
    assert missing.value.field == "aggregations.1.column"


@settings(max_examples=80, deadline=None)
@given(
    frame=dataframes(cols=2, min_size=0, max_size=6, excluded_dtypes=[pl.Struct]),
    function=st.sampled_from(FUNCTIONS),
    grouped=st.booleans(),
)
def test_what_is_accepted_runs_and_has_the_predicted_schema(frame: pl.DataFrame, function: Any, grouped: bool) -> None:
    group, column = frame.columns
    by = [group] if grouped else []
    node = GroupBy.model_validate({"by": by, "aggregations": [{"column": column, "function": function}]})
    try:
        node.check_columns({"main": frame.schema})
    except DataError:
        return
    predicted = node.schema({"main": frame.schema})
    for engine in ("in-memory", "streaming"):
        found = node.lower(pl, main=frame.lazy()).collect(engine=engine)
        assert predicted == {"main": found.schema}
        assert grouped or found.height == 1
