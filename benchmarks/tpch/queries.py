"""Ten TPC-H queries as a good Polars programmer would write them for the streaming engine.

Each function takes the tables and gives the query's answer as a lazy frame, with the columns in the order of the
specification and its validation parameters (clause 2.4).

Products of money are written with :func:`polars.sql_expr`. Decimals have a fixed scale in Polars' own arithmetic: the
product of two prices in cents is rounded to cents, row by row, and the sums come out wrong. SQL's arithmetic widens the
scale, so it is exact; it is also faster than a cast to a wider decimal or to floats.
"""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import polars as pl

from benchmarks.tpch.data import Tables

Query = Callable[[Tables], pl.LazyFrame]


def _revenue() -> pl.Expr:
    """What was paid for the lines in total, before tax."""
    return pl.sql_expr("l_extendedprice * (1 - l_discount)").sum().alias("revenue")


def q1(tables: Tables) -> pl.LazyFrame:
    """Pricing summary: totals of the lines shipped, by return flag and line status."""
    return (
        tables.lineitem.filter(pl.col("l_shipdate") <= date(1998, 9, 2))
        .group_by("l_returnflag", "l_linestatus")
        .agg(
            pl.sum("l_quantity").alias("sum_qty"),
            pl.sum("l_extendedprice").alias("sum_base_price"),
            pl.sql_expr("l_extendedprice * (1 - l_discount)").sum().alias("sum_disc_price"),
            pl.sql_expr("l_extendedprice * (1 - l_discount) * (1 + l_tax)").sum().alias("sum_charge"),
            pl.mean("l_quantity").alias("avg_qty"),
            pl.mean("l_extendedprice").alias("avg_price"),
            pl.mean("l_discount").alias("avg_disc"),
            pl.len().alias("count_order"),
        )
        .sort("l_returnflag", "l_linestatus")
    )


def q3(tables: Tables) -> pl.LazyFrame:
    """Shipping priority: the ten unshipped orders of highest value in one market segment."""
    day = date(1995, 3, 15)
    return (
        tables.customer.filter(pl.col("c_mktsegment") == "BUILDING")
        .join(tables.orders.filter(pl.col("o_orderdate") < day), left_on="c_custkey", right_on="o_custkey")
        .join(tables.lineitem.filter(pl.col("l_shipdate") > day), left_on="o_orderkey", right_on="l_orderkey")
        .group_by(pl.col("o_orderkey").alias("l_orderkey"), "o_orderdate", "o_shippriority")
        .agg(_revenue())
        .select("l_orderkey", "revenue", "o_orderdate", "o_shippriority")
        .sort("revenue", "o_orderdate", descending=[True, False])
        .head(10)
    )


def q5(tables: Tables) -> pl.LazyFrame:
    """Local supplier volume: revenue of one region's nations from customers and suppliers of the same nation."""
    nations = tables.nation.join(
        tables.region.filter(pl.col("r_name") == "ASIA"), left_on="n_regionkey", right_on="r_regionkey"
    )
    orders = tables.orders.filter(pl.col("o_orderdate").is_between(date(1994, 1, 1), date(1995, 1, 1), closed="left"))
    return (
        nations.join(tables.customer, left_on="n_nationkey", right_on="c_nationkey")
        .join(orders, left_on="c_custkey", right_on="o_custkey")
        .join(tables.lineitem, left_on="o_orderkey", right_on="l_orderkey")
        .join(tables.supplier, left_on=["l_suppkey", "n_nationkey"], right_on=["s_suppkey", "s_nationkey"])
        .group_by("n_name")
        .agg(_revenue())
        .sort("revenue", descending=True)
    )


def q6(tables: Tables) -> pl.LazyFrame:
    """Forecasting revenue change: what certain discounts of one year cost."""
    return tables.lineitem.filter(
        pl.col("l_shipdate").is_between(date(1994, 1, 1), date(1995, 1, 1), closed="left"),
        pl.col("l_discount").is_between(Decimal("0.05"), Decimal("0.07")),
        pl.col("l_quantity") < 24,
    ).select(pl.sql_expr("l_extendedprice * l_discount").sum().alias("revenue"))


def q9(tables: Tables) -> pl.LazyFrame:
    """Product type profit: profit on green parts, by the supplier's nation and the year of the order."""
    suppliers = tables.nation.join(tables.supplier, left_on="n_nationkey", right_on="s_nationkey")
    profit = pl.sql_expr("l_extendedprice * (1 - l_discount) - ps_supplycost * l_quantity")
    return (
        tables.part.filter(pl.col("p_name").str.contains("green", literal=True))
        .join(tables.partsupp, left_on="p_partkey", right_on="ps_partkey")
        .join(suppliers, left_on="ps_suppkey", right_on="s_suppkey")
        .join(tables.lineitem, left_on=["p_partkey", "ps_suppkey"], right_on=["l_partkey", "l_suppkey"])
        .join(tables.orders, left_on="l_orderkey", right_on="o_orderkey")
        .group_by(pl.col("n_name").alias("nation"), pl.col("o_orderdate").dt.year().alias("o_year"))
        .agg(profit.sum().alias("sum_profit"))
        .sort("nation", "o_year", descending=[False, True])
    )


