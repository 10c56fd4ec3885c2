"""The first rows of a step at full width, where only some of its columns were kept.

The kept columns say which rows they are. The other columns are computed again for these rows alone: the values of the
kept columns become filters, Polars pushes them down through the steps above, and where they reach another pruned result
that result's own join keys carry on. No node type is known here but by the kinds of its fields.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl
from polars.io.plugins import register_io_source

from flowfile_engine.errors import NodeId
from flowfile_engine.graph.step import NodeStep
from flowfile_engine.run.cache import CachedResult
from flowfile_engine.run.execution import ENGINE
from flowfile_engine.run.flow import Frames, Output, PreparedFlow
from flowfile_engine.run.leaves import Leases, in_order, scan
from flowfile_engine.run.planning import optimizations
from flowfile_engine.run.pruning import columns_read

FILTERS = 4
"""Columns that rows are looked up by, the most telling ones first."""

_ROW = "__flowfile_row__"
_TURN = "__flowfile_turn__"


class FullWidth:
    """Computes rows of full width from pruned results."""

    def __init__(self, flow: PreparedFlow, leases: Leases) -> None:
        self.flow = flow
        self.leases = leases
        self._results: dict[Output, CachedResult | None] = {}

    def first_rows(self, step: NodeStep, output: str, limit: int) -> pl.DataFrame | None:
        """The first rows of an output, as its kept columns have them; None if they could not be found again."""
        schema = self._schema(step, output)
        if schema is None:
            return None
        kept = self._kept_rows(step, output, schema, limit)
        if kept is None or not kept.width:
            return None
        if kept.height == 0:
            return pl.DataFrame(schema=schema)
        if kept.width == len(schema):
            return kept
        candidates = self._collected(step, self._frame(step, output, _rows_filter(kept)))
        return _matched(kept, candidates, schema)

    def _collected(self, step: NodeStep, frame: pl.LazyFrame) -> pl.DataFrame:
        above = [self.flow.graph.step(node_id) for node_id in self.flow.graph.upstream([step.node_id])]
        return frame.collect(engine=ENGINE, optimizations=optimizations(above))

    def _schema(self, step: NodeStep, output: str) -> pl.Schema | None:
        return step.prediction.schemas.get(output) if step.prediction is not None else None

    def _result(self, node_id: NodeId, output: str) -> CachedResult | None:
        end = (node_id, output)
        if end not in self._results:
            self._results[end] = self.leases.open(self.flow.graph.step(node_id).hash, output)
        return self._results[end]

    def _kept_rows(self, step: NodeStep, output: str, schema: pl.Schema, limit: int) -> pl.DataFrame | None:
        """The first rows with the columns that are at hand."""
        own = self._result(step.node_id, output)
        if own is not None:
            return scan(own, schema).select(in_order(own.columns, schema)).head(limit).collect()
        leaves = self._leaves(step)
        frames = Frames(self.flow, {end: scan(result, self._leaf_schema(end)) for end, result in leaves.items()})
        columns = self._computable(step, output, schema, leaves)
        if not columns:
            return None
        rows = frames.output(step.node_id, output).select(columns).head(limit)
        return rows.collect(engine=ENGINE, optimizations=frames.flags())

    def _leaf_schema(self, end: Output) -> pl.Schema | None:
        return self._schema(self.flow.graph.step(end[0]), end[1])

    def _leaves(self, step: NodeStep) -> dict[Output, CachedResult]:
        """The nearest cached results above a step."""
        found: dict[Output, CachedResult] = {}
        seen, pending = set[Output](), list(step.incoming)
        while pending:
            edge = pending.pop()
            end = (edge.source, edge.output)
            if end in seen:
                continue
            seen.add(end)
            result = self._result(*end)
            if result is None:
                pending += self.flow.graph.step(edge.source).incoming
            else:
                found[end] = result
        return found

    def _computable(
        self, step: NodeStep, output: str, schema: pl.Schema, leaves: Mapping[Output, CachedResult]
    ) -> list[str]:
        """The columns of an output that the cached results above it suffice for."""
        schemas = {end: known for end in leaves if (known := self._leaf_schema(end)) is not None}
        for node_id in self.flow.graph.upstream([step.node_id]):
            source = self.flow.graph.step(node_id)
            if not source.incoming and source.prediction is not None:
                schemas.update({(node_id, name): known for name, known in source.prediction.schemas.items()})

        def suffices(columns: list[str]) -> bool:
            read = columns_read(self.flow, schemas, {(step.node_id, output): columns})
            return all(
                result.whole or ((names := read[end]) is not None and names <= result.columns.keys())
                for end, result in leaves.items()
            )

        everything = list(schema)
        if suffices(everything):
            return everything
        likely = {name for result in leaves.values() for name in result.columns}
        at_once = [name for name in everything if name in likely]
        if at_once and suffices(at_once):
            return at_once
        return [name for name in everything if suffices([name])]

    def _frame(self, step: NodeStep, output: str, rows: pl.Expr | None) -> pl.LazyFrame:
        """An output at full width, restricted to some rows (and possibly more)."""
        given: dict[Output, pl.LazyFrame] = {}
        for (node_id, name), result in self._leaves(step).items():
            schema = self._leaf_schema((node_id, name))
            if result.whole or schema is None:
                given[node_id, name] = scan(result, schema)
            else:
                given[node_id, name] = self._pruned_leaf(self.flow.graph.step(node_id), name, result, schema)
        frames = Frames(self.flow, given)
        own = self._result(step.node_id, output)
        inputs = frames.inputs(step)
        if own is not None and rows is not None:
            inputs = self._restricted(step, inputs, own, rows)
        lowered = self.flow.lower(step, inputs)[output]
        return lowered if rows is None else lowered.filter(rows)

    def _restricted(self, step: NodeStep, inputs: dict[str, Any], own: CachedResult, rows: pl.Expr) -> dict[str, Any]:
        """A join's inputs, restricted to the keys that the rows have. Polars would do so for one side only."""
        node = step.node
        assert node is not None
        pairs = [pair for found in node.field_values() if found.kind.widget == "join_keys" for pair in found.value]
        kept = set(own.columns)
        pairs = [(pair, pair.left if pair.left in kept else pair.right) for pair in pairs]
        pairs = [(pair, name) for pair, name in pairs if name in kept]
        if not pairs or not set(rows.meta.root_names()) <= kept:
            return inputs
        keys = pl.scan_ipc(own.path, glob=False).filter(rows).select({name for _, name in pairs}).unique().collect()
        restricted = dict(inputs)
        for port, side in (("left", "left"), ("right", "right")):
            for pair, name in pairs:
                column = pair.left if side == "left" else pair.right
                restricted[port] = restricted[port].filter(_is_in(column, keys[name]))
        return restricted

    def _pruned_leaf(self, step: NodeStep, output: str, result: CachedResult, schema: pl.Schema) -> pl.LazyFrame:
        """A source that, asked for rows, reads them from a pruned result or computes them from what is above it."""

        def read(
            with_columns: list[str] | None,
            predicate: pl.Expr | None,
            n_rows: int | None,
            batch_size: int | None,
        ) -> Iterator[pl.DataFrame]:
            columns = with_columns if with_columns is not None else list(schema)
            used = set(columns) | set(predicate.meta.root_names() if predicate is not None else ())
            if used <= set(result.columns):
                frame = pl.scan_ipc(result.path, glob=False)
                frame = frame if predicate is None else frame.filter(predicate)
            else:
                frame = self._frame(step, output, predicate)
            frame = frame.select(columns)
            yield self._collected(step, frame if n_rows is None else frame.head(n_rows))

        return register_io_source(read, schema=schema)


