"""Frames for looking at plans without data."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import polars as pl
from polars.io.plugins import register_io_source

if TYPE_CHECKING:
    from flowfile_engine.nodes.base import Node


POLARS_ERRORS = (
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
    OSError,
    TypeError,
    ValueError,
    OverflowError,
    MemoryError,
)
"""What Polars raises for bad plans, bad data and bad files; a panic is a bug of its own, met on odd data."""


def _no_rows(*_: Any) -> Iterator[pl.DataFrame]:
    yield from ()


def empty_frame(schema: pl.Schema) -> pl.LazyFrame:
    """A frame of a schema for prediction: building it costs the same at 2 columns and at 400.

    It is never executed; `pl.LazyFrame(schema=...)` builds a series a column, three times as dear at 20 columns.
    """
    frame = register_io_source(_no_rows, schema=schema)
    # Many nodes ask their input for its schema, which is known here: a third of what a prediction costs.
    vars(frame)["collect_schema"] = lambda: schema
    return frame


def knowing(frame: pl.LazyFrame, schema: pl.Schema | None) -> pl.LazyFrame:
    """The same frame, which tells its schema (if given) without asking Polars.

    Polars resolves a plan from its sources each time: in a chain of steps that each ask, that is cubic in its length.
    """
    if schema is not None:
        vars(frame)["collect_schema"] = lambda: pl.Schema(schema)
    return frame


def map_inputs(inputs: Mapping[str, Any], function: Any) -> dict[str, Any]:
    """A function over every frame or schema of a node's inputs, whatever the ports' shape."""
    mapped: dict[str, Any] = {}
    for port, value in inputs.items():
        if isinstance(value, list):
            mapped[port] = [function(item) for item in value]
        elif type(value) is dict:
            mapped[port] = {name: function(item) for name, item in value.items()}
        else:
            mapped[port] = None if value is None else function(value)
    return mapped


def outputs_of(node: Node, result: Any) -> dict[str, Any]:
    """What `lower` gave, by output name."""
    names = node.info.outputs
    if len(names) == 1:
        return {names[0]: result}
    return dict(zip(names, result, strict=True)) if names else {}


def lowered_schema(node: Node, inputs: Mapping[str, Any]) -> dict[str, pl.Schema]:
    """The schemas of a node's outputs, by lowering it onto empty frames. Nothing is executed."""
    result = node.lower(pl, **map_inputs(inputs, empty_frame))
    return {name: _collect_schema(frame) for name, frame in outputs_of(node, result).items()}


def _collect_schema(frame: pl.LazyFrame) -> pl.Schema:
    """`frame.collect_schema()`, without looking again at each column of what Polars itself gives.

    At a hundred columns that look takes twice as long as Polars takes for the schema.
    """
    schema = pl.Schema()
    for name, dtype in frame._ldf.collect_schema().items():  # pyright: ignore[reportPrivateUsage]
        OrderedDict.__setitem__(schema, name, dtype)
    return schema
