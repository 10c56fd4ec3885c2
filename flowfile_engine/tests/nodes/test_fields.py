"""Kinds of settings: where a node's columns and files stand in them."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from flowfile_engine.errors import ColumnMissingError
from flowfile_engine.nodes.base import Node
from flowfile_engine.nodes.fields import with_values
from flowfile_engine.nodes.registry import builtin_registry


def node(node_type: str, **settings: Any) -> Node:
    return builtin_registry()[node_type].model_validate(settings)


def refs(made: Node) -> list[tuple[str, str | None, Any]]:
    return [(ref.path, ref.kind.input, ref.value) for ref in made.column_refs()]


def test_columns_are_found_wherever_they_stand():
    join = node("join", keys=[{"left": "a", "right": "b"}], right_columns=[{"column": "c"}])
    assert refs(join) == [
        ("keys.0.left", "left", "a"),
        ("keys.0.right", "right", "b"),
        ("right_columns.0.column", "right", "c"),
    ]
    assert refs(node("unique", columns=["x", "y"])) == [("columns.0", "main", "x"), ("columns.1", "main", "y")]
    formula = node("formula", columns=[{"name": "n", "expression": 'a + "b c" * 2 + COUNT(*)'}])
    assert [value for *_, value in refs(formula)] == ["a", "b c"]


def test_a_missing_column_is_placed_on_its_port_and_field():
    join = node("join", keys=[{"left": "a", "right": "orderid"}])
    with pytest.raises(ColumnMissingError, match="input `right` has no column 'orderid'") as caught:
        join.check_columns({"left": pl.Schema({"a": pl.Int64}), "right": pl.Schema({"order_id": pl.Int64})})
    assert caught.value.field == "keys.0.right"
    assert caught.value.hint == "did you mean 'order_id'?"


def test_files_are_found_and_replaced_in_a_copy():
    read = node("read", path="a.csv", csv_options={"separator": ";"})
    [found] = [value for value in read.field_values() if value.kind.widget == "file"]
    assert (found.path, found.value) == ("path", "a.csv")
    other = with_values(read, {"path": "/b.csv", "csv_options.separator": ","})
    assert other.model_dump()["path"] == "/b.csv"
    assert other.model_dump()["csv_options"]["separator"] == ","
    assert read.model_dump()["path"] == "a.csv"
    assert read.model_dump()["csv_options"]["separator"] == ";"


def test_forms_carry_the_widget_and_the_port():
    schema = builtin_registry()["join"].model_json_schema()
    key = schema["$defs"]["JoinKey"]["properties"]
    assert (key["left"]["x-widget"], key["left"]["x-input"]) == ("column", "left")
    assert schema["properties"]["keys"]["x-widget"] == "join_keys"
