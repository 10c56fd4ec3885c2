# ruff: noqa: E501
"""What can be written in a SQL expression: Polars' functions and operators as data, for completion and help.

Every example is evaluated by the tests on `SAMPLE`, so that nothing in here is untrue of the Polars that is installed.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

Group = Literal["operator", "condition", "type", "text", "number", "date", "aggregate", "window", "list"]

SAMPLE: dict[str, list[Any]] = {
    "i": [1, 2, 3],
    "x": [1.5, -2.5, None],
    "s": ["Ann Lee", "bob", None],
    "b": [True, False, None],
    "d": [dt.date(2024, 5, 17), dt.date(2024, 12, 31), None],
    "t": [dt.datetime(2024, 5, 17, 18, 30), dt.datetime(2024, 12, 31, 0, 0, 1), None],  # noqa: DTZ001
    "day": ["2024-05-17", "2024-12-31", None],
    "l": [[3, 1, 1], [2], None],
}
"""The columns that the examples use."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function, an operator or a form of SQL.

    Attributes:
        name: what completion offers.
        group: where the help lists it.
        signature: how it is written.
        description: one sentence.
        example: an expression over the columns of `SAMPLE`.
    """

    name: str
    group: Group
    signature: str
    description: str
    example: str


def _entries(group: Group, lines: str) -> list[Function]:
    found = []
    for line in lines.strip().splitlines():
        signature, description, example = (part.strip() for part in line.split(" :: "))
        name = signature.split("(")[0].strip() if group not in ("operator", "condition", "type") else signature
        found.append(Function(name, group, signature, description, example))
    return found


_OPERATORS = r"""
a + b, a - b, a * b :: Adds, subtracts or multiplies numbers; a date minus a date is a duration. :: i * 2 + 1
a / b :: Divides; two whole numbers give a fraction, as in 7 / 2 = 3.5. :: i / 2
a // b :: Divides and cuts off to a whole number. :: i // 2
1.5, 1.5e0 :: A number with a point is a Decimal, with an exponent a Float64. :: i * 1.5e0
a % b :: The remainder of a division. :: i % 2
a || b :: Joins texts; missing if one of them is. :: s || '!'
=, !=, <>, <, <=, >, >= :: Compares; missing if one side is. :: i >= 2
a IS DISTINCT FROM b :: Whether two values differ, where missing counts as a value. :: x IS DISTINCT FROM 1.5
a AND b, a OR b, NOT a :: Combines conditions. :: b AND NOT i = 2
a & b, a | b, a XOR b :: Combines the bits of whole numbers. :: i & 1
"column name" :: A column whose name has spaces, capitals or signs; texts stand in single quotes. :: "i" + 1
"""

_CONDITIONS = r"""
CASE WHEN c THEN a ELSE b END :: The first value whose condition is true; without ELSE missing if none is. :: CASE WHEN i > 2 THEN 'many' WHEN i = 2 THEN 'two' ELSE 'few' END
CASE a WHEN v THEN r ELSE d END :: The result that belongs to a value. :: CASE i WHEN 1 THEN 'one' ELSE 'more' END
IF(c, a, b) :: One value where the condition is true, else the other. :: IF(i > 1, 'yes', 'no')
a IN (v, w) :: Whether a value is one of a list; NOT IN for the opposite. :: i IN (1, 3)
a BETWEEN v AND w :: Whether a value lies between two, both included. :: i BETWEEN 2 AND 3
a IS NULL :: Whether a value is missing; IS NOT NULL for the opposite. :: x IS NULL
a IS TRUE :: Whether a condition is true; IS FALSE for the opposite, and both stay missing where it is. :: b IS TRUE
s LIKE pattern :: Whether a text fits a pattern where % is any text and _ any character; NOT LIKE for the opposite. :: s LIKE 'A%'
s ILIKE pattern :: As LIKE, but capitals do not matter. :: s ILIKE 'a%'
s ~ pattern :: Whether a regular expression is found; ~* ignores capitals, !~ is the opposite. :: s ~ '^[A-Z]'
COALESCE(a, b, ...) :: The first value that is not missing. :: COALESCE(x, 0)
IFNULL(a, b) :: The first value, or the second where the first is missing. :: IFNULL(x, 0)
NULLIF(a, b) :: The first value, but missing where it equals the second. :: NULLIF(i, 2)
GREATEST(a, b, ...) :: The largest of several values in a row. :: GREATEST(i, x)
LEAST(a, b, ...) :: The smallest of several values in a row. :: LEAST(i, x)
"""

_TYPES = r"""
CAST(a AS type) :: Converts to BIGINT, INTEGER, DOUBLE, DECIMAL(10, 2), VARCHAR, BOOLEAN; stops at what does not fit. Text becomes a date with DATE(s, format). :: CAST(x AS VARCHAR)
TRY_CAST(a AS type) :: As CAST, but what does not fit becomes missing. :: TRY_CAST(s AS BIGINT)
a::type :: A shorter CAST. :: i::double
DATE 'yyyy-mm-dd' :: A date; beside a date column a plain text is an error. :: d > DATE '2024-06-01'
TIMESTAMP 'yyyy-mm-dd hh:mm:ss' :: A date with time. :: t > TIMESTAMP '2024-06-01 12:00:00'
INTERVAL 'n unit' :: A span of time to add to dates and times. :: d + INTERVAL '1 day'
"""

_TEXT = r"""
UPPER(s) :: In capitals. :: UPPER(s)
LOWER(s) :: In small letters. :: LOWER(s)
INITCAP(s) :: Each word with a capital. :: INITCAP(s)
LENGTH(s) :: The number of characters; also CHAR_LENGTH. :: LENGTH(s)
OCTET_LENGTH(s) :: The number of bytes in UTF-8. :: OCTET_LENGTH(s)
BIT_LENGTH(s) :: The number of bits in UTF-8. :: BIT_LENGTH(s)
CONCAT(a, b, ...) :: Joins values as one text; what is missing is left out. :: CONCAT(s, '-', day)
CONCAT_WS(separator, a, b, ...) :: Joins values with a separator between them. :: CONCAT_WS(', ', s, day)
LEFT(s, n) :: The first n characters; negative: all but the last n. :: LEFT(s, 3)
RIGHT(s, n) :: The last n characters; negative: all but the first n. :: RIGHT(s, 3)
SUBSTR(s, start, length) :: A part of a text; the first character is number 1. :: SUBSTR(s, 2, 3)
TRIM(s) :: Without spaces at both ends. :: TRIM(s)
LTRIM(s) :: Without spaces at the beginning. :: LTRIM(s)
RTRIM(s) :: Without spaces at the end. :: RTRIM(s)
LPAD(s, n, fill) :: Filled up at the beginning to n characters. :: LPAD(day, 12, '0')
RPAD(s, n, fill) :: Filled up at the end to n characters. :: RPAD(day, 12, '.')
REPLACE(s, old, new) :: Each occurrence of a text replaced. :: REPLACE(s, 'n', 'm')
REVERSE(s) :: From back to front. :: REVERSE(s)
STARTS_WITH(s, text) :: Whether it begins with a text. :: STARTS_WITH(s, 'A')
ENDS_WITH(s, text) :: Whether it ends with a text. :: ENDS_WITH(s, 'e')
STRPOS(s, text) :: Where a text is first found, from 1; 0 if it is not. Also POSITION(text IN s). :: STRPOS(s, 'n')
SPLIT_PART(s, separator, n) :: The n-th piece of a text split at a separator. :: SPLIT_PART(s, ' ', 1)
STRING_TO_ARRAY(s, separator) :: The pieces of a text as a list. :: STRING_TO_ARRAY(s, ' ')
REGEXP_LIKE(s, pattern) :: Whether a regular expression is found. :: REGEXP_LIKE(s, '^[A-Z]')
REGEXP_REPLACE(s, pattern, new) :: What a regular expression matches, replaced. :: REGEXP_REPLACE(s, '[aeiou]', '_')
NORMALIZE(s) :: In Unicode's normal form, NFC unless another is named. :: NORMALIZE(s)
"""

_NUMBERS = r"""
ABS(x) :: Without its sign. :: ABS(x)
SIGN(x) :: -1, 0 or 1. :: SIGN(x)
ROUND(x, n) :: Rounded to n decimal places, none if n is left out; halves away from zero. :: ROUND(x, 1)
FLOOR(x) :: Rounded down. :: FLOOR(x)
CEIL(x) :: Rounded up. :: CEIL(x)
TRUNC(x) :: Cut off towards zero. :: TRUNC(x)
MOD(a, b) :: The remainder of a division. :: MOD(i, 2)
DIV(a, b) :: A division cut off to a whole number. :: DIV(i, 2)
POW(x, y) :: x to the power of y. :: POW(i, 2)
SQRT(x) :: The square root. :: SQRT(i)
CBRT(x) :: The cube root. :: CBRT(i)
EXP(x) :: e to the power of x. :: EXP(x)
LN(x) :: The natural logarithm. :: LN(i)
LOG(x, base) :: The logarithm to a base. :: LOG(i, 2)
LOG2(x) :: The logarithm to base 2. :: LOG2(i)
LOG10(x) :: The logarithm to base 10. :: LOG10(i)
LOG1P(x) :: The natural logarithm of 1 + x. :: LOG1P(i)
PI() :: The number pi. :: PI() * i
DEGREES(x) :: Radians as degrees. :: DEGREES(x)
RADIANS(x) :: Degrees as radians. :: RADIANS(x)
SIN(x) :: The sine of radians; SIND of degrees. :: SIN(x)
COS(x) :: The cosine of radians; COSD of degrees. :: COS(x)
TAN(x) :: The tangent of radians; TAND of degrees. :: TAN(x)
COT(x) :: The cotangent of radians; COTD of degrees. :: COT(x)
ASIN(x) :: The arc sine in radians; ASIND in degrees. :: ASIN(i / 3.0)
ACOS(x) :: The arc cosine in radians; ACOSD in degrees. :: ACOS(i / 3.0)
ATAN(x) :: The arc tangent in radians; ATAND in degrees. :: ATAN(x)
ATAN2(y, x) :: The angle of a point in radians; ATAN2D in degrees. :: ATAN2(x, i)
BIT_COUNT(i) :: How many bits are set. :: BIT_COUNT(i)
BIT_NOT(i) :: All bits the other way. :: BIT_NOT(i)
"""

_DATES = r"""
YEAR(d) :: The year; likewise QUARTER, MONTH, WEEK, DAY, HOUR, MINUTE, SECOND. :: YEAR(d)
QUARTER(d) :: The quarter, 1 to 4. :: QUARTER(d)
MONTH(d) :: The month, 1 to 12. :: MONTH(d)
WEEK(d) :: The week of ISO 8601. :: WEEK(d)
DAY(d) :: The day of the month. :: DAY(d)
DAYOFWEEK(d) :: The day of the week: 0 for Sunday to 6 for Saturday. :: DAYOFWEEK(d)
DAYOFYEAR(d) :: The day of the year. :: DAYOFYEAR(d)
HOUR(t) :: The hour. :: HOUR(t)
MINUTE(t) :: The minute. :: MINUTE(t)
SECOND(t) :: The second. :: SECOND(t)
EXTRACT(part FROM d) :: A part of a date: year, isoyear, quarter, month, week, day, dow, isodow, doy, hour, minute, second, epoch. :: EXTRACT(isoyear FROM d)
DATE_PART(part, d) :: A part of a date, as EXTRACT. :: DATE_PART('month', d)
STRFTIME(d, format) :: As text, in chrono's notation: %Y %m %d %H %M %S. :: STRFTIME(d, '%d/%m/%Y')
STRPTIME(s, format) :: A text read as a date with time. :: STRPTIME(day, '%Y-%m-%d')
DATE(s, format) :: A text read as a date; without a format, as the first text looks. :: DATE(day, '%Y-%m-%d')
TIMESTAMP(s, format) :: A text read as a date with time; without a format, as the first text looks. :: TIMESTAMP(day, '%Y-%m-%d')
CURRENT_DATE :: Today; NOW() with the time. Each run may give another result. :: d < CURRENT_DATE
"""

_AGGREGATES = r"""
SUM(x) :: The sum over all rows, on each row; missing if there is no value. :: x / SUM(x)
AVG(x) :: The mean. :: x - AVG(x)
MEDIAN(x) :: The middle value. :: MEDIAN(x)
MIN(x) :: The smallest value. :: MIN(x)
MAX(x) :: The largest value. :: MAX(x)
COUNT(x) :: How many values there are; COUNT(*) counts rows, COUNT(DISTINCT x) different values. :: COUNT(DISTINCT s)
STDDEV(x) :: The standard deviation of a sample. :: STDDEV(x)
VARIANCE(x) :: The variance of a sample. :: VARIANCE(x)
CORR(x, y) :: The correlation of two columns. :: CORR(i, x)
COVAR_SAMP(x, y) :: The covariance of a sample. :: COVAR_SAMP(i, x)
COVAR_POP(x, y) :: The covariance of a population. :: COVAR_POP(i, x)
QUANTILE_CONT(x, q) :: The value below which a part q of the values lies, interpolated. :: QUANTILE_CONT(x, 0.9)
QUANTILE_DISC(x, q) :: As QUANTILE_CONT, but always one of the values. :: QUANTILE_DISC(x, 0.9)
FIRST(x) :: The first value, missing or not. :: FIRST(x)
LAST(x) :: The last value, missing or not. :: LAST(x)
STRING_AGG(s, separator) :: All texts joined. :: STRING_AGG(s, ', ')
APPROX_QUANTILE(x, q) :: The value below which about a part q of the values lies. :: APPROX_QUANTILE(x, 0.5)
SUM(x) FILTER (WHERE c) :: An aggregate of the rows that meet a condition. :: SUM(i) FILTER (WHERE i > 1)
"""

_WINDOWS = r"""
SUM(x) OVER (PARTITION BY g) :: An aggregate of the rows that share a value; works with AVG, MIN, MAX, COUNT and the like. :: SUM(i) OVER (PARTITION BY b)
SUM(x) OVER (ORDER BY k) :: A running total. :: SUM(i) OVER (ORDER BY d)
SUM(x) OVER (ORDER BY k ROWS BETWEEN n PRECEDING AND CURRENT ROW) :: A rolling figure of the row and n before it. :: SUM(i) OVER (ORDER BY i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
ROW_NUMBER() OVER (ORDER BY k) :: The number of the row in an order. :: ROW_NUMBER() OVER (ORDER BY i DESC)
RANK() OVER (ORDER BY k) :: The rank in an order, with gaps after ties. :: RANK() OVER (ORDER BY b)
DENSE_RANK() OVER (ORDER BY k) :: The rank in an order, without gaps. :: DENSE_RANK() OVER (ORDER BY b)
PERCENT_RANK() OVER (ORDER BY k) :: The rank as a part of the rows, from 0 to 1. :: PERCENT_RANK() OVER (ORDER BY i)
CUME_DIST() OVER (ORDER BY k) :: The part of the rows that come no later. :: CUME_DIST() OVER (ORDER BY i)
NTILE(n) OVER (ORDER BY k) :: The number of one of n buckets of equal size. :: NTILE(2) OVER (ORDER BY i)
LAG(x, n) OVER (ORDER BY k) :: The value n rows before, one if n is left out. :: i - LAG(i) OVER (ORDER BY i)
LEAD(x, n) OVER (ORDER BY k) :: The value n rows behind, one if n is left out. :: LEAD(i) OVER (ORDER BY i)
FIRST_VALUE(x) OVER (ORDER BY k) :: The first value in an order. :: FIRST_VALUE(s) OVER (ORDER BY i)
LAST_VALUE(x) OVER (ORDER BY k) :: The last value in an order, up to this row. :: LAST_VALUE(s) OVER (ORDER BY i)
NTH_VALUE(x, n) OVER (ORDER BY k) :: The n-th value in an order. :: NTH_VALUE(i, 2) OVER (ORDER BY i)
"""

_LISTS = r"""
ARRAY_LENGTH(l) :: How many elements a list has. :: ARRAY_LENGTH(l)
ARRAY_GET(l, n) :: The n-th element, from 1; also l[n]. :: ARRAY_GET(l, 1)
ARRAY_CONTAINS(l, v) :: Whether a list has an element. :: ARRAY_CONTAINS(l, 1)
ARRAY_SUM(l) :: The sum of the elements. :: ARRAY_SUM(l)
ARRAY_MEAN(l) :: The mean of the elements. :: ARRAY_MEAN(l)
ARRAY_LOWER(l) :: The smallest element. :: ARRAY_LOWER(l)
ARRAY_UPPER(l) :: The largest element. :: ARRAY_UPPER(l)
ARRAY_UNIQUE(l) :: The list without doubles. :: ARRAY_UNIQUE(l)
ARRAY_REVERSE(l) :: The list from back to front. :: ARRAY_REVERSE(l)
ARRAY_TO_STRING(l, separator) :: The elements as one text. :: ARRAY_TO_STRING(l, '-')
"""


@cache
def functions() -> tuple[Function, ...]:
    """All that can be written, group by group."""
    return (
        *_entries("operator", _OPERATORS),
        *_entries("condition", _CONDITIONS),
        *_entries("type", _TYPES),
        *_entries("text", _TEXT),
        *_entries("number", _NUMBERS),
        *_entries("date", _DATES),
        *_entries("aggregate", _AGGREGATES),
        *_entries("window", _WINDOWS),
        *_entries("list", _LISTS),
    )
