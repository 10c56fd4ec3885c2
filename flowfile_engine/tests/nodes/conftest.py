"""What the tests of node types share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from flowfile_engine.frames import map_inputs
from flowfile_engine.nodes.registry import builtin_registry
from flowfile_engine.recording import Script, record, recorded_frame
from flowfile_engine.testing import assert_same, lower_directly, lower_recorded

Run = Callable[..., pl.DataFrame]


def run_node(node_type: str, main: pl.DataFrame, /, **settings: Any) -> pl.DataFrame:
    """Rows that a node of one input makes: the same on both engines, by its export, and of the predicted schema."""
    node = builtin_registry()[node_type].model_validate(settings)
    inputs = {"main": main.schema}
    node.check_columns(inputs)
    predicted = node.schema(inputs)
    result = node.lower(pl, main=main.lazy()).collect()
    assert predicted is not None
    assert predicted["main"] == result.schema
    streamed = node.lower(pl, main=main.lazy()).collect(engine="streaming")
    assert_frame_equal(streamed, result)
    script = Script()
    (name,) = record(node, script, {"main": recorded_frame("main", main.schema)}, "out")
    variables: dict[str, Any] = {"main": main.lazy()}
    exec("\n".join([*script.imports, *script.lines]), variables)
    assert_frame_equal(variables[name].collect(), result)
    return result


@pytest.fixture
def run() -> Run:
    return run_node


def run_ports_of_node(
    node_type: str, inputs: dict[str, Any], /, *, ordered: bool = False, **settings: Any
) -> pl.DataFrame:
    """Rows that a node makes of inputs by port, in any shape: by its export too, and of the predicted schema."""
    node = builtin_registry()[node_type].model_validate(settings)
    schemas = map_inputs(inputs, lambda frame: frame.schema)
    node.check_columns(schemas)
    predicted = node.schema(schemas)
    output = node.info.outputs[0]
    result = lower_directly(node, inputs)[output]
    assert predicted is None or predicted[output] == result.schema
    assert_same(lower_recorded(node, inputs)[output], result, ordered=ordered)
    return result


@pytest.fixture
def run_ports() -> Run:
    return run_ports_of_node
