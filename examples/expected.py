"""The answers that the example flows must give, written by hand in Polars.

Each function takes the folder that :mod:`examples.data` prepared and gives a lazy frame; rows are in the flow's order.
"""

from collections.abc import Callable
from pathlib import Path

import polars as pl

from examples.data import DEFAULT_FOLDER

CARRIERS = ["9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL", "HA", "MQ", "OO", "UA", "US", "VX", "WN", "YV"]


def late_flights(folder: Path = DEFAULT_FOLDER) -> pl.LazyFrame:
    """Departures more than half an hour late, by airline and airport, and how many of them left in bad weather.

    Weather that was not measured does not count as bad.
    """
    is_bad = (pl.col("visib") < 3) | (pl.col("wind_speed") > 25) | (pl.col("precip") > 0)
    return (
        _scan("flights", folder)
        .filter(pl.col("dep_delay") > 30)
        .join(_scan("weather", folder), on=["origin", "time_hour"], how="left")
        .join(_scan("airlines", folder), on="carrier")
        .join(_scan("airports", folder).select("faa", airport="name"), left_on="origin", right_on="faa")
        .group_by(airline="name", airport="airport")
        .agg(
            pl.len().alias("late_flights"),
            pl.mean("dep_delay").alias("mean_delay"),
            pl.max("dep_delay").alias("longest_delay"),
            is_bad.sum().alias("in_bad_weather"),
        )
        .with_columns((pl.col("in_bad_weather") / pl.col("late_flights")).alias("bad_weather_share"))
        .sort("late_flights", "airline", "airport", descending=[True, False, False])
    )


def delay_by_month(folder: Path = DEFAULT_FOLDER) -> pl.LazyFrame:
    """The mean delay at arrival, in minutes: a row a month, a column a carrier; null where a carrier did not fly."""
    return (
        _scan("flights", folder)
        .filter(pl.col("arr_delay").is_not_null())
        .pivot("carrier", on_columns=CARRIERS, index="month", values="arr_delay", aggregate_function="mean")
        .sort("month")
    )


def top_routes(folder: Path = DEFAULT_FOLDER) -> pl.LazyFrame:
    """The five busiest destinations of each New York airport, and their share of its flights."""
    return (
        _scan("flights", folder)
        .group_by("origin", "dest")
        .agg(
            pl.len().alias("flights"),
            pl.n_unique("carrier").alias("carriers"),
            pl.mean("air_time").alias("mean_air_time"),
            pl.max("distance").alias("distance"),
        )
        .with_columns(
            pl.sum("flights").over("origin").alias("origin_flights"),
            pl.col("flights").rank("min", descending=True).over("origin").alias("rank"),
        )
        .filter(pl.col("rank") <= 5)
        .join(_scan("airports", folder).select("faa", destination="name"), left_on="dest", right_on="faa", how="left")
        .select(
            *("origin", "rank", "dest", "destination", "flights"),
            (pl.col("flights") / pl.col("origin_flights")).alias("share"),
            *("carriers", "mean_air_time", "distance"),
        )
        .sort("origin", "rank")
    )


def quality_profile(folder: Path = DEFAULT_FOLDER) -> pl.LazyFrame:
    """How many flights fail each check of their data, and which share of all flights that is."""
    flights = _scan("flights", folder)
    departure = ["year", "month", "day", "carrier", "flight", "origin"]
    failing = {
        "cancelled": flights.filter(pl.col("dep_time").is_null()),
        "destination unknown": flights.join(_scan("airports", folder), left_on="dest", right_on="faa", how="anti"),
        "listed twice": flights.group_by(departure).agg(pl.len().alias("times")).filter(pl.col("times") > 1),
        "no tail number": flights.filter(pl.col("tailnum").is_null()),
        "plane unknown": flights.filter(pl.col("tailnum").is_not_null()).join(
            _scan("planes", folder), on="tailnum", how="anti"
        ),
        "weather unknown": flights.join(_scan("weather", folder), on=["origin", "time_hour"], how="anti"),
    }
    counts = [rows.select(pl.lit(check).alias("check"), pl.len().alias("flights")) for check, rows in failing.items()]
    return (
        pl.concat(counts)
        .join(flights.select(pl.len().alias("all_flights")), how="cross")
        .select("check", "flights", (pl.col("flights") / pl.col("all_flights")).alias("share"))
        .sort("flights", "check", descending=[True, False])
    )


EXPECTED: dict[str, Callable[[Path], pl.LazyFrame]] = {
    "late_flights": late_flights,
    "delay_by_month": delay_by_month,
    "top_routes": top_routes,
    "quality_profile": quality_profile,
}


def _scan(table: str, folder: Path) -> pl.LazyFrame:
    return pl.scan_parquet(folder / f"{table}.parquet")
