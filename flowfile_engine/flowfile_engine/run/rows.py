"""Rows of any step: pages and counts, from whatever is quickest."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import polars as pl

from flowfile_engine import usercode
from flowfile_engine.dtypes import dtype_text
from flowfile_engine.errors import (
    ColumnMissingError,
    DataError,
    FlowfileError,
    NodeId,
    ReportedError,
    SettingsError,
)
from flowfile_engine.frames import POLARS_ERRORS
from flowfile_engine.graph.step import NodeStep
from flowfile_engine.io.errors import explain
from flowfile_engine.run.cache import CachedResult, ResultCache
from flowfile_engine.run.development import DevelopmentRun
from flowfile_engine.run.execution import ENGINE
from flowfile_engine.run.flow import Frames, Output, PreparedFlow
from flowfile_engine.run.information import RunInformation
from flowfile_engine.run.leaves import Leases, is_readable, scan
from flowfile_engine.run.widening import FullWidth
from flowfile_engine.tasks import ColumnInfo, Count, Event, ProgressEvent, Rows, RowsTask

SAFE_INTEGER = 2**53
"""Whole numbers beyond this lose digits in a browser, so they travel as text."""

LONG_TEXT = 10_000
"""Characters of a cell that travel; longer ones are cut, with a mark."""


class RowReader:
    """Reads rows of one flow's steps. Use as a context manager: it holds leases on what it reads."""

    def __init__(self, flow: PreparedFlow, cache: ResultCache, emit: Callable[[Event], None]) -> None:
        self.flow = flow
        self.cache = cache
        self._emit = emit
        self.leases = Leases(cache)

    def __enter__(self) -> RowReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.leases.close()

    def rows(self, task: RowsTask) -> Rows:
        """The page that a task asks for."""
        step, output = self._output(task.node_id, task.output)
        ordered = bool(task.sort or task.filter or task.search)
        whole = self._whole(step, output)
        with self._errors_explained(step):
            if whole is None and not ordered and task.offset == 0:
                frame = self._first_rows(step, output, task.limit)
                if frame is not None:
                    total = self._known_total(step, output, frame.height, task.limit)
                    return page(frame, 0, total, "computed")
            if whole is None:
                whole = self._materialize(step, output)
            return self._page(whole, task)

    def count(self, node_id: NodeId, output: str | None) -> Count:
        """The number of rows of an output."""
        step, name = self._output(node_id, output)
        cached = self.leases.open(step.hash, name)
        if cached is not None:
            return Count(rows=cached.rows)
        frames = Frames(self.flow, self._cached_leaves(step))
        with self._errors_explained(step):
            rows = frames.output(step.node_id, name).select(pl.len())
            return Count(rows=rows.collect(engine=ENGINE, optimizations=frames.flags()).item())

    @contextmanager
    def _errors_explained(self, step: NodeStep) -> Generator[None]:
        """Explain what computing rows of a step raises, and place it there unless it is known to come from above."""
        try:
            with usercode.errors_explained():
                yield
        except POLARS_ERRORS as error:
            damaged = [result for result in self.leases.results if not is_readable(result)]
            for result in damaged:
                result.path.unlink(missing_ok=True)
            if damaged:
                message, hint = "a cached result is damaged, and was removed", "look again, or run the flow again"
                raise DataError(message, hint=hint, node_id=step.node_id) from error
            raise explain(error, step.node).at(step.node_id) from error
        except DataError as error:
            if error.node_id is None:
                self._place(error, step)
            raise

    def _place(self, error: DataError, step: NodeStep) -> None:
        """Place an error of a person's code on the step that has it, as far as that is clear."""
        above = [self.flow.graph.step(node_id) for node_id in self.flow.graph.upstream([step.node_id])]
        coded = [other for other in above if other.node_type.runs_user_code]
        if len(coded) == 1:
            error.at(coded[0].node_id)
        else:
            error.field = None
            error.at(step.node_id)

    def _output(self, node_id: NodeId, output: str | None) -> tuple[NodeStep, str]:
        step = self.flow.graph.step(node_id)
        problems = self.flow.problems(self.flow.graph.upstream([node_id]))
        if problems:
            first = problems[0]
            raise SettingsError(first.message, hint=first.hint, node_id=first.node_id, field=first.field)
        outputs = step.node_type.info.outputs
        if not outputs:  # a node that only writes is looked at through what it writes
            edge = step.incoming[0]
            return self.flow.graph.step(edge.source), edge.output
        if output is not None and output not in outputs:
            raise SettingsError(
                f"it has no output {output!r}", hint=f"it has {', '.join(outputs)}", node_id=step.node_id
            )
        return step, output or outputs[0]

    def _whole(self, step: NodeStep, output: str) -> CachedResult | None:
        cached = self.leases.open(step.hash, output)
        return cached if cached is not None and cached.whole else None

    def _cached_leaves(self, step: NodeStep) -> dict[Output, pl.LazyFrame]:
        """Scans of the nearest cached results above a step."""
        return {output: scan(result, schema) for output, (result, schema) in self._leaves(step).items()}

    def _leaves(self, step: NodeStep) -> dict[Output, tuple[CachedResult, pl.Schema | None]]:
        found: dict[Output, tuple[CachedResult, pl.Schema | None]] = {}
        seen, pending = set[Output](), list(step.incoming)
        while pending:
            edge = pending.pop()
            end = (edge.source, edge.output)
            if end in seen:
                continue
            seen.add(end)
            source = self.flow.graph.step(edge.source)
            result = self.leases.open(source.hash, edge.output) if source.incoming or source.node else None
            if result is None:
                pending += source.incoming
            else:
                schema = source.prediction.schemas.get(edge.output) if source.prediction is not None else None
                found[end] = (result, schema)
        return found

    def _first_rows(self, step: NodeStep, output: str, limit: int) -> pl.DataFrame | None:
        """The first rows of a step that is not cached whole; None where only its whole result can tell."""
        pruned = self.leases.open(step.hash, output)
        leaves = self._leaves(step)
        if pruned is None and all(result.whole for result, _ in leaves.values()):
            frames = Frames(self.flow, {end: scan(result, schema) for end, (result, schema) in leaves.items()})
            rows = frames.output(step.node_id, output).head(limit)
            return rows.collect(engine=ENGINE, optimizations=frames.flags())
        return FullWidth(self.flow, self.leases).first_rows(step, output, limit)

    def _known_total(self, step: NodeStep, output: str, height: int, limit: int) -> int | None:
        cached = self.leases.open(step.hash, output)
        if cached is not None:
            return cached.rows
        return height if height < limit else None

    def _materialize(self, step: NodeStep, output: str) -> CachedResult:
        """Keep an output with all its columns."""
        self._emit(ProgressEvent(message="Computing all rows"))
        information = RunInformation(run_id="rows", flow_uuid=self.flow.graph.uuid)
        run = DevelopmentRun(self.flow, self.cache, information, self._emit_progress)
        run.run([step.node_id], whole=frozenset({step.node_id}))
        run.end()
        if information.problem is not None:
            raise ReportedError(information.problem)
        result = self._whole(step, output)
        if result is None:
            raise FlowfileError("the result was evicted at once", hint="give the cache more room", node_id=step.node_id)
        return result

    def _emit_progress(self, event: Event) -> None:
        if event.kind in ("partial_file", "log"):
            self._emit(event)

    def _page(self, result: CachedResult, task: RowsTask) -> Rows:
        frame = scan(result, None)
        total = result.rows
        if task.filter or task.search:
            frame = _filtered(frame, task)
            total = frame.select(pl.len()).collect(engine=ENGINE).item()
        if task.sort:
            schema = frame.collect_schema()
            for key in task.sort:
                if key.column not in schema:
                    raise ColumnMissingError.for_column(key.column, schema, "main", "sort")
            frame = frame.sort(
                [key.column for key in task.sort],
                descending=[key.descending for key in task.sort],
                nulls_last=True,
                maintain_order=True,
            )
        return page(frame.slice(task.offset, task.limit).collect(), task.offset, total, "cached")


