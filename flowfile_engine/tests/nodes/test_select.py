# ruff: noqa: DTZ001
"""Select: names, order, types, and the columns that are not listed."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from flowfile_engine.errors import SettingsError
from flowfile_engine.nodes.transform.select import Select

DATA = pl.DataFrame({"a": [1], "b": ["x"], "c": [True]})


def test_others_follow_or_go(run: Any) -> None:
    columns = [{"column": "c"}, {"column": "a", "rename": "A"}]
    assert run("select", DATA, columns=columns).columns == ["c", "A", "b"]
    assert run("select", DATA, columns=columns, others="drop").columns == ["c", "A"]
    assert run("select", DATA, columns=[{"column": "a", "keep": False}]).columns == ["b", "c"]
    assert run("select", DATA).equals(DATA)


def test_columns_may_swap_names_or_come_twice(run: Any) -> None:
    swapped = run("select", DATA, columns=[{"column": "a", "rename": "b"}, {"column": "b", "rename": "a"}])
    assert swapped.columns == ["b", "a", "c"]
    twice = run("select", DATA, columns=[{"column": "a"}, {"column": "a", "rename": "copy", "dtype": "String"}])
    assert twice.row(0) == (1, "1", "x", True)


@pytest.mark.parametrize(
    ("values", "dtype", "more", "expected"),
    [
        (["1", None], "Int64", {}, [1, None]),
        (["1.55"], "Decimal(10, 2)", {}, [Decimal("1.55")]),
        (["2024-12-31"], "Date", {}, [dt.date(2024, 12, 31)]),
        (["31.12.2024"], "Date", {"format": "%d.%m.%Y"}, [dt.date(2024, 12, 31)]),
        (["2024-12-31 18:30:00"], 'Datetime("ms")', {}, [dt.datetime(2024, 12, 31, 18, 30)]),
        (["18:30:05"], "Time", {}, [dt.time(18, 30, 5)]),
        ([" YES ", "off", None], "Boolean", {}, [True, False, None]),
        ([dt.date(2024, 12, 31)], "String", {"format": "%d/%m/%y"}, ["31/12/24"]),
        ([1.9, -1.9], "Int8", {}, [1, -1]),
        ([0, 2], "Boolean", {}, [False, True]),
        (["u"], 'Enum(["u", "v"])', {}, ["u"]),
    ],
)
def test_conversions(run: Any, values: list[Any], dtype: str, more: dict[str, str], expected: list[Any]) -> None:
    found = run("select", pl.DataFrame({"v": values}), columns=[{"column": "v", "dtype": dtype, **more}])
    assert found["v"].to_list() == expected


@pytest.mark.parametrize("dtype", ["Int8", "Date", 'Datetime("us", "UTC")', "Time", "Boolean", 'Enum(["u"])'])
def test_what_does_not_fit_stops_or_becomes_null(run: Any, dtype: str) -> None:
    data, columns = pl.DataFrame({"v": ["?", None]}), [{"column": "v", "dtype": dtype}]
    assert run("select", data, columns=columns, strict=False)["v"].to_list() == [None, None]
    with pytest.raises(pl.exceptions.PolarsError):
        run("select", data, columns=columns)


def test_clashing_names_are_refused(run: Any) -> None:
    with pytest.raises(SettingsError, match="'b' already") as caught:
        run("select", DATA, columns=[{"column": "a", "rename": "b"}])
    assert caught.value.field == "columns.0.rename"
    assert run("select", DATA, columns=[{"column": "a", "rename": "b"}], others="drop").columns == ["b"]
    with pytest.raises(ValidationError, match="no column is left"):
        Select.model_validate({"columns": [{"column": "a", "keep": False}], "others": "drop"})


def test_ten_thousand_columns_stay_one_selector(run: Any) -> None:
    wide = pl.DataFrame({f"c{i}": [i] for i in range(10_000)})
    found = run("select", wide, columns=[{"column": "c9999"}, {"column": "c5", "keep": False}])
    assert found.columns[:2] == ["c9999", "c0"]
    assert found.width == 9_999
