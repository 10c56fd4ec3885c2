"""What Polars' types can do together: match as keys, stand in one column, be aggregated."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from functools import lru_cache
from typing import Literal

import polars as pl

from flowfile_engine.errors import DataError, SettingsError
from flowfile_engine.frames import empty_frame

Kind = Literal["number", "boolean", "text", "category", "temporal", "duration", "binary", "nested", "null", "object"]

_KINDS: dict[type[pl.DataType], Kind] = {
    pl.Boolean: "boolean",
    pl.String: "text",
    pl.Categorical: "category",
    pl.Enum: "category",
    pl.Date: "temporal",
    pl.Datetime: "temporal",
    pl.Time: "temporal",
    pl.Duration: "duration",
    pl.Binary: "binary",
    pl.Null: "null",
}


def kind_of(dtype: pl.DataType) -> Kind:
    """What sort of values a type holds, as far as aggregations and casts care."""
    if dtype.is_numeric():
        return "number"
    return "nested" if dtype.is_nested() else _KINDS.get(type(dtype), "object")


@lru_cache(maxsize=4096)
def joinable(left: pl.DataType, right: pl.DataType) -> bool:
    """Whether Polars joins a key of one type with a key of the other."""
    if left == right:
        return True
    frames = (empty_frame(pl.Schema({"key": dtype})) for dtype in (left, right))
    try:
        next(frames).join(next(frames), on="key").collect_schema()
    except pl.exceptions.SchemaError:
        return False
    return True


def common_dtype(dtypes: Iterable[pl.DataType]) -> pl.DataType | None:
    """The type that can hold values of all the types, as Polars coerces them; None if there is none.

    Polars would also turn dates into the numbers that stand for them, which nobody means, and names a text type for
    durations that it cannot then write as text. Both are refused here.
    """
    distinct = list(dict.fromkeys(dtypes))
    kinds = {kind_of(dtype) for dtype in distinct} - {"null"}
    if len(kinds) > 1 and ("duration" in kinds or ("temporal" in kinds and "text" not in kinds)):
        return None
    frames = [empty_frame(pl.Schema({"value": dtype})) for dtype in distinct]
    try:
        return pl.concat(frames, how="vertical_relaxed").collect_schema()["value"] if frames else pl.Null()
    except pl.exceptions.PolarsError:
        return None


def first_sentence(error: BaseException) -> str:
    """What a Polars error says, without the plan that it prints."""
    return str(error).split("\n", 1)[0].strip()


@contextmanager
def duplicates_at(field: str, hint: str) -> Generator[None]:
    """Turn Polars' error about two columns of one name into one placed on the setting that decides the name."""
    try:
        yield
    except pl.exceptions.DuplicateError as error:
        raise SettingsError(first_sentence(error), hint=hint, field=field) from error


@contextmanager
def polars_errors_at(field: str, hint: str = "") -> Generator[None]:
    """Turn any error of Polars into one placed on a setting: for text that Polars itself parses."""
    try:
        yield
    except pl.exceptions.SQLSyntaxError as error:
        raise SettingsError(first_sentence(error), hint=hint, field=field) from error
    except pl.exceptions.PolarsError as error:
        raise DataError(first_sentence(error), hint=hint, field=field) from error
