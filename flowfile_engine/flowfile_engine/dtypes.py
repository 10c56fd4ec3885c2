"""Polars data types as text: what flow files, forms and messages carry.

The text is the type as one writes it in Python without `pl.`: `Int64`, `Datetime("us", "UTC")`, `List(String)`,
`Struct({"a": Int64})`, `Enum(["low", "high"])`, `Decimal(10, 2)`.
"""

from __future__ import annotations

import ast
from functools import lru_cache

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
    except (SyntaxError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise SettingsError(
            f"{text!r} is not a data type", hint='for example Int64, String, Date, Datetime("us"), List(String)'
        ) from error


def _parse(node: ast.expr) -> pl.DataType:
    if isinstance(node, ast.Name):
        return (
            SIMPLE[node.id]
            if node.id in SIMPLE
            else {"Datetime": pl.Datetime("us"), "Duration": pl.Duration("us")}[node.id]
        )
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        raise ValueError("a name or a call is expected")
    arguments = node.args
    match node.func.id:
        case "Datetime":
            return pl.Datetime(*map(ast.literal_eval, arguments))
        case "Duration":
            return pl.Duration(*map(ast.literal_eval, arguments))
        case "Decimal":
            return pl.Decimal(*map(ast.literal_eval, arguments))
        case "Enum":
            return pl.Enum(ast.literal_eval(arguments[0]))
        case "List":
            return pl.List(_parse(arguments[0]))
        case "Array":
            return pl.Array(_parse(arguments[0]), ast.literal_eval(arguments[1]))
        case "Struct" if isinstance(arguments[0], ast.Dict):
            pairs = zip(arguments[0].keys, arguments[0].values, strict=True)
            return pl.Struct({ast.literal_eval(key): _parse(value) for key, value in pairs if key is not None})
        case name if not arguments:
            return SIMPLE[name]
    raise ValueError(f"{node.func.id} takes no arguments")


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
