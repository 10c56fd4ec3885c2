"""Check the hand-written Polars against the SQL of the specification, run by DuckDB over the same files.

DuckDB is wanted by this check alone, so it is not among the project's dependencies: ``pip install duckdb pyarrow``.
"""

import importlib
from pathlib import Path
from typing import Any

import polars as pl
import polars.selectors as cs
from polars.testing import assert_frame_equal

from benchmarks.tpch.data import Tables, TpchError, command_line, make
from benchmarks.tpch.queries import QUERIES
from benchmarks.tpch.sql import SQL


def check(scale: float = 1, folder: Path | None = None) -> None:
    """Compare all ten answers, rows in order and numbers to nine digits.

    Raises:
        TpchError: DuckDB is missing.
        AssertionError: an answer differs.
    """
    connection = _connect()
    folder = make(scale, folder)
    for name in Tables.names():
        connection.execute(f"create view {name} as from '{folder / name}.parquet'")
    tables = Tables.scan(folder)
    for name, query in QUERIES.items():
        expected = connection.sql(SQL[name]).pl()
        assert_frame_equal(_comparable(query(tables).collect(engine="streaming")), _comparable(expected), rel_tol=1e-9)
        print(f"{name}: {expected.height} rows, the same")


def _comparable(answer: pl.DataFrame) -> pl.DataFrame:
    """Numbers as floats: the engines have different types for counts, years and sums of decimals."""
    return answer.with_columns(cs.numeric().cast(pl.Float64))


def _connect() -> Any:
    try:
        return importlib.import_module("duckdb").connect()
    except ModuleNotFoundError as error:
        raise TpchError("DuckDB is not installed. Install it with: pip install duckdb pyarrow") from error


if __name__ == "__main__":
    command_line(__doc__, check)
