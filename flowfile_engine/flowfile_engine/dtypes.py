"""Polars data types as text: what flow files, forms and messages carry.

The text is the type as one writes it in Python without `pl.`: `Int64`, `Datetime("us", "UTC")`, `List(String)`,
`Struct({"a": Int64})`, `Enum(["low", "high"])`, `Decimal(10, 2)`.
"""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import Any

import polars as pl

from flowfile_engine.errors import SettingsError

SIMPLE: dict[str, pl.DataType] = {
    name: getattr(pl, name)()
    for name in (
        "Boolean", "Int8", "Int16", "Int32", "Int64", "Int128", "UInt8", "UInt16", "UInt32", "UInt64", "UInt128",
        "Float16", "Float32", "Float64", "String", "Binary", "Date", "Time", "Categorical", "Null", "Object",
    )
}  # fmt: skip
"""The types without arguments, by name."""


_WITHOUT_ARGUMENTS: dict[str, pl.DataType] = {**SIMPLE, "Datetime": pl.Datetime("us"), "Duration": pl.Duration("us")}


def dtype_text(dtype: pl.DataType | type[pl.DataType]) -> str:
    """The text of a Polars type; `parse_dtype` reads it back."""
    if isinstance(dtype, type):
        dtype = dtype()
    return _texts.get(dtype) or _text(dtype)


_texts = {dtype: name for name, dtype in SIMPLE.items() if name != "Categorical"}


def _text(dtype: pl.DataType) -> str:
    match dtype:
        case pl.Datetime():
            zone = f', "{dtype.time_zone}"' if dtype.time_zone else ""
            return f'Datetime("{dtype.time_unit}"{zone})'
        case pl.Duration():
            return f'Duration("{dtype.time_unit}")'
        case pl.Decimal():
            return f"Decimal({dtype.precision}, {dtype.scale})"
        case pl.Enum():
            return f"Enum({dtype.categories.to_list()!r})"
        case pl.List():
            return f"List({dtype_text(dtype.inner)})"  # pyright: ignore[reportArgumentType]
        case pl.Array():
            inner, shape = dtype, dtype.shape
            while isinstance(inner, pl.Array):
                inner = inner.inner
            return f"Array({dtype_text(inner)}, {shape[0] if len(shape) == 1 else shape})"  # pyright: ignore[reportArgumentType]
        case pl.Struct():
            fields = ", ".join(f"{field.name!r}: {dtype_text(field.dtype)}" for field in dtype.fields)  # pyright: ignore[reportArgumentType]
            return f"Struct({{{fields}}})"
        case _:
            return type(dtype).__name__


@lru_cache(maxsize=4096)
def parse_dtype(text: str) -> pl.DataType:
    """The Polars type that a text names.

    Raises:
        SettingsError: the text names no type.
    """
    try:
        return _parse(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, TypeError, LookupError, AttributeError, RecursionError, MemoryError) as error:
        raise SettingsError(
            f"{text!r:.80} is not a data type", hint='for example Int64, String, Date, Datetime("us"), List(String)'
        ) from error


def _parse(node: ast.expr) -> pl.DataType:
    if isinstance(node, ast.Name):
        return _WITHOUT_ARGUMENTS[node.id]
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.keywords:
        raise ValueError("a name or a call is expected")
    match node.func.id, node.args:
        case "Datetime", [unit]:
            return pl.Datetime(ast.literal_eval(unit))
        case "Datetime", [unit, zone]:
            return _zoned(ast.literal_eval(unit), ast.literal_eval(zone))
        case "Duration", [unit]:
            return pl.Duration(ast.literal_eval(unit))
        case "Decimal", [precision, scale]:
            return _decimal(ast.literal_eval(precision), ast.literal_eval(scale))
        case "Enum", [categories]:
            return pl.Enum(ast.literal_eval(categories))
        case "List", [inner]:
            return pl.List(_parse(inner))
        case "Array", [inner, shape]:
            return _array(_parse(inner), ast.literal_eval(shape))
        case "Struct", [ast.Dict(keys=keys, values=values)]:
            # `**more` has no key, which `literal_eval` refuses.
            return pl.Struct({_name(key): _parse(value) for key, value in zip(keys, values, strict=True)})
        case name, []:
            return _WITHOUT_ARGUMENTS[name]
        case _:
            raise ValueError("it takes other arguments")


def _zoned(unit: Any, zone: Any) -> pl.DataType:
    dtype = pl.Datetime(unit, zone)
    try:
        pl.Series([], dtype=dtype)  # Polars brings its own database of zones, and looks only now
    except pl.exceptions.PolarsError as error:
        raise ValueError("no such time zone") from error
    return dtype


def _decimal(precision: Any, scale: Any) -> pl.DataType:
    if type(precision) is not int or type(scale) is not int or not 0 <= scale <= precision <= 38 or not precision:
        raise ValueError("up to 38 digits, of which some stand behind the point")
    return pl.Decimal(precision, scale)


def _array(inner: pl.DataType, shape: Any) -> pl.DataType:
    sizes = shape if isinstance(shape, tuple) else (shape,)
    if not sizes or any(type(size) is not int or size < 0 for size in sizes):
        raise ValueError("sizes are whole numbers")
    return pl.Array(inner, shape)


def _name(key: ast.expr | None) -> str:
    name = ast.literal_eval(key) if key is not None else None
    if not isinstance(name, str):
        raise ValueError("a field's name is a text")
    return name


Columns = dict[str, str]
"""A schema as data: column names in order, each with the text of its type."""


def schema_text(schema: pl.Schema) -> Columns:
    """A schema as data, for messages."""
    return {name: dtype_text(dtype) for name, dtype in schema.items()}


def parse_schema(columns: Columns) -> pl.Schema:
    """The Polars schema that was written by `schema_text`."""
    return pl.Schema({name: parse_dtype(text) for name, text in columns.items()})


_PLAIN = frozenset(type(dtype) for name, dtype in SIMPLE.items() if name != "Categorical")


def same_schema(one: pl.Schema, other: pl.Schema) -> bool:
    """Whether two schemas have the same names, in order, and types.

    Polars' own comparison hashes each type; at hundreds of columns that costs more than predicting the schema did.
    """
    if len(one) != len(other) or list(one) != list(other):
        return False
    return all(
        left is right or (type(left) is type(right) and (type(left) in _PLAIN or left.is_(right)))
        for left, right in zip(one.values(), other.values(), strict=True)
    )
