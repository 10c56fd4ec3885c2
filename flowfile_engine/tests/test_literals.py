"""Values and types as source: what is written evaluates to the same."""

from __future__ import annotations

import datetime as dt
import enum
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing.parametric import dtypes

from flowfile_engine.dtypes import dtype_text, parse_dtype, parse_schema, schema_text
from flowfile_engine.errors import RecordingError, SettingsError
from flowfile_engine.literals import dtype_source, literal
from flowfile_engine.source import layout, text_source

PLAIN = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.dates()
    | st.times()
    | st.datetimes()
    | st.timedeltas()
    | st.decimals(allow_nan=False)
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=4) | st.tuples(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner)
    ),
    max_leaves=10,
)
TYPES = dtypes(excluded_dtypes=[pl.Object, pl.Unknown, pl.Categorical, pl.Extension], allow_time_zones=True)


def evaluated(source: str, imports: set[str]) -> Any:
    scope: dict[str, Any] = {"pl": pl}
    exec("\n".join(imports), scope)
    return eval(source, scope)


@given(value=VALUES, indent=st.sampled_from([0, 60, 95]))
def test_a_value_is_written_as_itself(value: Any, indent: int):
    imports: set[str] = set()
    source = literal(value, imports)
    flat, broken = evaluated(source.flat(), imports), evaluated(layout(source, indent), imports)
    assert (flat, broken) == (value, value)
    assert repr(flat) == repr(value)


@given(text=st.text(alphabet=st.characters() | st.sampled_from("'\"\\{}$\n")))
def test_a_text_is_written_on_one_line(text: str):
    source = text_source(text)
    assert "\n" not in source
    assert eval(source) == text
    assert source.startswith('"') or '"' in text


def test_floats_that_python_cannot_spell():
    assert evaluated(literal(float("-inf"), set()).flat(), set()) == float("-inf")
    value = evaluated(literal(float("nan"), set()).flat(), set())
    assert value != value
    assert evaluated(literal(-0.0, set()).flat(), set()).hex() == "-0x0.0p+0"


def test_aware_datetimes_and_enums():
    imports: set[str] = set()
    moment = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    assert evaluated(literal(moment, imports).flat(), imports) == moment
    assert literal(enum.Enum("Colour", {"RED": "red"}).RED, set()).flat() == '"red"'
    assert evaluated(literal(Decimal("1.50"), imports).flat(), imports) == Decimal("1.50")


@pytest.mark.parametrize("value", [{1, 2}, object(), pl.Series([1]), pl.DataFrame(), len, iter([1])])
def test_what_has_no_source_is_refused(value: Any):
    with pytest.raises(RecordingError, match="cannot be written as source"):
        literal(value, set())


@given(dtype=TYPES)
def test_a_type_is_written_as_source_and_as_text(dtype: pl.DataType):
    assert eval(dtype_source(dtype), {"pl": pl}) == dtype
    assert parse_dtype(dtype_text(dtype)) == dtype


@given(schema=st.dictionaries(st.text(), TYPES, max_size=5).map(pl.Schema))
def test_a_schema_crosses_as_text(schema: pl.Schema):
    again = parse_schema(schema_text(schema))
    assert again == schema
    assert list(again) == list(schema)


@pytest.mark.parametrize(
    ("text", "dtype"),
    [
        ("Int64", pl.Int64()),
        (" String ", pl.String()),
        ("Datetime", pl.Datetime("us")),
        ("Datetime('ms')", pl.Datetime("ms")),
        ('Datetime("us", "Europe/Amsterdam")', pl.Datetime("us", "Europe/Amsterdam")),
        ("List(List(Int8))", pl.List(pl.List(pl.Int8))),
        ("Array(Int8, 3)", pl.Array(pl.Int8, 3)),
        ("Array(Int8, (2, 3))", pl.Array(pl.Int8, (2, 3))),
        ("Categorical", pl.Categorical()),
        ("Struct({'a b': Int8, \"c\": List(Date)})", pl.Struct({"a b": pl.Int8, "c": pl.List(pl.Date)})),
        ("Struct({})", pl.Struct({})),
        ("Enum([])", pl.Enum([])),
    ],
)
def test_types_as_people_write_them(text: str, dtype: pl.DataType):
    assert parse_dtype(text) == dtype


@pytest.mark.parametrize(
    "text",
    ["", "Int65", "int", "List", "List()", "List(1)", "Array(Int8)", "Struct", "Struct(1)", "Struct({**x})", "Enum",
     "Enum()", "Enum([1])", "Enum(['a', 'a'])", "Datetime('s')", "Datetime('us', 'Nowhere/City')", "Decimal(0, 5)",
     "Decimal('x')", "Decimal(99, 2)", "Int64(1)", "__import__('os')", "List(Int8, Int8)", "Array(Int8, -1)",
     "pl.Int64", "Unknown", "Int64; 1", "(" * 5000, "List(" * 300 + "Int8" + ")" * 300, "\x00",
     "Datetime(time_unit='us')"],
)  # fmt: skip
def test_what_is_no_type_is_refused(text: str):
    with pytest.raises(SettingsError, match="is not a data type"):
        parse_dtype(text)
