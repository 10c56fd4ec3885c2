"""SQL over the inputs: which tables there are, and what is refused."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from flowfile_engine.errors import FlowfileError
from flowfile_engine.nodes.transform.sql_query import SqlQuery

ORDERS = pl.DataFrame({"id": [1, 2], "shop": ["a", "b"]})
SHOPS = pl.DataFrame({"shop": ["a"], "town": ["x"]})


@pytest.mark.parametrize("table", ["self", "input_1", "orders"])
def test_a_single_input_has_three_names(run_ports: Any, table: str) -> None:
    found = run_ports("sql_query", {"main": {"orders": ORDERS}}, query=f"SELECT id FROM {table} WHERE shop = 'a'")
    assert found.rows() == [(1,)]


def test_inputs_are_numbered_in_edge_order(run_ports: Any) -> None:
    query = "WITH s AS (SELECT * FROM input_2) SELECT o.id, s.town FROM orders o JOIN s ON o.shop = s.shop"
    assert run_ports("sql_query", {"main": {"orders": ORDERS, "shops": SHOPS}}, query=query).rows() == [(1, "x")]


@pytest.mark.parametrize(
    "query", ["SELEC id FROM self", "SELECT nope FROM self", "SELECT * FROM nope", "SELECT 1; SELECT 2"]
)
def test_errors_are_placed_on_the_query(query: str) -> None:
    with pytest.raises((FlowfileError, ValidationError)) as caught:
        SqlQuery(query=query).schema({"main": {"orders": ORDERS.schema}})
    if isinstance(caught.value, FlowfileError):
        assert caught.value.field == "query"
        assert "self" in caught.value.hint
        assert "\n" not in caught.value.message
    else:
        assert caught.value.errors()[0]["loc"] == ("query",)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM READ_PARQUET ('x')",
        "SELECT * FROM \"read_csv\"('x')",
        "SELECT * FROM read_csv/* a */('x')",
        "SELECT * FROM read_csv -- a\n('x')",
        "SELECT '''' FROM read_csv('x')",
        "WITH a AS (SELECT * FROM scan_ipc('x')) SELECT * FROM a",
    ],
)
def test_files_are_not_read_past_the_flow(query: str) -> None:
    with pytest.raises(ValidationError, match="reads a file past the flow"):
        SqlQuery(query=query)


@pytest.mark.parametrize("query", ["DROP TABLE self", "SHOW TABLES", "EXPLAIN SELECT 1", "DELETE FROM self", "-- none"])
def test_only_questions_are_asked(query: str) -> None:
    with pytest.raises(ValidationError, match="SELECT or WITH"):
        SqlQuery(query=query)


def test_texts_and_comments_are_no_sql(run_ports: Any) -> None:
    query = "/* read_csv('x') */ (SELECT 'read_csv(''x'')' AS \"DROP TABLE\", id FROM self -- DROP\n) ORDER BY id"
    assert run_ports("sql_query", {"main": {"orders": ORDERS}}, query=query)["id"].to_list() == [1, 2]
