"""What holds for every node type: examples are true, predictions too, and an export does what a run does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing.parametric import column, dataframes

from flowfile_engine.errors import FlowfileError
from flowfile_engine.frames import map_inputs
from flowfile_engine.nodes.base import Example, Node
from flowfile_engine.nodes.registry import builtin_registry
from flowfile_engine.testing import (
    assert_same,
    example_graph,
    example_inputs,
    example_outputs,
    lower_directly,
    lower_recorded,
    predicted_schemas,
    run_exported,
    run_in_mode,
    writes,
)

NODE_TYPES = list(builtin_registry())
Case = tuple[type[Node], Example]

CASES: list[Case] = [(node_type, example) for node_type in NODE_TYPES for example in node_type.examples]
COMPUTED = [case for case in CASES if not writes(case[0]) and case[0].info.inputs]
REPEATABLE = [case for case in COMPUTED if not case[0].runs_user_code]


def over(cases: list[Case]) -> pytest.MarkDecorator:
    names = [f"{node_type.type_name()}: {example.title}" for node_type, example in cases]
    return pytest.mark.parametrize(("node_type", "example"), cases, ids=names)


def lay_files(example: Example, folder: Path) -> None:
    for name, text in example.files.items():
        (folder / name).write_text(text)


@pytest.mark.parametrize("node_type", NODE_TYPES, ids=lambda node_type: node_type.type_name())
def test_every_type_explains_itself(node_type: type[Node]):
    assert len(node_type.examples) >= 1
    assert node_type.__doc__
    schema = node_type.model_json_schema()
    assert json.loads(json.dumps(schema)) == schema
    for name, field in schema["properties"].items():
        assert name == "type" or field.get("title"), f"{name} has no title"


@over(CASES)
def test_examples_are_true(node_type: type[Node], example: Example, tmp_path: Path):
    lay_files(example, tmp_path)
    graph = example_graph(node_type, example.settings, example_inputs(example), tmp_path)
    expected = example_outputs(node_type, example)
    node = node_type.model_validate(example.settings)
    assert node_type.model_validate(node.model_dump()) == node
    assert isinstance(node.summary(), str)
    for mode in ("development", "performance"):
        actual = run_in_mode(graph, mode, tmp_path)
        for output, frame in expected.items():
            assert_same(actual[output], frame, ordered=example.ordered)


@over(CASES)
def test_predictions_and_exports_agree_with_runs(
    node_type: type[Node], example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    lay_files(example, tmp_path)
    graph = example_graph(node_type, example.settings, example_inputs(example), tmp_path)
    predicted = predicted_schemas(graph, tmp_path)
    actual = run_in_mode(graph, "performance", tmp_path)
    for output, schema in predicted.items():
        assert actual[output].schema == schema
    exported = run_exported(graph, tmp_path)
    for output, frame in actual.items():
        assert_same(exported[output], frame, ordered=example.ordered)


@over(COMPUTED)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(data=st.data())
def test_generated_rows_have_the_predicted_schema(node_type: type[Node], example: Example, data: st.DataObject):
    inputs = generated_like(example, data)
    node = node_type.model_validate(example.settings)
    predicted = node.schema(map_inputs(inputs, lambda frame: frame.schema))
    try:
        actual = lower_directly(node, inputs)
    except (pl.exceptions.PolarsError, FlowfileError):
        return  # rows that the settings do not fit: a text that is no number, a key that is not unique
    if predicted is not None:
        assert {output: frame.schema for output, frame in actual.items()} == predicted


@over(REPEATABLE)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(data=st.data())
def test_exported_code_gives_the_same_rows(node_type: type[Node], example: Example, data: st.DataObject):
    inputs = generated_like(example, data)
    node = node_type.model_validate(example.settings)
    try:
        expected = lower_directly(node, inputs)
    except (pl.exceptions.PolarsError, FlowfileError):
        return
    for output, frame in lower_recorded(node, inputs).items():
        assert_same(frame, expected[output], ordered=example.ordered)


def generated_like(example: Example, data: st.DataObject) -> dict[str, Any]:
    """Frames of the example's schemas with any rows."""

    def rows_like(frame: pl.DataFrame) -> pl.DataFrame:
        if not frame.width:
            return frame
        columns = [column(name, dtype) for name, dtype in frame.schema.items()]
        return data.draw(dataframes(cols=columns, max_size=8, allow_null=True))

    return map_inputs(example_inputs(example), rows_like)
