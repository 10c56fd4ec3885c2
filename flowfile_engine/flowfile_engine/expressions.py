"""SQL expressions and regular expressions, as Polars' own parsers read them."""

from __future__ import annotations

import re
from functools import lru_cache

import polars as pl

_ROW_WISE_OPERATIONS = frozenset(
    {
        "sql_is_in", "sql_div", "sql_int_div", "sql_mul", "sql_rem", "sql_round", "sql_to_float", "sql_add",
        "sql_sub", "sql_eq", "sql_eq_missing", "sql_lt", "sql_lt_eq", "sql_gt", "sql_gt_eq", "not", "is_null",
        "is_not_null", "cast", "strict_cast", "coalesce", "abs", "sign", "floor", "ceil", "pow", "sqrt", "cbrt", "exp",
        "log", "log1p", "sin", "cos", "tan", "cot", "arcsin", "arccos", "arctan", "arctan2", "degrees", "radians",
        "str.concat_horizontal",
    }
)  # fmt: skip
"""Operations known to work row by row, for expressions that Polars cannot judge before it knows the columns' types."""

_UNREADABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException)
"""Polars' parser panics on some calls without arguments, as in `GREATEST()`."""

_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`|--[^\n]*")
_CLOCK = re.compile(r"\b(now\s*\(|current_(date|time|timestamp)\b|localtime(stamp)?\b|today\s*\()", re.IGNORECASE)


@lru_cache(maxsize=4096)
def reads_clock(sql: str) -> bool:
    """Whether a SQL expression or query asks for the present date or time, so that its result changes by itself."""
    return _CLOCK.search(_QUOTED.sub("", sql)) is not None


@lru_cache(maxsize=4096)
def root_names(expression: str) -> tuple[str, ...]:
    """The columns that a SQL expression reads; none if it does not parse (its own error says so)."""
    try:
        return tuple(dict.fromkeys(name for name in pl.sql_expr(expression).meta.root_names() if name != "*"))
    except _UNREADABLE:
        return ()


@lru_cache(maxsize=4096)
def expression_problem(expression: str) -> str:
    """What is wrong with a SQL expression; empty if Polars can read it."""
    try:
        pl.sql_expr(expression)
    except pl.exceptions.PanicException:
        return "a function in it lacks its arguments"
    except pl.exceptions.PolarsError as error:
        return str(error).splitlines()[0]
    return ""


@lru_cache(maxsize=4096)
def is_row_wise(expression: str) -> bool:
    """Whether a SQL expression gives each row its value from that row alone: no aggregate, no window."""
    try:
        return all(map(_is_row_wise, _parts(pl.sql_expr(expression))))
    except _UNREADABLE:
        return False


def _parts(expression: pl.Expr) -> list[pl.Expr]:
    # Polars judges a whole expression by its outermost operation only, so each operation is asked by itself.
    found, pending = [], [expression]
    while pending:
        part = pending.pop()
        found.append(part)
        pending += part.meta.pop()
    return found


def _is_row_wise(part: pl.Expr) -> bool:
    meta = part.meta
    if meta.is_literal():
        return True
    try:
        return meta.is_row_separable() and (meta.is_length_preserving() or not meta.root_names())
    except pl.exceptions.ColumnNotFoundError:
        return _operation(part) in _ROW_WISE_OPERATIONS


def _operation(part: pl.Expr) -> str:
    """The name of the outermost operation of an expression, by the way in which Polars shows it; empty if unclear."""
    text = str(part)
    if text.startswith(("[(", ".when(")):
        return "not"  # an operator between two operands, or a choice: row by row, as `not` is
    operands = part.meta.pop()
    subject = f"{operands[-1]}." if operands else ""
    return text.removeprefix(subject).partition("(")[0] if subject and text.startswith(subject) else ""


@lru_cache(maxsize=4096)
def regex_problem(pattern: str) -> str:
    """What is wrong with a regular expression; empty if Polars can read it."""
    try:
        pl.Series([""]).str.contains(pattern)
    except pl.exceptions.PolarsError as error:
        lines = [line.strip() for line in str(error).splitlines()]
        return next((line.removeprefix("error: ") for line in lines if line.startswith("error: ")), lines[0])
    return ""


@lru_cache(maxsize=4096)
def regex_groups(pattern: str) -> int:
    """How many groups a regular expression has; 0 if it cannot be read."""
    try:
        groups = pl.Series([""]).str.extract_groups(pattern)
    except pl.exceptions.PolarsError:
        return 0
    return len(groups.struct.fields)


@lru_cache(maxsize=65536)
def regex_replaced(text: str, pattern: str, new: str) -> str:
    """A text with all matches of a regular expression replaced; `$1` in the new text is the first group."""
    return pl.Series([text]).str.replace_all(pattern, new).item()
