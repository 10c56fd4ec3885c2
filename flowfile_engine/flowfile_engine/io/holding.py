"""Which types and values a file format can hold. What it cannot is refused by name, before anything is written."""

from __future__ import annotations

from typing import Any

import polars as pl

from flowfile_engine.dtypes import dtype_text
from flowfile_engine.errors import DataError
from flowfile_engine.io.formats import TITLES

Kinds = tuple[type[pl.DataType], ...]

_NESTED: Kinds = (pl.List, pl.Array, pl.Struct)
_REFUSED: dict[str, Kinds] = {
    "csv": (pl.Binary, pl.Duration, pl.Object, *_NESTED),
    "parquet": (pl.Object,),
    "ipc": (pl.Object,),
    "ndjson": (pl.Binary, pl.Object),
    "json": (pl.Binary, pl.Object),
    "avro": (
        pl.Int8, pl.Int16, pl.Int128, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64, pl.UInt128, pl.Float16, pl.Duration,
        pl.Time, pl.Categorical, pl.Enum, pl.Null, pl.Array, pl.Object,
    ),
    "excel": (pl.Binary, pl.Object, pl.Int128, pl.UInt128, *_NESTED),
}  # fmt: skip
_FLAT = frozenset({"csv", "excel"})

EXCEL_ROWS = 1_048_576
EXCEL_COLUMNS = 16_384
EXCEL_TEXT = 32_767
EXCEL_INTEGER = 2**53


def check_schema(schema: pl.Schema, format: str) -> None:
    """Refuse columns whose type a format cannot hold.

    Raises:
        DataError: naming the column and its type.
    """
    title = TITLES[format]
    if not schema and format in _FLAT:
        raise DataError(f"the table has no columns, which {title} cannot hold")
    for name, dtype in schema.items():
        bad = _refused(dtype, format)
        if bad is not None:
            inside = "" if bad == dtype else f" (inside {dtype_text(dtype)})"
            raise DataError(
                f"{title} cannot hold the column {name!r} of type {dtype_text(bad)}{inside}",
                hint="convert or drop it first, or write Parquet",
            )
    if format == "excel" and len(schema) > EXCEL_COLUMNS:
        raise DataError(f"Excel holds {EXCEL_COLUMNS:,} columns, the table has {len(schema):,}")


def _refused(dtype: Any, format: str) -> pl.DataType | None:
    """The type in a type that a format cannot hold."""
    if isinstance(dtype, type):
        dtype = dtype()
    if isinstance(dtype, _REFUSED[format]):
        return dtype
    match dtype:
        case pl.Datetime(time_zone=str()) if format in {"avro", "excel"}:
            return dtype
        case pl.Datetime(time_unit="ns") if format == "avro":
            return dtype
        case pl.Struct(fields=[]) if format in {"parquet", "avro"}:
            return dtype
        case pl.List() | pl.Array():
            return _refused(dtype.inner, format)
        case pl.Struct():
            found = [_refused(field.dtype, format) for field in dtype.fields]
            return next((bad for bad in found if bad is not None), None)
        case _:
            return None


def check_excel(frame: pl.DataFrame) -> None:
    """Refuse values that Excel would cut or round without a word.

    Raises:
        DataError: too many rows, a long text, or a whole number of more than 15 digits.
    """
    if frame.height >= EXCEL_ROWS:
        raise DataError(f"a sheet holds {EXCEL_ROWS:,} rows with the header, the table has {frame.height:,}")
    for name, dtype in frame.schema.items():
        column = frame[name]
        if dtype.is_integer():
            least, most = column.min(), column.max()
            if any(isinstance(value, int) and abs(value) > EXCEL_INTEGER for value in (least, most)):
                raise DataError(
                    f"Excel rounds whole numbers beyond 2^53, and the column {name!r} has some",
                    hint="convert the column to text first",
                )
        elif isinstance(dtype, pl.String | pl.Categorical | pl.Enum):
            longest = column.cast(pl.String).str.len_chars().max()
            if isinstance(longest, int) and longest > EXCEL_TEXT:
                raise DataError(f"Excel cuts texts at {EXCEL_TEXT:,} characters, the column {name!r} has a longer one")


def check_same_columns(existing: pl.Schema, new: pl.Schema, *, types: bool = True) -> list[str]:
    """The columns of what is appended to, in their order, which the new rows must have too.

    Args:
        existing: of the file.
        new: of the rows to append.
        types: whether the types must be the same (formats that keep them).

    Raises:
        DataError: naming the columns that differ.
    """
    lacking = [name for name in existing if name not in new]
    further = [name for name in new if name not in existing]
    other = [
        f"{name!r} is {dtype_text(new[name])} instead of {dtype_text(existing[name])}"
        for name in existing
        if types and name in new and new[name] != existing[name]
    ]
    differences = []
    if lacking:
        differences.append(f"the new rows lack {', '.join(map(repr, lacking))}")
    if further:
        differences.append(f"the file has no {', '.join(map(repr, further))}")
    differences += other
    if differences:
        raise DataError(
            f"the rows do not fit the file that they are appended to: {'; '.join(differences)}",
            hint="select and convert the columns first, or overwrite the file",
        )
    return list(existing)


def check_partition_keys(schema: pl.Schema, keys: list[str]) -> None:
    """Refuse columns that a folder's name cannot hold.

    Raises:
        DataError: a key of a nested type, or no column left beside the keys.
    """
    for name in keys:
        dtype = schema.get(name)
        if isinstance(dtype, (*_NESTED, pl.Binary, pl.Object, pl.Duration)):
            raise DataError(
                f"a table cannot be divided by the column {name!r} of type {dtype_text(dtype)}",
                hint="convert it first",
                field="partition_by",
            )
    if len(set(keys)) == len(schema):
        raise DataError("a table cannot be divided by all its columns: none is left", field="partition_by")
