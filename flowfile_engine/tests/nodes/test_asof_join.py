"""As-of joins: the nearest row, whatever the order and the nulls of the inputs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowfile_engine.errors import DataError, SettingsError
from flowfile_engine.nodes.combine.asof_join import AsofJoin

ON = {"left_on": "t", "right_on": "u"}
NUMBERS = st.one_of(st.none(), st.integers(-5, 5))
GROUPS = st.sampled_from([None, "a", "b"])


def nearest(
    rows: list[tuple[int | None, str | None, int]], t: int | None, group: str | None, strategy: str
) -> set[int]:
    """The distances that an answer may have, by looking at every row."""
    if t is None or group is None:
        return set()
    gaps = [u - t for u, other, _ in rows if u is not None and other == group]
    if strategy == "backward":
        gaps = [gap for gap in gaps if gap <= 0]
    elif strategy == "forward":
        gaps = [gap for gap in gaps if gap >= 0]
    least = min(map(abs, gaps), default=None)
    return {gap for gap in gaps if abs(gap) == least}


@settings(max_examples=60, deadline=None)
@given(
    left=st.lists(st.tuples(NUMBERS, GROUPS), max_size=8),
    right=st.lists(st.tuples(NUMBERS, GROUPS, st.integers()), max_size=8),
    strategy=st.sampled_from(["backward", "forward", "nearest"]),
)
def test_the_nearest_row_is_found_in_any_order(left: list[Any], right: list[Any], strategy: Any) -> None:
    node = AsofJoin.model_validate({**ON, "by": [{"left": "g", "right": "h"}], "strategy": strategy, "coalesce": False})
    frames = {
        "left": pl.LazyFrame(left, schema={"t": pl.Int64, "g": pl.String}, orient="row"),
        "right": pl.LazyFrame(
            [row[:2] for row in right], schema={"u": pl.Int64, "h": pl.String}, orient="row"
        ).with_row_index("row"),
    }
    for engine in ("in-memory", "streaming"):
        found = node.lower(pl, **frames).collect(engine=engine)
        assert found.height == len(left)
        assert found["t"].to_list() == found["t"].sort().to_list()
        for t, group, u in found.select("t", "g", "u").rows():
            gaps = nearest(right, t, group, strategy)
            assert (u is None and not gaps) or u - t in gaps


def test_the_right_column_comes_only_if_asked(run_ports: Any) -> None:
    inputs = {"left": pl.DataFrame({"t": [1], "u": ["x"]}), "right": pl.DataFrame({"u": [1], "v": [2]})}
    assert run_ports("asof_join", inputs, **ON).columns == ["t", "u", "v"]
    assert run_ports("asof_join", inputs, **ON, coalesce=False).columns == ["t", "u", "u_right", "v"]
    same = {"left": pl.DataFrame({"t": [1]}), "right": pl.DataFrame({"t": [0], "v": [2]})}
    assert run_ports("asof_join", same, left_on="t", right_on="t").to_dict(as_series=False) == {"t": [1], "v": [2]}


def test_tolerance_and_strictness(run_ports: Any) -> None:
    noon = datetime(2024, 1, 1, 12)  # noqa: DTZ001 - a column without a zone
    inputs = {
        "left": pl.DataFrame({"t": [noon, noon + timedelta(hours=3)]}),
        "right": pl.DataFrame({"u": [noon], "v": [7]}),
    }
    assert run_ports("asof_join", inputs, **ON, tolerance="2h")["v"].to_list() == [7, None]
    assert run_ports("asof_join", inputs, **ON, allow_exact_matches=False)["v"].to_list() == [None, 7]


@pytest.mark.parametrize(("dtype", "tolerance"), [(pl.Int64, "2h"), (pl.Datetime("us"), 2), (pl.Float64, "2")])
def test_a_tolerance_of_the_wrong_sort_is_refused(dtype: pl.DataType, tolerance: Any) -> None:
    node = AsofJoin.model_validate({**ON, "tolerance": tolerance})
    with pytest.raises(SettingsError) as caught:
        node.schema({"left": pl.Schema({"t": dtype}), "right": pl.Schema({"u": dtype})})
    assert caught.value.field == "tolerance"


@pytest.mark.parametrize(
    ("left", "right", "field"),
    [(pl.Int64, pl.Float64, "right_on"), (pl.Boolean, pl.Boolean, "left_on"), (pl.String, pl.String, "left_on")],
)
def test_columns_without_a_distance_are_refused(left: pl.DataType, right: pl.DataType, field: str) -> None:
    node = AsofJoin.model_validate({**ON, "strategy": "nearest"})
    with pytest.raises(DataError) as caught:
        node.check_columns({"left": pl.Schema({"t": left}), "right": pl.Schema({"u": right})})
    assert caught.value.field == field
