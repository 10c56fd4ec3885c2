"""Plain values and Polars types as Python source."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import math
from typing import Any

import polars as pl

from flowfile_engine.errors import RecordingError
from flowfile_engine.source import Argument, Atom, Display, Source, Text, text_source


def literal(value: Any, imports: set[str]) -> Source:
    """The source of a value; what it needs imported is added to `imports`.

    Raises:
        RecordingError: the value has no source of its own.
    """
    if isinstance(value, pl.DataType) or (isinstance(value, type) and issubclass(value, pl.DataType)):
        return Atom(dtype_source(value))
    match value:
        case enum.Enum():
            return literal(value.value, imports)
        case float() if not math.isfinite(value):
            return Atom(f'float("{value}")')
        case dt.datetime() | dt.date() | dt.time() | dt.timedelta():
            imports.add("import datetime")
            return Atom(repr(value))
        case decimal.Decimal():
            imports.add("from decimal import Decimal")
            return Atom(repr(value))
        case str():
            return Text(value)
        case bool() | int() | float() | bytes() | None:
            return Atom(repr(value))
        case list():
            return Display("[", tuple(literal(item, imports) for item in value), "]")
        case tuple():
            return Display("(", tuple(literal(item, imports) for item in value), ")")
        case pl.Schema() | dict():
            items = [
                Argument(literal(item, imports), f"{literal(key, imports).flat()}: ") for key, item in value.items()
            ]
            return Display("{", tuple(items), "}")
        case _:
            kind = type(value)
            raise RecordingError(f"a {kind.__module__}.{kind.__qualname__} cannot be written as source")


def dtype_source(dtype: pl.DataType | type[pl.DataType]) -> str:
    """A Polars type as source: `pl.Int64`, `pl.List(pl.String)`."""
    if isinstance(dtype, type):
        return f"pl.{dtype.__name__}"
    match dtype:
        case pl.List():
            return f"pl.List({dtype_source(dtype.inner)})"  # pyright: ignore[reportArgumentType]
        case pl.Array():
            inner = dtype
            while isinstance(inner, pl.Array):
                inner = inner.inner
            return f"pl.Array({dtype_source(inner)}, {dtype.shape!r})"  # pyright: ignore[reportArgumentType]
        case pl.Struct():
            fields = [f"{text_source(field.name)}: {dtype_source(field.dtype)}" for field in dtype.fields]  # pyright: ignore[reportArgumentType]
            return f"pl.Struct({{{', '.join(fields)}}})"
        case pl.Enum():
            return f"pl.Enum([{', '.join(map(text_source, dtype.categories.to_list()))}])"
        case pl.Datetime():
            zone = f", {text_source(dtype.time_zone)}" if dtype.time_zone else ""
            return f"pl.Datetime({text_source(dtype.time_unit)}{zone})"
        case pl.Duration():
            return f"pl.Duration({text_source(dtype.time_unit)})"
        case pl.Decimal():
            return f"pl.Decimal({dtype.precision}, {dtype.scale})"
        case _:
            return f"pl.{type(dtype).__name__}"