def _is_in(column: str, values: pl.Series) -> pl.Expr:
    known = pl.col(column).is_in(values.drop_nulls().implode())
    return known | pl.col(column).is_null() if values.null_count() else known


def _comparable(schema: Mapping[str, pl.DataType]) -> list[str]:
    """Columns whose values come out the same however often they are computed: no sums of floats, nothing nested."""
    return [
        name
        for name, dtype in schema.items()
        if not dtype.is_float() and not dtype.is_nested() and not isinstance(dtype, pl.Categorical | pl.Enum)
    ]


def _rows_filter(kept: pl.DataFrame) -> pl.Expr | None:
    """A filter that these rows pass, and few others."""
    names = _comparable(kept.schema)
    if not names:
        return None
    distinct = kept.select(pl.col(names).n_unique()).row(0, named=True)
    telling = sorted(names, key=lambda name: -distinct[name])[:FILTERS]
    return pl.all_horizontal([_is_in(name, kept[name].unique()) for name in telling])


def _matched(kept: pl.DataFrame, candidates: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame | None:
    """The candidates that are the kept rows, in their order. Rows that the kept columns cannot tell apart are equal."""
    names = _comparable(kept.schema)
    floats = [name for name in kept.columns if kept.schema[name].is_float()]
    if not names:
        return None

    def numbered(frame: pl.DataFrame) -> pl.DataFrame:
        order = floats or None
        return frame.with_columns(pl.int_range(pl.len()).over(names, order_by=order).alias(_TURN))

    rest = [name for name in schema if name not in names and name not in floats]
    left = numbered(kept.with_row_index(_ROW)).select([_ROW, _TURN, *names, *floats])
    right = numbered(candidates).select([_TURN, *names, *rest]).with_columns(pl.lit(True).alias("__found__"))
    joined = left.join(right, on=[*names, _TURN], how="left", nulls_equal=True).sort(_ROW)
    if joined["__found__"].null_count():
        return None
    return joined.select(list(schema))
