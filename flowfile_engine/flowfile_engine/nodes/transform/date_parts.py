"""Date parts: year, month, weekday and the like."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from flowfile_engine.dtypes import dtype_text
from flowfile_engine.errors import SettingsError
from flowfile_engine.nodes.base import Example, Frame, Node, NodeInfo, PolarsNamespace, Table
from flowfile_engine.nodes.fields import Column
from flowfile_engine.nodes.lowering import check_new_names, dtype_of

if TYPE_CHECKING:
    import polars

Part = Literal[
    "year", "iso_year", "quarter", "month", "month_name", "week", "weekday", "weekday_name", "day", "day_of_year",
    "days_in_month", "hour", "minute", "second", "date", "time", "epoch",
    "start_of_year", "start_of_quarter", "start_of_month", "start_of_week", "start_of_day", "start_of_hour",
    "start_of_minute", "start_of_second", "end_of_month",
]  # fmt: skip

STARTS = {
    "start_of_year": "1y", "start_of_quarter": "1q", "start_of_month": "1mo", "start_of_week": "1w",
    "start_of_day": "1d", "start_of_hour": "1h", "start_of_minute": "1m", "start_of_second": "1s",
}  # fmt: skip
OF_THE_CLOCK = (
    "hour", "minute", "second", "time", "start_of_hour", "start_of_minute", "start_of_second",
)  # fmt: skip
OF_TIME_ALONE = ("hour", "minute", "second")


class DateParts(Node):
    """Add columns with parts of a date: the year, the name of the weekday, the first day of the month.

    Weeks follow ISO 8601: they begin on Monday (weekday 1), and week 1 is the one with the year's first Thursday. That
    week belongs to the `iso_year`, which differs from the year around New Year. Names are English. `epoch` is seconds
    since 1970 in UTC. A date with a time zone gives the parts that its own clocks show.

    A text column must become a date first, with Select.
    """

    type: Literal["date_parts"] = "date_parts"
    info = NodeInfo(
        title="Date Parts",
        group="transform",
        icon="date_parts",
        spread="rows",
        tags=("year", "month", "week", "weekday", "quarter", "hour", "truncate", "datetime", "calendar"),
    )

    column: Column = Field(title="Column", description="A date, a date with time, or a time")
    parts: Annotated[list[Part], Field(min_length=1)] = Field(title="Parts")
    prefix: str | None = Field(
        default=None, title="Prefix", description="Before the parts' names; empty: the column's name and `_`"
    )

    def lower(self, pl: PolarsNamespace, main: Frame) -> Frame:
        schema = main.collect_schema()
        dtype = dtype_of(schema, self.column, "column")
        prefix = f"{self.column}_" if self.prefix is None else self.prefix
        names = [prefix + part for part in self.parts]
        check_new_names(schema, [(name, f"parts.{index}") for index, name in enumerate(names)])
        for index, part in enumerate(self.parts):
            _check(pl, self.column, dtype, part, f"parts.{index}")
        parts = zip(self.parts, names, strict=True)
        return main.with_columns([_part(pl.col(self.column), part).alias(name) for part, name in parts])

    def summary(self) -> str:
        return f"{', '.join(self.parts)} of {self.column}"

    examples = (
        Example(
            title="Year, month and weekday",
            settings={"column": "day", "parts": ["year", "month_name", "weekday_name"], "prefix": ""},
            inputs={"main": Table({"day": [date(2024, 12, 31), None]})},
            output=Table(
                {
                    "day": [date(2024, 12, 31), None],
                    "year": [2024, None],
                    "month_name": ["December", None],
                    "weekday_name": ["Tuesday", None],
                },
                dtypes={"year": "Int32"},
            ),
            ordered=True,
        ),
        Example(
            title="The hour, and the month as a date to group by",
            settings={"column": "at", "parts": ["hour", "start_of_month"]},
            inputs={"main": Table({"at": [datetime(2024, 5, 17, 18, 30)]})},  # noqa: DTZ001
            output=Table(
                {
                    "at": [datetime(2024, 5, 17, 18, 30)],  # noqa: DTZ001
                    "at_hour": [18],
                    "at_start_of_month": [datetime(2024, 5, 1)],  # noqa: DTZ001
                },
                dtypes={"at_hour": "Int8"},
            ),
            ordered=True,
        ),
    )


def _check(pl: PolarsNamespace, column: str, dtype: polars.DataType, part: str, field: str) -> None:
    if isinstance(dtype, pl.Datetime):
        return
    if isinstance(dtype, pl.Date):
        if part in OF_THE_CLOCK:
            raise SettingsError(f"the column {column!r} is Date: it has no time of day", field=field)
    elif isinstance(dtype, pl.Time):
        if part not in OF_TIME_ALONE:
            raise SettingsError(f"the column {column!r} is Time: it belongs to no day", field=field)
    else:
        message = f"the column {column!r} is {dtype_text(dtype)}, a date is expected"
        raise SettingsError(message, hint="turn it into Date or Datetime with Select", field="column")


def _part(column: polars.Expr, part: str) -> polars.Expr:
    moment = column.dt
    if part in STARTS:
        return moment.truncate(STARTS[part])
    match part:
        case "month_name":
            return moment.strftime("%B")
        case "weekday_name":
            return moment.strftime("%A")
        case "day_of_year":
            return moment.ordinal_day()
        case "end_of_month":
            return moment.month_end()
        case "epoch":
            return moment.epoch("s")
        case "date":
            return moment.date()
        case "time":
            return moment.time()
        case _:
            return _number(column, part)


def _number(column: polars.Expr, part: str) -> polars.Expr:
    moment = column.dt
    match part:
        case "year":
            return moment.year()
        case "iso_year":
            return moment.iso_year()
        case "quarter":
            return moment.quarter()
        case "month":
            return moment.month()
        case "week":
            return moment.week()
        case "weekday":
            return moment.weekday()
        case "day":
            return moment.day()
        case "days_in_month":
            return moment.days_in_month()
        case "hour":
            return moment.hour()
        case "minute":
            return moment.minute()
        case _:
            return moment.second()
