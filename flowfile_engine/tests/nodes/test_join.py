"""Joins: which rows and which columns come out, and what is refused before anything runs."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from pydantic import ValidationError

from flowfile_engine.errors import ColumnMissingError, DataError, SettingsError
from flowfile_engine.nodes.combine.join import Join

LEFT = pl.DataFrame({"k": [1, 2, None], "a": ["x", "y", "z"], "v": [1.0, 2.0, 3.0]})
RIGHT = pl.DataFrame({"j": [2, 3, None], "v": [20.0, 30.0, 40.0]})
BOTH = {"left": LEFT, "right": RIGHT}
KEYS = [{"left": "k", "right": "j"}]


@pytest.mark.parametrize(
    ("how", "rows"),
    [
        ("inner", {(2, 20.0)}),
        ("left", {(1, None), (2, 20.0), (None, None)}),
        ("right", {(2, 20.0), (3, 30.0), (None, 40.0)}),
        ("full", {(1, None), (2, 20.0), (3, 30.0), (None, None), (None, 40.0)}),
    ],
)
def test_each_kind_keeps_its_rows_and_nulls_match_nothing(run_ports: Any, how: str, rows: set[Any]) -> None:
    found = run_ports("join", BOTH, keys=KEYS, how=how)
    assert set(found.select("j" if how == "right" else "k", "v_right").rows()) == rows
    assert found.height == len(rows)


def test_nulls_match_if_asked(run_ports: Any) -> None:
    assert run_ports("join", BOTH, keys=KEYS, nulls_equal=True)["v_right"].sort().to_list() == [20.0, 40.0]
    assert run_ports("join", BOTH, keys=KEYS, how="anti", nulls_equal=True)["k"].to_list() == [1]


def test_semi_and_anti_split_the_left_rows(run_ports: Any) -> None:
    kept = run_ports("join", BOTH, keys=KEYS, how="semi")
    rest = run_ports("join", BOTH, keys=KEYS, how="anti")
    assert kept.columns == rest.columns == LEFT.columns
    assert_frame_equal(pl.concat([kept, rest]).sort("v"), LEFT)


def test_chosen_columns_come_under_their_new_names(run_ports: Any) -> None:
    chosen = {"left_columns": [{"column": "v", "rename": "k"}], "right_columns": [{"column": "v", "rename": "worth"}]}
    found = run_ports("join", BOTH, keys=KEYS, how="left", maintain_order="left", **chosen, ordered=True)
    assert found.to_dict(as_series=False) == {"k": [1.0, 2.0, 3.0], "worth": [None, 20.0, None]}
    assert run_ports("join", BOTH, keys=KEYS, how="semi", **chosen).to_dict(as_series=False) == {"k": [2.0]}


@pytest.mark.parametrize("how", ["inner", "left", "right", "full"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_a_key_chosen_on_one_side_only_is_merged_and_stays(run_ports: Any, how: str, side: str) -> None:
    key, other = ("k", "j") if side == "left" else ("j", "k")
    chosen = {f"{side}_columns": [{"column": key, "rename": "id"}], f"{_other(side)}_columns": [{"column": "v"}]}
    found = run_ports("join", BOTH, keys=KEYS, how=how, nulls_equal=True, **chosen)
    whole = run_ports("join", BOTH, keys=KEYS, how=how, nulls_equal=True)
    merged = "j" if how == "right" else "k"
    assert sorted(found.columns) == ["id", "v"]
    assert other not in found.columns
    assert found["id"].sort().to_list() == whole[merged].sort().to_list()


def test_unmerged_keys_tell_which_side_had_no_match(run_ports: Any) -> None:
    found = run_ports("join", BOTH, keys=KEYS, how="full", coalesce=False).sort("k", "j", nulls_last=True)
    assert found.select("k", "j").rows() == [(1, None), (2, 2), (None, 3), (None, None), (None, None)]


def test_order_is_kept_if_asked(run_ports: Any) -> None:
    left = pl.DataFrame({"k": [3, 1, 2] * 50})
    right = pl.DataFrame({"k": [2, 1, 3], "v": ["b", "a", "c"]})
    inputs = {"left": left, "right": right}
    found = run_ports("join", inputs, keys=[{"left": "k", "right": "k"}], maintain_order="left", ordered=True)
    assert found["k"].to_list() == left["k"].to_list()


def test_keys_that_should_be_unique_are_checked(run_ports: Any) -> None:
    doubled = {"left": LEFT, "right": pl.concat([RIGHT, RIGHT])}
    assert run_ports("join", doubled, keys=KEYS, validation="1:m").height == 2
    with pytest.raises(pl.exceptions.PolarsError, match="m:1"):
        run_ports("join", doubled, keys=KEYS, validation="m:1")
    with pytest.raises(ValidationError, match="swap the inputs"):
        Join(keys=KEYS, how="right", validation="1:1")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (pl.Int64, pl.String),
        (pl.Int64, pl.Float64),
        (pl.Categorical(), pl.String),
        (pl.Enum(["a"]), pl.Enum(["b"])),
        (pl.Date, pl.Datetime("us")),
        (pl.Decimal(10, 2), pl.Decimal(10, 3)),
    ],
)
def test_keys_of_types_that_never_match_are_named(left: pl.DataType, right: pl.DataType) -> None:
    node = Join.model_validate({"keys": [{"left": "a", "right": "a"}, {"left": "k", "right": "j"}]})
    schemas = {"left": pl.Schema({"a": pl.Int64, "k": left}), "right": pl.Schema({"a": pl.Int32, "j": right})}
    with pytest.raises(DataError, match=r"'k' of the left input is .* 'j' of the right input is") as caught:
        node.check_columns(schemas)
    assert caught.value.field == "keys.1"
    assert caught.value.hint


@pytest.mark.parametrize(
    "dtype", [pl.Categorical, pl.Enum(["1"]), pl.Decimal(38, 0), pl.List(pl.Int64), pl.UInt64, pl.Int128, pl.Boolean]
)
def test_keys_of_any_type_meet(run_ports: Any, dtype: pl.DataType) -> None:
    text = dtype == pl.Categorical or dtype == pl.Enum
    frame = pl.DataFrame({"k": [[1]] if dtype == pl.List else ["1"] if text else [1]}).cast({"k": dtype})
    assert run_ports("join", {"left": frame, "right": frame}, keys=[{"left": "k", "right": "k"}]).height == 1


def test_names_that_clash_are_placed_on_the_suffix() -> None:
    node = Join.model_validate({"keys": KEYS})
    with pytest.raises(SettingsError, match="v_right") as caught:
        node.schema({"left": LEFT.with_columns(v_right=0).schema, "right": RIGHT.schema})
    assert caught.value.field == "suffix"


def test_a_vanished_column_is_found_at_its_field() -> None:
    node = Join.model_validate({"keys": KEYS, "right_columns": [{"column": "worth"}]})
    with pytest.raises(ColumnMissingError) as caught:
        node.check_columns({"left": LEFT.schema, "right": RIGHT.schema})
    assert caught.value.field == "right_columns.0.column"


def test_a_long_chain_of_joins_is_predicted_step_by_step() -> None:
    node = Join.model_validate({"keys": [{"left": "k", "right": "k"}]})
    schema = pl.Schema({"k": pl.Int64, **{f"c{i}": pl.Int64 for i in range(20)}})
    for _ in range(300):
        inputs = {"left": schema, "right": pl.Schema({"k": pl.Int64})}
        node.check_columns(inputs)
        (schema,) = (node.schema(inputs) or {}).values()
    assert len(schema) == 21


def test_cross_join_pairs_every_row(run_ports: Any) -> None:
    found = run_ports("cross_join", {"left": LEFT, "right": RIGHT}, ordered=True)
    assert found.height == 9
    assert found.columns == ["k", "a", "v", "j", "v_right"]
    assert run_ports("cross_join", {"left": LEFT.clear(), "right": RIGHT}).is_empty()


def _other(side: str) -> str:
    return "right" if side == "left" else "left"
