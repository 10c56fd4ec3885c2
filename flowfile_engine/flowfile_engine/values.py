"""Values that a person typed, read as the type of the column that they meet."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from flowfile_engine.dtypes import dtype_text
from flowfile_engine.errors import SettingsError

TRUE_TEXTS = ("true", "yes", "on", "1")
FALSE_TEXTS = ("false", "no", "off", "0")

_DURATION = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?(?:(\d+)us)?")
_HINTS = {
    "Date": "as in 2024-12-31",
    "Datetime": "as in 2024-12-31 or 2024-12-31 18:30:00",
    "Time": "as in 18:30 or 18:30:15",
    "Duration": "as in 1d12h or 90s",
    "Boolean": "true or false",
    "Decimal": "as in 12.50",
}


def typed_value(value: Any, dtype: pl.DataType, field: str | None = None, *, exact: bool = False) -> Any:
    """The Python value that a setting means beside a column of a type.

    Texts are read as dates, times, durations, booleans and numbers where the column holds these.

    Args:
        value: None, a boolean, a number or a text.
        dtype: the column's type.
        field: the setting, for the error.
        exact: the column itself must be able to hold the value. Else a whole-number column also meets 1.5.

    Raises:
        SettingsError: the value does not fit the type.
    """
    if value is None:
        return None
    try:
        found = _read(value, dtype)
        if exact and isinstance(found, int | float | Decimal | str):
            _check_fits(found, dtype)
    except (ValueError, ArithmeticError, InvalidOperation) as error:
        raise _misfit(value, dtype, field) from error
    return found


def fits(value: Any, dtype: pl.DataType) -> bool:
    """Whether a column of a type can hold a value that a person typed."""
    try:
        typed_value(value, dtype, exact=True)
    except SettingsError:
        return False
    return True


def in_utc(moment: dt.datetime, dtype: pl.DataType) -> tuple[dt.datetime, pl.DataType, str] | None:
    """For a column with a time zone: the moment on UTC's clocks, the type in UTC, and the column's zone."""
    if not isinstance(dtype, pl.Datetime) or dtype.time_zone is None:
        return None
    return moment.astimezone(dt.UTC).replace(tzinfo=None), pl.Datetime(dtype.time_unit, "UTC"), dtype.time_zone


def element_type(dtype: pl.DataType) -> pl.DataType | None:
    """The type of a list's elements; None for what is no list."""
    return pl.List(dtype.inner).inner if isinstance(dtype, pl.List) else None  # pyright: ignore[reportReturnType]


def _misfit(value: Any, dtype: pl.DataType, field: str | None) -> SettingsError:
    name = type(dtype).__name__
    hint = _HINTS.get(name, "")
    if isinstance(dtype, pl.Enum):
        hint = f"its values are {', '.join(dtype.categories.head(8).to_list())}"
    elif dtype.is_nested() or name in ("Binary", "Object"):
        hint = "such columns cannot be compared with a typed value"
    shown = name if name in _HINTS or name == "Enum" else dtype_text(dtype)
    return SettingsError(f"{value!r} does not fit a column of type {shown}", hint=hint, field=field)


def _read(value: Any, dtype: pl.DataType) -> Any:
    """The value as Python's nearest type; ValueError if it has none."""
    if isinstance(dtype, pl.Boolean):
        return _boolean(value)
    if isinstance(dtype, pl.String | pl.Categorical | pl.Enum):
        return str(value).lower() if isinstance(value, bool) else str(value)
    if isinstance(value, bool):
        raise ValueError(value)
    if dtype.is_numeric():
        return _number(value, dtype)
    if not isinstance(value, str):
        raise ValueError(value)
    text = value.strip()
    match dtype:
        case pl.Date():
            return dt.date.fromisoformat(text)
        case pl.Time():
            return dt.time.fromisoformat(text)
        case pl.Datetime():
            return _moment(text, dtype.time_zone)
        case pl.Duration():
            return _duration(text)
        case _:
            raise ValueError(value)


def _boolean(value: Any) -> bool:
    text = str(value).strip().lower()
    if text in TRUE_TEXTS:
        return True
    if text in FALSE_TEXTS:
        return False
    raise ValueError(value)


def _number(value: Any, dtype: pl.DataType) -> int | float | Decimal:
    if isinstance(dtype, pl.Decimal):
        number = Decimal(str(value).strip())
        if not number.is_finite():
            raise ValueError(value)
        return number
    if dtype.is_float():
        return float(value)
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            value = float(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _moment(text: str, zone: str | None) -> dt.datetime:
    moment = dt.datetime.fromisoformat(text)
    if zone is None:
        if moment.tzinfo is not None:
            raise ValueError(text)
        return moment
    # A time without an offset is the time on the clocks of the column's zone.
    return moment.replace(tzinfo=ZoneInfo(zone)) if moment.tzinfo is None else moment.astimezone(ZoneInfo(zone))


def _duration(text: str) -> dt.timedelta:
    sign = -1 if text.startswith("-") else 1
    match = _DURATION.fullmatch(text.lstrip("-").replace(" ", ""))
    if match is None or not any(match.groups()):
        raise ValueError(text)
    names = ("weeks", "days", "hours", "minutes", "seconds", "milliseconds", "microseconds")
    return sign * dt.timedelta(**{name: int(part or 0) for name, part in zip(names, match.groups(), strict=True)})


@lru_cache(maxsize=4096)
def _check_fits(value: int | float | Decimal | str, dtype: pl.DataType) -> None:
    if isinstance(value, float) and dtype.is_integer():
        raise ValueError(value)
    try:
        held = pl.Series([value]).cast(dtype)
    except (pl.exceptions.PolarsError, OverflowError, TypeError) as error:
        raise ValueError(value) from error
    if isinstance(value, Decimal) and held.item() != value:
        raise ValueError(value)
