"""Nodes that pick, order, number or multiply rows: sort, sample, record id, text to rows, drop missing."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from flowfile_engine.errors import SettingsError
from flowfile_engine.nodes.transform.text_to_rows import TextToRows

DATA = pl.DataFrame({"g": ["a", "b", "a", None, "a"], "v": [3, 1, None, 1, 2]}).with_row_index("row")


def test_sort_by_several_keys_keeps_ties_in_place(run: Any) -> None:
    keys = [{"column": "g", "nulls_last": True}, {"column": "v", "descending": True, "nulls_last": True}]
    assert run("sort", DATA, order_by=keys)["row"].to_list() == [0, 4, 2, 1, 3]
    assert run("sort", DATA, order_by=[{"column": "g"}])["row"].to_list() == [3, 0, 2, 4, 1]


@pytest.mark.parametrize(
    ("settings", "rows"),
    [
        ({"method": "first", "n": 2}, [0, 1]),
        ({"method": "last", "n": 2}, [3, 4]),
        ({"method": "every", "every": 2}, [0, 2, 4]),
        ({"method": "first", "n": 0}, []),
        ({"method": "random", "n": 99}, [0, 1, 2, 3, 4]),
        ({"method": "fraction", "fraction": 1}, [0, 1, 2, 3, 4]),
        ({"method": "fraction", "fraction": 0}, []),
        ({"method": "first", "n": 1, "partition_by": ["g"]}, [0, 1, 3]),
        ({"method": "last", "n": 1, "partition_by": ["g"]}, [1, 3, 4]),
        ({"method": "every", "every": 2, "offset": 1, "partition_by": ["g"]}, [2]),
        ({"method": "random", "n": 99, "partition_by": ["g"]}, [0, 1, 2, 3, 4]),
    ],
)
def test_samples(run: Any, settings: dict[str, Any], rows: list[int]) -> None:
    assert run("sample", DATA, **settings)["row"].to_list() == rows
    assert run("sample", DATA.clear(), **settings).is_empty()


def test_chance_is_repeatable_and_follows_its_seed(run: Any) -> None:
    many = pl.DataFrame({"i": range(1000), "g": [i % 7 for i in range(1000)]})
    one = run("sample", many, method="random", n=50, seed=1)["i"].to_list()
    assert one == run("sample", many, method="random", n=50, seed=1)["i"].to_list()
    assert one != run("sample", many, method="random", n=50, seed=2)["i"].to_list()
    assert len(one) == 50
    assert one == sorted(one)
    assert run("sample", many, method="fraction", fraction=0.25).height == 250
    grouped = run("sample", many, method="random", n=3, partition_by=["g"])
    assert set(grouped.group_by("g").len()["len"]) == {3}


def test_record_ids(run: Any) -> None:
    found = run("record_id", DATA, name="id", start=-1)
    assert found.columns == ["id", "row", "g", "v"]
    assert found["id"].to_list() == [-1, 0, 1, 2, 3]
    assert run("record_id", DATA, partition_by=["g"])["record_id"].to_list() == [1, 1, 2, 1, 3]
    assert run("record_id", pl.DataFrame()).schema == {"record_id": pl.Int64}
    with pytest.raises(SettingsError, match="'v' already"):
        run("record_id", DATA, name="v")


@pytest.mark.parametrize(
    ("values", "settings", "expected"),
    [
        (["a,,b", "", None], {}, ["a", "", "b", "", None]),
        (["a,,b", "", None], {"empty": "drop"}, ["a", "b"]),
        (["a.b"], {"separator": "."}, ["a", "b"]),
        (["a1b22c"], {"separator": "\\d+", "split_by": "regex"}, ["a", "b", "c"]),
        ([[1, 2], [], None, [None]], {}, [1, 2, None, None, None]),
        ([[1, 2], [], None, [None]], {"empty": "drop"}, [1, 2, None]),
        ([[[1], [2]], [[3]]], {}, [[1], [2], [3]]),
    ],
)
def test_pieces_become_rows(run: Any, values: list[Any], settings: dict[str, Any], expected: list[Any]) -> None:
    assert run("text_to_rows", pl.DataFrame({"v": values}), column="v", **settings)["v"].to_list() == expected


def test_arrays_and_a_column_of_their_own(run: Any) -> None:
    data = pl.DataFrame({"v": [[1, 2], None]}, schema={"v": pl.Array(pl.Int64, 2)})
    assert run("text_to_rows", data, column="v", name="n")["n"].to_list() == [1, 2, None]
    assert run("text_to_rows", data, column="v", empty="drop")["v"].to_list() == [1, 2]
    with pytest.raises(SettingsError, match="text or a list") as caught:
        run("text_to_rows", DATA, column="v")
    assert caught.value.field == "column"
    with pytest.raises(ValidationError, match="regular expression"):
        TextToRows(column="v", split_by="regex", separator="(")


@pytest.mark.parametrize(
    ("settings", "rows"),
    [
        ({}, [0]),
        ({"nan": "drop"}, []),
        ({"columns": ["x"]}, [0, 1, 2]),
        ({"columns": ["x"], "nan": "drop"}, [1, 2]),
        ({"how": "all"}, [0, 1, 2]),
        ({"how": "all", "columns": ["s", "l"]}, [0, 2]),
        ({"how": "all", "columns": ["x", "l"], "nan": "drop"}, [0, 1, 2]),
    ],
)
def test_rows_with_gaps_go(run: Any, settings: dict[str, Any], rows: list[int]) -> None:
    data = pl.DataFrame({"x": [float("nan"), 1.0, 2.0, None], "s": ["", None, "u", None], "l": [[1], None, None, None]})
    kept = run("drop_missing", data, **settings)
    expected = data.with_row_index().filter(pl.col("index").is_in(rows)).drop("index")
    assert kept.equals(expected, null_equal=True)
    assert run("drop_missing", pl.DataFrame(), **{**settings, "columns": []}).is_empty()
