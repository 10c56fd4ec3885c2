"""Flows that are made for measuring: chains, a trivial one, one over more data than memory, one with two outputs."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flowfile_engine.graph.document import Edge, FlowDocument, FlowSettings, Parameter, StepDocument

TOP = "top"
"""The first step below a chain's source: the one that is changed."""


def step(node_id: str, node_type: str, settings: Mapping[str, Any]) -> StepDocument:
    """A step without title or description."""
    return StepDocument(id=node_id, type=node_type, settings=dict(settings))


def chain_of(name: str, steps: list[StepDocument], parameters: Mapping[str, Parameter] | None = None) -> FlowDocument:
    """Steps, each reading the one before it."""
    edges = [Edge(source=above.id, target=below.id) for above, below in itertools.pairwise(steps)]
    return FlowDocument(
        flow_settings=FlowSettings(name=name), parameters=dict(parameters or {}), steps=steps, edges=edges
    )


def trivial() -> FlowDocument:
    """Three rows and a formula, whose result depends on the parameter `n`."""
    table = {"columns": [{"name": "a", "dtype": "Int64"}], "rows": [[1], [2], [3]]}
    formula = {"columns": [{"name": "b", "expression": "a + ${n}"}]}
    parameters = {"n": Parameter(type="integer", default=0)}
    return chain_of("Trivial", [step("table", "manual_input", table), step("answer", "formula", formula)], parameters)


def chain(source: Path, columns: list[str], length: int) -> FlowDocument:
    """A chain of `length` steps of the everyday kinds over a Parquet file of whole numbers."""
    steps = [step("source", "read", {"path": str(source)}), step(TOP, "select", top_settings(columns[0]))]
    steps += [_link(index, columns) for index in range(length - len(steps))]
    return chain_of(f"Chain of {length}", steps)


def top_settings(column: str, rename: str | None = None) -> dict[str, Any]:
    """The settings of a chain's first step: a further column under another name changes every schema below."""
    listed = [{"column": column}] + ([{"column": column, "rename": rename}] if rename else [])
    return {"columns": listed, "others": "keep_end"}


def _link(index: int, columns: list[str]) -> StepDocument:
    column = columns[index % len(columns)]
    match index % 4:
        case 0:
            settings = {"columns": [{"name": column, "expression": f"{column} + 1"}]}
            return step(f"step_{index}", "formula", settings)
        case 1:
            settings = {"conditions": [{"column": column, "operator": ">", "value": -1}]}
            return step(f"step_{index}", "filter", settings)
        case 2:
            return step(f"step_{index}", "sort", {"order_by": [{"column": column}]})
        case _:
            return step(f"step_{index}", "select", {"columns": [{"column": column}]})


def two_outputs(tables: Path) -> FlowDocument:
    """A join of two large tables, read by two aggregations."""
    steps = [
        step("orders", "read", {"path": str(tables / "orders.parquet")}),
        step("lineitem", "read", {"path": str(tables / "lineitem.parquet")}),
        step("late", "filter", {"mode": "expression", "expression": "l_receiptdate > l_commitdate"}),
        step("lines", "join", {"keys": [{"left": "l_orderkey", "right": "o_orderkey"}]}),
        step("by_priority", "group_by", _sums("o_orderpriority")),
        step("by_mode", "group_by", _sums("l_shipmode")),
    ]
    edges = [
        Edge(source="lineitem", target="late"),
        Edge(source="late", target="lines", input="left"),
        Edge(source="orders", target="lines", input="right"),
        Edge(source="lines", target="by_priority"),
        Edge(source="lines", target="by_mode"),
    ]
    return FlowDocument(flow_settings=FlowSettings(name="Two outputs"), steps=steps, edges=edges)


def _sums(by: str) -> dict[str, Any]:
    aggregations = [{"column": "l_quantity", "function": "sum"}, {"column": "l_extendedprice", "function": "mean"}]
    return {"by": [by], "aggregations": aggregations}


def larger_than_memory(folder: Path) -> FlowDocument:
    """Group a folder of files by a key, join a small table to it, write the result."""
    aggregations = [{"column": f"value_{index}", "function": "sum"} for index in range(4)]
    steps = [
        step("events", "read", {"path": str(folder / "events" / "*.parquet")}),
        step("shops", "read", {"path": str(folder / "shops.parquet")}),
        step("totals", "group_by", {"by": ["shop"], "aggregations": aggregations}),
        step("named", "join", {"keys": [{"left": "shop", "right": "shop"}]}),
        step("report", "write", {"path": str(folder / "report.parquet")}),
    ]
    edges = [
        Edge(source="events", target="totals"),
        Edge(source="totals", target="named", input="left"),
        Edge(source="shops", target="named", input="right"),
        Edge(source="named", target="report"),
    ]
    return FlowDocument(flow_settings=FlowSettings(name="Larger than memory"), steps=steps, edges=edges)
