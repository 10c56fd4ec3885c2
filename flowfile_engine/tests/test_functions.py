"""The catalogue of SQL functions is true of the Polars that is installed."""

from __future__ import annotations

import polars as pl
import pytest

from flowfile_engine.expressions import expression_problem, is_row_wise
from flowfile_engine.functions import SAMPLE, Function, functions


@pytest.mark.parametrize("function", functions(), ids=lambda function: function.signature)
def test_every_example_evaluates(function: Function) -> None:
    frame = pl.LazyFrame(SAMPLE).with_columns(pl.sql_expr(function.example).alias("result"))
    predicted = frame.collect_schema()["result"]
    found = frame.collect()["result"]
    assert found.dtype == predicted
    assert found.count() > 0 or "TRY_CAST" in function.example or function.name == "LAST"
    assert function.description.endswith(".")
    if function.group in ("aggregate", "window"):
        assert not is_row_wise(function.example)


def test_each_entry_stands_once() -> None:
    signatures = [function.signature for function in functions()]
    assert len(set(signatures)) == len(signatures)


@pytest.mark.parametrize(
    "expression",
    ["SUM(i * 2)", "(i * 2) + SUM(i)", "i - LAG(i * 2) OVER (ORDER BY i)", "IFNULL(x, SUM(x * 2))", "i * COUNT(*)"],
)
def test_figures_of_many_rows_are_found_inside_other_operations(expression: str) -> None:
    assert not is_row_wise(expression)


@pytest.mark.parametrize(
    "expression", ["i * 2 / 3 > 1", "s IN ('a')", "ROUND(i / 2.0, 1)", "CASE WHEN i = 1 THEN s END", "POW(i, 2) % 3"]
)
def test_plain_operations_are_row_wise(expression: str) -> None:
    assert is_row_wise(expression)


@pytest.mark.parametrize("expression", ["i +", "nothing(i)", "SELECT i", "GREATEST()", "i, x", ""])
def test_what_cannot_be_read_is_explained(expression: str) -> None:
    assert expression_problem(expression)