def _filtered(frame: pl.LazyFrame, task: RowsTask) -> pl.LazyFrame:
    if task.filter:
        frame = frame.filter(pl.sql_expr(task.filter))
    if task.search:
        schema = frame.collect_schema()
        needle = task.search.lower()
        found = [
            _as_text(name, dtype).str.to_lowercase().str.contains(needle, literal=True)
            for name, dtype in schema.items()
            if not dtype.is_nested() and not isinstance(dtype, pl.Binary | pl.Object)
        ]
        frame = frame.filter(pl.any_horizontal(found) if found else pl.lit(False))
    return frame


def _as_text(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    return column.dt.to_string("polars") if isinstance(dtype, pl.Duration) else column.cast(pl.String, strict=False)


def page(frame: pl.DataFrame, offset: int, total: int | None, origin: Any) -> Rows:
    """A frame as a page of rows that JSON can hold."""
    columns = [ColumnInfo(name=name, dtype=dtype_text(dtype)) for name, dtype in frame.schema.items()]
    sendable = frame.select([_sendable(frame[name]) for name in frame.columns]) if frame.width else frame
    return Rows(columns=columns, rows=[list(row) for row in sendable.rows()], offset=offset, total=total, origin=origin)


def _sendable(values: pl.Series) -> pl.Series:
    dtype = values.dtype
    if dtype.is_integer():
        largest = max(abs(values.max() or 0), abs(values.min() or 0))  # pyright: ignore[reportArgumentType]
        return values.cast(pl.String) if largest > SAFE_INTEGER else values
    if dtype.is_float():
        special = values.is_nan() | values.is_infinite()
        return values.cast(pl.String) if special.any() else values
    if dtype == pl.String:
        text = pl.col(values.name)
        cut = pl.when(text.str.len_chars() > LONG_TEXT).then(text.str.head(LONG_TEXT) + "…").otherwise(text)
        return values.to_frame().select(cut).to_series()
    if dtype == pl.Boolean or dtype == pl.Null:
        return values
    if dtype == pl.Binary:
        return values.bin.encode("hex")
    if isinstance(dtype, pl.Datetime | pl.Date | pl.Time | pl.Categorical | pl.Enum | pl.Decimal):
        return values.cast(pl.String)
    if isinstance(dtype, pl.Duration):
        return values.dt.to_string("polars")
    texts = [None if value is None else str(_plain(value)) for value in values.to_list()]
    return pl.Series(values.name, texts, dtype=pl.String)


def _plain(value: Any) -> Any:
    return value.to_list() if isinstance(value, pl.Series) else value