def q10(tables: Tables) -> pl.LazyFrame:
    """Returned items: the twenty customers whose returns cost most in one quarter."""
    orders = tables.orders.filter(pl.col("o_orderdate").is_between(date(1993, 10, 1), date(1994, 1, 1), closed="left"))
    losses = (
        orders.join(tables.lineitem.filter(pl.col("l_returnflag") == "R"), left_on="o_orderkey", right_on="l_orderkey")
        .group_by("o_custkey")
        .agg(_revenue())
        .sort("revenue", descending=True)
        .head(20)
    )
    return (
        losses.join(tables.customer, left_on="o_custkey", right_on="c_custkey")
        .join(tables.nation, left_on="c_nationkey", right_on="n_nationkey")
        .select(
            pl.col("o_custkey").alias("c_custkey"),
            *("c_name", "revenue", "c_acctbal", "n_name", "c_address", "c_phone", "c_comment"),
        )
        .sort("revenue", descending=True)
    )


def q12(tables: Tables) -> pl.LazyFrame:
    """Shipping modes: late lines of high and of low priority, by two ship modes."""
    late = tables.lineitem.filter(
        pl.col("l_shipmode").is_in(["MAIL", "SHIP"]),
        pl.col("l_commitdate") < pl.col("l_receiptdate"),
        pl.col("l_shipdate") < pl.col("l_commitdate"),
        pl.col("l_receiptdate").is_between(date(1994, 1, 1), date(1995, 1, 1), closed="left"),
    )
    high = pl.col("o_orderpriority").is_in(["1-URGENT", "2-HIGH"])
    return (
        late.join(tables.orders, left_on="l_orderkey", right_on="o_orderkey")
        .group_by("l_shipmode")
        .agg(high.sum().alias("high_line_count"), (~high).sum().alias("low_line_count"))
        .sort("l_shipmode")
    )


def q13(tables: Tables) -> pl.LazyFrame:
    """Customer distribution: how many customers made how many orders without special requests."""
    # Counted before the join: 100,000 counts are joined instead of 1.5 million orders.
    counts = (
        tables.orders.filter(~pl.col("o_comment").str.contains("special.*requests"))
        .group_by("o_custkey")
        .agg(pl.len().alias("c_count"))
    )
    return (
        tables.customer.join(counts, left_on="c_custkey", right_on="o_custkey", how="left")
        .group_by(pl.col("c_count").fill_null(0))
        .agg(pl.len().alias("custdist"))
        .sort("custdist", "c_count", descending=True)
    )


def q18(tables: Tables) -> pl.LazyFrame:
    """Large volume customers: the hundred dearest of the orders of more than 300 pieces."""
    large = (
        tables.lineitem.group_by("l_orderkey")
        .agg(pl.sum("l_quantity").alias("sum_qty"))
        .filter(pl.col("sum_qty") > 300)
    )
    return (
        large.join(tables.orders, left_on="l_orderkey", right_on="o_orderkey")
        .join(tables.customer, left_on="o_custkey", right_on="c_custkey")
        .select(
            "c_name",
            pl.col("o_custkey").alias("c_custkey"),
            pl.col("l_orderkey").alias("o_orderkey"),
            *("o_orderdate", "o_totalprice", "sum_qty"),
        )
        .sort("o_totalprice", "o_orderdate", descending=[True, False])
        .head(100)
    )


def q21(tables: Tables) -> pl.LazyFrame:
    """Suppliers who kept orders waiting: alone in being late for an order that others delivered in time."""
    saudi = tables.supplier.join(
        tables.nation.filter(pl.col("n_name") == "SAUDI ARABIA"), left_on="s_nationkey", right_on="n_nationkey"
    )
    finished = tables.orders.filter(pl.col("o_orderstatus") == "F")
    is_late = pl.col("l_receiptdate") > pl.col("l_commitdate")
    waiting = (
        tables.lineitem.filter(is_late)
        .join(saudi, left_on="l_suppkey", right_on="s_suppkey")
        .join(finished, left_on="l_orderkey", right_on="o_orderkey", how="semi")
    )
    # Several suppliers, when the smallest and the largest key differ: cheaper than counting distinct ones.
    late_supplier = pl.when(is_late).then("l_suppkey")
    alone = (
        tables.lineitem.join(waiting, on="l_orderkey", how="semi")
        .group_by("l_orderkey")
        .agg(
            pl.min("l_suppkey").alias("first"),
            pl.max("l_suppkey").alias("last"),
            late_supplier.min().alias("first_late"),
            late_supplier.max().alias("last_late"),
        )
        .filter(pl.col("first") != pl.col("last"), pl.col("first_late") == pl.col("last_late"))
    )
    return (
        waiting.join(alone, on="l_orderkey", how="semi")
        .group_by("s_name")
        .agg(pl.len().alias("numwait"))
        .sort("numwait", "s_name", descending=[True, False])
        .head(100)
    )


QUERIES: dict[str, Query] = {query.__name__: query for query in (q1, q3, q5, q6, q9, q10, q12, q13, q18, q21)}
