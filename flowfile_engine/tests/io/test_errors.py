"""What Polars raises, as a person reads it. Each case provokes the exception: new wordings of Polars are found here."""

import polars as pl
import pytest

from flowfile_engine.errors import (
    ColumnMissingError,
    DataError,
    DiskFullError,
    OutOfMemoryError,
    SettingsError,
)
from flowfile_engine.io.errors import explain

FRAME = pl.LazyFrame({"a": [1, 2, 3], "k": ["x", "y", "é"], "g": [1, 1, None], "l": [[1], [2], []]})
COMPUTING = {
    "missing column": (lambda: FRAME.select("kk"), ColumnMissingError, "no column 'kk'"),
    "missing column to drop": (lambda: FRAME.drop("kk"), ColumnMissingError, "'kk'"),
    "doubled column": (lambda: FRAME.select("a", pl.col("k").alias("a")), DataError, "same name 'a'"),
    "doubled side by side": (lambda: pl.concat([FRAME, FRAME], how="horizontal"), DataError, "same name 'a'"),
    "doubled index": (lambda: FRAME.with_row_index("a"), DataError, "same name 'a'"),
    "join validation": (lambda: FRAME.join(FRAME, on="g", validate="1:1"), DataError, "the join is not 1:1"),
    "join types": (lambda: FRAME.join(FRAME, left_on="a", right_on="k"), DataError, "'a' is Int64, 'k' is String"),
    "cast": (
        lambda: FRAME.with_columns(pl.col("k").cast(pl.Int64)),
        DataError,
        "column 'k' cannot be made Int64.*\"x\"",
    ),
    "enum": (lambda: FRAME.with_columns(pl.col("k").cast(pl.Enum(["x"]))), DataError, "column 'k' cannot be made Enum"),
    "date": (lambda: FRAME.select(pl.col("k").str.to_date()), DataError, "does not look like dates"),
    "union": (lambda: pl.concat([FRAME, FRAME.drop("a")]), DataError, "different columns or types"),
    "unnest": (lambda: FRAME.unnest("a"), DataError, "'a' is Int64, but Struct"),
    "operation": (lambda: FRAME.select(pl.col("k").dt.year()), DataError, "`year` cannot be done with String"),
    "arithmetic": (lambda: FRAME.select(pl.col("k").str.to_uppercase() * 2), DataError, "cannot calculate with String"),
    "filter": (lambda: FRAME.filter(pl.col("a")), DataError, "true or false, this one gives Int64"),
    "one value": (lambda: FRAME.select(pl.col("a").item()), DataError, "one value is expected, there are 3"),
    "position": (lambda: FRAME.select(pl.col("a").gather([10])), DataError, "outside the rows"),
    "lengths": (lambda: FRAME.select(pl.col("a").head(2), pl.col("k")), DataError, "different lengths"),
    "struct field": (lambda: FRAME.select(pl.struct("a").struct.field("b")), DataError, "no field 'b'"),
    "pattern": (lambda: FRAME.select(pl.col("k").str.contains("[")), SettingsError, "no regular expression"),
    "sql": (lambda: pl.SQLContext(t=FRAME).execute("selec * from t"), SettingsError, "the SQL cannot be read"),
    "sql table": (lambda: pl.SQLContext(t=FRAME).execute("select * from u"), SettingsError, "a table 'u'"),
    "sql function": (lambda: FRAME.select(pl.sql_expr("foo(a)")), SettingsError, "no SQL function 'foo'"),
    "expression": (lambda: FRAME.select(pl.sql_expr("a +")), SettingsError, "the expression cannot be read"),
}


@pytest.mark.parametrize("case", COMPUTING)
def test_errors_of_computations(case):
    make, kind, message = COMPUTING[case]
    with pytest.raises((pl.exceptions.PolarsError, ValueError)) as caught:
        make().collect(engine="streaming")
    error = explain(caught.value)
    assert type(error) is kind
    with pytest.raises(kind, match=f"(?s){message}"):
        raise error
    assert "Resolved plan" not in str(error)


def test_a_missing_column_has_the_nearest_name_as_its_hint():
    with pytest.raises(pl.exceptions.ColumnNotFoundError) as caught:
        pl.LazyFrame({"amount": [1]}).select("amuont").collect()
    assert explain(caught.value).hint == "did you mean 'amount'?"


@pytest.mark.parametrize("write", ["sink_csv", "sink_parquet", "sink_ipc", "sink_ndjson"])
def test_a_full_disk(write):
    with pytest.raises((OSError, pl.exceptions.PolarsError)) as caught:
        getattr(FRAME.select("a"), write)("/dev/full")
    assert isinstance(explain(caught.value), DiskFullError)


def test_other_errors_keep_their_first_sentence():
    assert isinstance(explain(MemoryError()), OutOfMemoryError)
    assert "odd thing" in explain(ValueError("odd thing\n\nThis error occurred in ...")).message
    known = DataError("as it was")
    assert explain(known) is known
