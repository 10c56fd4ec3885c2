"""Frames for looking at plans without data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import polars as pl
from polars.io.plugins import register_io_source

if TYPE_CHECKING:
    from flowfile_engine.nodes.base import Node


POLARS_ERRORS = (pl.exceptions.PolarsError, OSError, TypeError, ValueError, OverflowError, MemoryError)
"""What Polars raises for bad plans, bad data and bad files. A `PanicException` is no `Exception` and ends the process."""


def _no_rows(*_: Any) -> Iterator[pl.DataFrame]:
    yield from ()


def empty_frame(schema: pl.Schema) -> pl.LazyFrame:
    """A frame of a schema for prediction: building it costs the same at 2 columns and at 400.

    It is never executed; `pl.LazyFrame(schema=...)` builds a series a column, three times as dear at 20 columns.
    """
    return register_io_source(_no_rows, schema=schema)


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
    return {name: frame.collect_schema() for name, frame in outputs_of(node, result).items()}
