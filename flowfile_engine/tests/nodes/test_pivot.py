"""Pivot and unpivot: columns from values, and values from columns."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from flowfile_engine.errors import DataError, SettingsError
from flowfile_engine.nodes.aggregate.pivot import Pivot
from flowfile_engine.nodes.aggregate.unpivot import Unpivot
from flowfile_engine.nodes.aggregation import FUNCTIONS
from flowfile_engine.testing import assert_same

DATA = pl.DataFrame({"i": [1, 1, 2, 2], "k": ["b", "a", "b", "b"], "v": [1, 2, 3, 4], "w": [1.0, None, 3.0, 4.0]})


def test_columns_found_in_the_data_are_unknown_before(run_ports: Any) -> None:
    node = Pivot(on="k", index=["i"], values=["v"])
    assert node.schema({"main": DATA.schema}) is None
    assert node.resolve(DATA.lazy()).columns == ["a", "b"]
    found = run_ports("pivot", {"main": DATA}, on="k", index=["i"], values=["v"], ordered=True)
    assert found.to_dict(as_series=False) == {"i": [1, 2], "a": [2, 0], "b": [1, 7]}


def test_named_columns_are_known_before_and_come_in_that_order(run_ports: Any) -> None:
    found = run_ports("pivot", {"main": DATA}, on="k", index=["i"], values=["v", "w"], columns=["b", "z"])
    assert found.columns == ["i", "v_b", "v_z", "w_b", "w_z"]


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([10, 9, None], ["9", "10", "null"]),
        ([date(2024, 2, 1), date(2024, 1, 31), None], ["2024-01-31", "2024-02-01", "null"]),
        ([True, False, None], ["false", "true", "null"]),
        (pl.Series(["lo", "hi", "lo"], dtype=pl.Enum(["lo", "hi"])), ["lo", "hi"]),
        (["null", None, "a"], ["a", "null"]),
    ],
)
def test_values_of_any_type_become_names(run_ports: Any, values: Any, names: list[str]) -> None:
    frame = pl.DataFrame({"k": values, "v": [1, 2, 3]})
    found = run_ports("pivot", {"main": frame}, on="k", values=["v"], ordered=True)
    assert found.columns == names
    assert sum(found.row(0)) == 6


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_fills_cells_as_group_by_does(run_ports: Any, function: str) -> None:
    frame = DATA.with_columns(v=pl.col("v") > 2) if function in ("any", "all") else DATA
    found = run_ports(
        "pivot", {"main": frame}, on="k", index=["i"], values=["v"], columns=["b"], aggregate_function=function
    )
    grouped = run_ports(
        "group_by",
        {"main": frame.filter(k="b")},
        by=["i"],
        aggregations=[{"column": "v", "function": function, "name": "b"}],
    )
    assert_same(found, grouped, ordered=False)


@pytest.mark.parametrize(
    ("settings", "frame", "field"),
    [
        ({"max_columns": 1}, DATA, "max_columns"),
        ({}, DATA.clear(), "columns"),
        ({}, DATA.with_columns(k=pl.lit("i")), "index"),
    ],
)
def test_data_that_gives_no_good_columns_is_refused(settings: dict[str, Any], frame: pl.DataFrame, field: str) -> None:
    with pytest.raises(DataError) as caught:
        Pivot(on="k", index=["i"], values=["v"], **settings).resolve(frame.lazy())
    assert caught.value.field == field
    assert caught.value.hint


def test_what_can_be_said_before_a_run_is_said() -> None:
    with pytest.raises(ValidationError, match="cannot stay as rows"):
        Pivot(on="k", index=["k"], values=["v"])
    with pytest.raises(SettingsError) as clash:
        Pivot(on="k", index=["i"], values=["v"], columns=["i"]).schema({"main": DATA.schema})
    assert clash.value.field == "columns"
    with pytest.raises(DataError, match="cannot become names") as nested:
        Pivot(on="k", values=["v"]).check_columns({"main": pl.Schema({"k": pl.List(pl.Int8), "v": pl.Int8})})
    assert nested.value.field == "on"
    with pytest.raises(DataError, match="sum does not work on 'v'"):
        Pivot(on="k", values=["v"]).check_columns({"main": pl.Schema({"k": pl.String, "v": pl.String})})


def test_unpivot_takes_columns_or_kinds(run_ports: Any) -> None:
    found = run_ports("unpivot", {"main": DATA}, index=["i"], on=["w", "v"], variable_name="n", value_name="x")
    assert found.columns == ["i", "n", "x"]
    assert found.height == 8
    numeric = run_ports("unpivot", {"main": DATA}, index=["i"], kind="numeric")
    assert set(numeric["variable"]) == {"v", "w"}
    assert run_ports("unpivot", {"main": DATA}, kind="temporal").height == 0
    assert run_ports("unpivot", {"main": DATA.clear()}, index=["i"]).height == 0


def test_unpivot_and_pivot_are_each_others_inverse(run_ports: Any) -> None:
    wide = pl.DataFrame({"i": [1, 2], "a": [3, None], "b": [5, 6]})
    long = run_ports("unpivot", {"main": wide}, index=["i"])
    back = run_ports("pivot", {"main": long}, on="variable", index=["i"], values=["value"], aggregate_function="first")
    assert_same(back, wide, ordered=False)


def test_values_without_a_common_type_are_refused_or_taken_as_text(run_ports: Any) -> None:
    frame = pl.DataFrame({"day": [date(2024, 1, 1)], "n": [5]})
    with pytest.raises(DataError, match="'day' is Date and 'n' is Int64: no type holds both") as caught:
        Unpivot().schema({"main": frame.schema})
    assert caught.value.field == "as_text"
    assert run_ports("unpivot", {"main": frame}, as_text=True)["value"].sort().to_list() == ["2024-01-01", "5"]
    with pytest.raises(DataError, match="no type holds both"):
        Unpivot().schema({"main": pl.Schema({"a": pl.List(pl.Int64), "b": pl.Int64})})
    with pytest.raises(DataError, match="cannot be written as text"):
        Unpivot(as_text=True).schema({"main": pl.Schema({"a": pl.List(pl.Int64)})})


def test_names_of_an_unpivot_that_clash_are_refused() -> None:
    with pytest.raises(ValidationError, match="another column of the result"):
        Unpivot(index=["value"])
    with pytest.raises(ValidationError, match="another column of the result"):
        Unpivot(variable_name="x", value_name="x")
    with pytest.raises(DataError, match="both stay and become rows"):
        Unpivot(index=["i"], on=["i"]).check_columns({"main": DATA.schema})
