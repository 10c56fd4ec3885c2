"""What the planner decides from the graph alone."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from flowfile_engine.errors import NodeId
from flowfile_engine.graph.graph import EtlGraph
from flowfile_engine.graph.step import NodeStep
from flowfile_engine.nodes.base import Node

LONG_CHAIN = 60
"""Row-by-row steps in one plan beyond which predicates are not pushed down.

Pushing a filter through columns that are rewritten in turn substitutes expressions, which is cubic in the number of
turns: 100 pairs of filter and rewrite take 0.3 s to optimize, 300 pairs 15 s.
"""


def materialized_steps(graph: EtlGraph, needed: set[NodeId], targets: set[NodeId]) -> set[NodeId]:
    """The steps that Development mode keeps results of: targets, `cache_results`, and all that are not row by row."""
    chosen = set[NodeId]()
    for node_id in needed:
        step = graph.step(node_id)
        if step.node is None or not step.node_type.info.outputs:
            continue
        if node_id in targets or step.cache_results or step.node.spread() != "rows":
            chosen.add(node_id)
    return chosen


def is_opaque(step: NodeStep) -> bool:
    """Whether what a step reads cannot be learnt from rows that are not there: a person's code, values in the data."""
    return step.node_type.runs_user_code or step.node_type.resolve is not Node.resolve


def optimizations(steps: Sequence[NodeStep]) -> pl.QueryOptFlags:
    """Polars' optimizer flags for a plan of these steps."""
    row_by_row = sum(1 for step in steps if step.node is not None and step.node.spread() == "rows")
    return pl.QueryOptFlags(predicate_pushdown=False) if row_by_row > LONG_CHAIN else pl.QueryOptFlags()
