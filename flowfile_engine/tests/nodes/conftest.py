"""What the tests of node types share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from flowfile_engine.nodes.registry import builtin_registry
from flowfile_engine.recording import Script, record, recorded_frame

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
