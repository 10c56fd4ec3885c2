"""Python code as a step: what it sees, what it gives, and where its errors point."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from flowfile_engine.errors import FlowfileError, RecordingError
from flowfile_engine.nodes.base import Node
from flowfile_engine.nodes.transform.polars_code import PolarsCode
from flowfile_engine.usercode import as_function

ONE = pl.DataFrame({"a": [1, 2, 3]})
TWO = pl.DataFrame({"a": [3, 4]})


@pytest.mark.parametrize(
    "code",
    [
        "main.filter(pl.col('a') > 2)",
        "df.filter(pl.col('a') > 2)",
        "result = inputs['one'].filter(pl.col('a') > 2)",
        "output = main.filter(pl.col('a') > 2)",
        "result = main.filter(pl.col('a') > 2)\nprint('done')",
        "result = main\nresult.filter(pl.col('a') > 2)",
        "import polars as pl\nlimit = 2\ndef keep(f):\n    return f.filter(pl.col('a') > limit)\nkeep(df)",
        "main.collect().filter(pl.col('a') > 2)",
        "name = '''a'''; main.filter(\n    pl.col(name)\n    > 2)",
        "# ä\nx = 'ä'; main.filter(pl.col('a') > 2)",
        "result = None\nfor limit in range(3):\n    result = main.filter(pl.col('a') > limit)",
    ],
)
def test_the_result_is_the_last_frame_in_a_run_and_in_an_export(run_ports: Any, code: str, capsys: Any) -> None:
    assert run_ports("polars_code", {"main": {"one": ONE, "two": TWO}}, code=code).rows() == [(3,)]


def test_texts_over_several_lines_keep_their_spaces(run_ports: Any) -> None:
    code = 'text = """one\n  two\nthree"""\nmain.select(pl.lit(text).alias("t")).head(1)'
    assert run_ports("polars_code", {"main": {"one": ONE}}, code=code).rows() == [("one\n  two\nthree",)]


def test_a_step_may_have_no_input(run_ports: Any) -> None:
    assert run_ports("polars_code", {"main": None}, code="pl.LazyFrame({'x': [1]})").rows() == [(1,)]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("x = 1\nmain.filter(", "line 2"),
        ("x = 1\nreturn main", "line 2"),
        ("x = 1", "no result"),
        ("print", "a LazyFrame is expected"),
        ("None", "a NoneType, a LazyFrame is expected"),
        ("x = 1\n\n1 / 0\nmain", "line 3: ZeroDivisionError"),
        ("def f():\n    raise KeyError('q')\nf()\nmain", "line 2: KeyError: 'q'"),
        ("raise SystemExit(3)\nmain", "line 1: SystemExit: 3"),
        ("main.select('nope')", "ColumnNotFoundError"),
        ("main.collect_schema()['nope']", "line 1: KeyError"),
    ],
)
def test_errors_point_to_the_line(code: str, message: str) -> None:
    with pytest.raises(FlowfileError, match=message) as caught:
        PolarsCode(code=code).lower(pl, {"one": ONE.lazy()})
    assert caught.value.field == "code"


def test_tracebacks_show_the_persons_lines() -> None:
    with pytest.raises(FlowfileError) as caught:
        PolarsCode(code="x = 1\nx / 0\nmain").lower(pl, {"one": ONE.lazy()})
    cause = caught.value.__cause__
    assert cause is not None
    place = cause.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    assert place is not None
    assert (place.tb_frame.f_code.co_filename, place.tb_lineno) == ("<polars code>", 2)


def test_code_that_collects_is_known_only_after_a_run() -> None:
    schemas = {"main": {"one": ONE.schema}}
    assert PolarsCode(code="main.with_columns(b=1)").schema(schemas) == {"main": {"a": pl.Int64, "b": pl.Int32}}
    assert PolarsCode(code="main.collect().pivot('a', values='a').lazy()").schema(schemas) is None


def test_core_can_tell_that_it_must_not_run_it() -> None:
    assert PolarsCode.runs_user_code
    assert not Node.runs_user_code


def test_code_that_cannot_be_a_function_is_not_exported() -> None:
    with pytest.raises(RecordingError, match="cannot stand inside a function"):
        as_function("from math import *\nmain", "f", "one")
