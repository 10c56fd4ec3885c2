"""Window: figures of rows among their neighbours, against what a loop over the rows says."""

from __future__ import annotations

import random
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from flowfile_engine.errors import SettingsError
from flowfile_engine.nodes.transform.window import Window

DATA = pl.DataFrame(
    {"g": ["a", "a", "a", "b", "a"], "k": [2, 1, 2, 1, None], "v": [10, 20, None, 5, 40], "w": [4, 3, 2, 1, 0]}
)


def column(run: Any, function: str, *, order: list[Any] | None = None, partition: list[str] | None = None, **more: Any):
    settings = {"functions": [{"function": function, "name": "new", **more}], "partition_by": partition or []}
    keys = [key if isinstance(key, dict) else {"column": key, "nulls_last": True} for key in order or []]
    return run("window", DATA, **settings, order_by=keys)["new"].to_list()


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("rank", [2, 1, 2, 1, 4]),
        ("dense_rank", [2, 1, 2, 1, 3]),
        ("max_rank", [3, 1, 3, 1, 4]),
        ("average_rank", [2.5, 1.0, 2.5, 1.0, 4.0]),
        ("row_number", [2, 1, 3, 1, 4]),
    ],
)
def test_ranks_share_ties_and_rank_missing_keys(run: Any, function: str, expected: list[Any]) -> None:
    assert column(run, function, order=["k"], partition=["g"]) == expected


def test_several_keys_in_both_directions(run: Any) -> None:
    keys = [{"column": "k", "descending": True, "nulls_last": True}, {"column": "w"}]
    assert column(run, "row_number", order=keys) == [2, 4, 1, 3, 5]
    assert column(run, "rank", order=keys, partition=["g"]) == [2, 3, 1, 1, 4]
    assert column(run, "lag", column="w", order=keys) == [2, 1, None, 4, 3]


@pytest.mark.parametrize(
    ("function", "more", "expected"),
    [
        ("lag", {}, [None, 10, 20, None, None]),
        ("lag", {"default": "0"}, [0, 10, 20, 0, None]),
        ("lead", {"offset": 2}, [None, 40, None, None, None]),
        ("difference", {}, [None, 10, None, None, None]),
        ("percent_change", {}, [None, 1.0, None, None, None]),
        ("first", {}, [10, 10, 10, 5, 10]),
        ("last", {}, [40, 40, 40, 5, 40]),
        ("cumulative_sum", {}, [10, 30, 30, 5, 70]),
        ("cumulative_mean", {}, [10.0, 15.0, 15.0, 5.0, 70 / 3]),
        ("cumulative_min", {}, [10, 10, 10, 5, 10]),
        ("cumulative_max", {}, [10, 20, 20, 5, 40]),
        ("cumulative_count", {}, [1, 2, 2, 1, 3]),
        ("rolling_sum", {"size": 2}, [10, 30, 20, 5, 40]),
        ("rolling_mean", {"size": 2, "min_rows": 2}, [None, 15.0, None, None, None]),
        ("rolling_min", {"size": 2}, [10, 10, 20, 5, 40]),
        ("rolling_max", {"size": 2}, [10, 20, 20, 5, 40]),
        ("sum", {}, [70, 70, 70, 5, 70]),
        ("count", {}, [3, 3, 3, 1, 3]),
        ("n_unique", {}, [4, 4, 4, 1, 4]),
        ("median", {}, [20.0, 20.0, 20.0, 5.0, 20.0]),
        ("share", {}, [1 / 7, 2 / 7, None, 1.0, 4 / 7]),
    ],
)
def test_figures_within_groups_as_the_rows_come(
    run: Any, function: str, more: dict[str, Any], expected: list[Any]
) -> None:
    assert column(run, function, column="v", partition=["g"], **more) == pytest.approx(expected)


def test_buckets_differ_by_one_row_and_the_first_are_larger(run: Any) -> None:
    rows = pl.DataFrame({"i": random.Random(3).sample(range(10), 10)})
    settings = {"functions": [{"function": "ntile", "name": "new", "buckets": 4}], "order_by": [{"column": "i"}]}
    assert run("window", rows, **settings).sort("i")["new"].to_list() == [1, 1, 1, 2, 2, 2, 3, 3, 4, 4]


def test_no_rows(run: Any) -> None:
    functions = [{"function": name, "column": "v"} for name in ("sum", "lag", "rolling_mean", "cumulative_sum")]
    functions += [{"function": name} for name in ("rank", "row_number", "count", "ntile")]
    assert run("window", DATA.clear(), functions=functions, order_by=[{"column": "k"}, {"column": "w"}]).is_empty()


def test_many_rows_keep_their_places(run: Any) -> None:
    chance = random.Random(5)
    rows = pl.DataFrame({"g": [chance.randrange(50) for _ in range(20_000)], "k": chance.sample(range(20_000), 20_000)})
    functions = [{"function": "row_number", "name": "n"}, {"function": "rank", "name": "r"}]
    keys = [{"column": "k", "descending": True}, {"column": "g"}]
    found = run("window", rows, functions=functions, partition_by=["g"], order_by=keys)
    assert found.select("g", "k").equals(rows)
    expected = rows.select(pl.col("k").rank("ordinal", descending=True).over("g").cast(pl.Int64))
    assert found["n"].equals(expected["k"])
    assert found["r"].equals(expected["k"])


def test_names_and_types_are_checked(run: Any) -> None:
    with pytest.raises(SettingsError, match="'w' already") as caught:
        run("window", DATA, functions=[{"function": "sum", "column": "v", "name": "w"}])
    assert caught.value.field == "functions.0.name"
    with pytest.raises(SettingsError, match="is for numbers") as caught:
        run("window", DATA, functions=[{"function": "mean", "column": "g"}])
    assert caught.value.field == "functions.0.column"
    with pytest.raises(ValidationError) as refused:
        Window.model_validate({"functions": [{"function": "rank"}]})
    assert [(error["loc"], error["type"]) for error in refused.value.errors()] == [(("order_by",), "missing")]
    with pytest.raises(ValidationError) as refused:
        Window.model_validate({"functions": [{"function": "lag"}]})
    assert refused.value.errors()[0]["loc"] == ("functions", 0, "column")
