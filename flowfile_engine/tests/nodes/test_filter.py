# ruff: noqa: DTZ001
"""Filter: which rows stay, and what a value means beside a column."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from pydantic import ValidationError

from flowfile_engine.errors import SettingsError
from flowfile_engine.nodes.transform.filter import Filter

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
DATA = pl.DataFrame(
    {
        "n": [1, 2, None],
        "big": [2**63, 5, None],
        "x": [1.5, float("nan"), None],
        "m": [Decimal("1.50"), Decimal("2.25"), None],
        "s": ["Ann", "bob.", None],
        "b": [True, False, None],
        "d": [dt.date(2024, 5, 17), dt.date(2024, 12, 31), None],
        "t": [dt.datetime(2024, 5, 17, 18, 30), dt.datetime(2025, 1, 1), None],
        "z": [dt.datetime(2024, 7, 1, 12, tzinfo=AMSTERDAM), dt.datetime(2024, 12, 1, 12, tzinfo=AMSTERDAM), None],
        "c": [dt.time(8, 30), dt.time(23), None],
        "p": [dt.timedelta(hours=36), dt.timedelta(seconds=5), None],
        "e": ["low", "high", None],
        "l": [["u", "v"], [], None],
    },
    schema_overrides={
        "big": pl.UInt64, "m": pl.Decimal(10, 2), "e": pl.Enum(["low", "high"]),
        "z": pl.Datetime("ms", "Europe/Amsterdam"),
    },
).with_row_index("row")  # fmt: skip


@pytest.mark.parametrize(
    ("column", "operator", "value", "rows"),
    [
        ("n", "=", "1", [0]),
        ("n", "!=", 1, [1]),
        ("n", "<", "1.5", [0]),
        ("n", "<", 10**30, [0, 1]),
        ("big", "=", str(2**63), [0]),
        ("big", ">", -1, [0, 1]),
        ("x", "<=", "1.5", [0]),
        ("m", "=", "1.5", [0]),
        ("m", ">", 1.5, [1]),
        ("m", ">", "1.499", [0, 1]),
        ("s", "=", "Ann", [0]),
        ("s", "contains", ".", [1]),
        ("s", "does not contain", ".", [0]),
        ("s", "starts with", "A", [0]),
        ("s", "ends with", "b.", [1]),
        ("s", "matches", "^[A-Z]", [0]),
        ("b", "=", "yes", [0]),
        ("b", "!=", True, [1]),
        ("d", ">", "2024-05-17", [1]),
        ("t", ">=", "2024-05-17 18:30", [0, 1]),
        ("t", "=", "2025-01-01", [1]),
        ("z", "=", "2024-07-01 12:00", [0]),
        ("z", "=", "2024-12-01T11:00:00Z", [1]),
        ("c", "<", "09:30", [0]),
        ("p", ">", "1d", [0]),
        ("e", ">", "low", [1]),
        ("e", "contains", "ow", [0]),
        ("l", "contains", "u", [0]),
    ],
)
def test_a_value_is_read_as_the_columns_type(run: Any, column: str, operator: str, value: Any, rows: list[int]) -> None:
    found = run("filter", DATA, conditions=[{"column": column, "operator": operator, "value": value}])
    assert found["row"].to_list() == rows


@pytest.mark.parametrize(
    ("column", "operator", "values", "rows"),
    [
        ("n", "in", ["1", 7], [0]),
        ("n", "not in", [1], [1]),
        ("n", "between", ["0.5", 1], [0]),
        ("x", "in", [1, "1.5"], [0]),
        ("m", "in", ["1.5", 9], [0]),
        ("d", "in", ["2024-12-31"], [1]),
        ("d", "not between", ["2024-01-01", "2024-06-01"], [1]),
        ("s", "between", ["A", "B"], [0]),
        ("z", "in", ["2024-07-01 12:00", "2024-12-01T11:00:00Z"], [0, 1]),
        ("z", "between", ["2024-07-01", "2024-07-02"], [0]),
        ("e", "in", ["high"], [1]),
        ("b", "in", ["true"], [0]),
    ],
)
def test_lists_and_bounds(run: Any, column: str, operator: str, values: list[Any], rows: list[int]) -> None:
    found = run("filter", DATA, conditions=[{"column": column, "operator": operator, "values": values}])
    assert found["row"].to_list() == rows


@pytest.mark.parametrize(
    ("column", "operator", "rows"),
    [
        ("n", "is null", [2]),
        ("n", "is not null", [0, 1]),
        ("b", "is true", [0]),
        ("b", "is false", [1]),
        ("l", "is empty", [1, 2]),
        ("l", "is not empty", [0]),
        ("s", "is empty", [2]),
    ],
)
def test_states_of_a_value(run: Any, column: str, operator: str, rows: list[int]) -> None:
    assert run("filter", DATA, conditions=[{"column": column, "operator": operator}])["row"].to_list() == rows


def test_any_and_all(run: Any) -> None:
    conditions = [{"column": "n", "operator": ">", "value": 1}, {"column": "s", "operator": "is null"}]
    assert run("filter", DATA, conditions=conditions)["row"].to_list() == []
    assert run("filter", DATA, conditions=conditions, match="any")["row"].to_list() == [1, 2]


@pytest.mark.parametrize(
    ("condition", "field"),
    [
        ({"column": "d", "operator": "=", "value": "31/12/2024"}, "value"),
        ({"column": "n", "operator": "=", "value": "one"}, "value"),
        ({"column": "n", "operator": "in", "values": [1, "1.5"]}, "values.1"),
        ({"column": "e", "operator": "in", "values": ["middle"]}, "values.0"),
        ({"column": "b", "operator": "=", "value": "perhaps"}, "value"),
        ({"column": "t", "operator": "=", "value": 5}, "value"),
        ({"column": "n", "operator": "contains", "value": "1"}, "operator"),
        ({"column": "n", "operator": "is true"}, "operator"),
        ({"column": "l", "operator": "=", "value": "u"}, "value"),
        ({"column": "nn", "operator": "is null"}, "column"),
        ({"column": "n", "operator": "=", "other": "mm"}, "other"),
    ],
)
def test_what_does_not_fit_is_refused_at_its_field(run: Any, condition: dict[str, Any], field: str) -> None:
    with pytest.raises(SettingsError) as caught:
        run("filter", DATA, conditions=[{"column": "n", "operator": "is null"}, condition])
    assert caught.value.field == f"conditions.1.{field}"


@pytest.mark.parametrize(
    ("settings", "place", "kind"),
    [
        ({}, ("conditions",), "missing"),
        ({"mode": "expression"}, ("expression",), "missing"),
        ({"mode": "expression", "expression": "n >"}, ("expression",), "value_error"),
        ({"mode": "expression", "expression": "GREATEST()"}, ("expression",), "value_error"),
        ({"conditions": [{"column": "n", "operator": ">"}]}, ("conditions", 0, "value"), "missing"),
        ({"conditions": [{"column": "n", "operator": "in"}]}, ("conditions", 0, "values"), "missing"),
        (
            {"conditions": [{"column": "s", "operator": "matches", "value": "(a"}]},
            ("conditions", 0, "value"),
            "value_error",
        ),
        (
            {"conditions": [{"column": "n", "operator": "between", "values": [1, 2, 3]}]},
            ("conditions", 0, "values"),
            "value_error",
        ),
    ],
)
def test_unfinished_and_wrong_settings_name_their_field(settings: dict[str, Any], place: Any, kind: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Filter.model_validate(settings)
    (error,) = caught.value.errors()
    assert (error["loc"], error["type"]) == (place, kind)


def test_only_row_wise_expressions_are_worked_row_by_row() -> None:
    assert Filter(mode="expression", expression="n * 2 > 3").spread() == "rows"
    assert Filter(mode="expression", expression="n > AVG(n)").spread() == "whole"
