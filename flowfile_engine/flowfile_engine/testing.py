"""Checks that every node type must pass, whoever wrote it: the class's own examples are the cases.

Each example is run in several ways that must agree: lowered onto frames, as a flow in both modes, and as the exported
script. Results are compared as multisets of rows unless the example says that their order is promised.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
from polars.testing import assert_frame_equal

from flowfile_engine.dtypes import dtype_text, parse_dtype
from flowfile_engine.errors import NodeId
from flowfile_engine.export import export_python
from flowfile_engine.frames import map_inputs, outputs_of
from flowfile_engine.graph.document import Mode
from flowfile_engine.graph.graph import EtlGraph
from flowfile_engine.nodes.base import Example, Node, Table
from flowfile_engine.nodes.sink import OutputNode
from flowfile_engine.recording import Script, record, recorded_frame
from flowfile_engine.run.cache import ResultCache
from flowfile_engine.run.flow import PreparedFlow
from flowfile_engine.run.information import RunInformation

Outputs = dict[str, pl.DataFrame]

FLOAT_TOLERANCE = 1e-9
"""Relative: sums of floats depend on the order in which threads add them up."""

SUBJECT = "subject"
"""The id of the step under test in the flows made here."""


def frame_of(table: Table) -> pl.DataFrame:
    """A table of an example as a frame."""
    return pl.DataFrame(
        {
            name: pl.Series(name, values, dtype=parse_dtype(table.dtypes[name]) if name in table.dtypes else None)
            for name, values in table.columns.items()
        }
    )


def typed_in(frame: pl.DataFrame) -> dict[str, Any]:
    """The settings of a `manual_input` that gives a frame (of types that can be typed in: nothing nested)."""
    return {
        "columns": [{"name": name, "dtype": dtype_text(dtype)} for name, dtype in frame.schema.items()],
        "rows": [list(row) for row in frame.rows()],
    }


def result_frame(
    information: RunInformation, cache: ResultCache, node_id: NodeId, output: str = "main"
) -> pl.DataFrame:
    """What a run kept of a step's output.

    Raises:
        AssertionError: the run failed.
    """
    assert information.state == "done", information.problem
    result = cache.find_ref(information.result(node_id).files[output])
    assert result is not None
    return pl.read_ipc(result.path) if result.columns else pl.DataFrame()


def assert_same(actual: pl.DataFrame, expected: pl.DataFrame, *, ordered: bool) -> None:
    """Fail unless two frames hold the same: names, types and rows."""
    if not ordered:
        actual, expected = _sorted(actual), _sorted(expected)
    assert_frame_equal(actual, expected, rel_tol=FLOAT_TOLERANCE, abs_tol=FLOAT_TOLERANCE)


def _sorted(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows in an order of their own. Floats are rounded for it, nested values are compared as text."""
    keys: list[pl.Expr] = []
    for name, dtype in frame.schema.items():
        if dtype.is_float():
            keys.append(pl.col(name).round_sig_figs(6))
        elif dtype.is_nested() or isinstance(dtype, pl.Categorical | pl.Enum):
            keys.append(pl.lit(pl.Series(name, [repr(value) for value in frame[name].to_list()], dtype=pl.String)))
        else:
            keys.append(pl.col(name))
    return frame.sort(keys, nulls_last=True) if keys else frame


def lower_directly(node: Node, inputs: Mapping[str, Any]) -> Outputs:
    """A node's outputs over eager frames in the ports' shapes, without any graph."""
    frames = map_inputs(inputs, lambda frame: frame.lazy())
    resolved = node.resolve(**frames)
    lowered = outputs_of(node, resolved.lower(pl, **frames))
    return {name: frame.collect(engine="streaming") for name, frame in lowered.items()}


def lower_recorded(node: Node, inputs: Mapping[str, Any]) -> Outputs:
    """A node's outputs over eager frames, by the Python that its lowering is recorded as."""
    script = Script()
    frames: dict[str, pl.LazyFrame] = {}

    def recorded(frame: pl.DataFrame) -> Any:
        name = script.fresh("frame")
        frames[name] = frame.lazy()
        return recorded_frame(name, frame.schema)

    names = record(node, script, map_inputs(inputs, recorded), "result")
    code = "\n".join([*script.imports, *script.definitions, *script.lines])
    scope: dict[str, Any] = {**frames, "params": {}}
    exec(compile(code, "recorded.py", "exec"), scope)
    return {
        output: scope[name].collect(engine="streaming") for output, name in zip(node.info.outputs, names, strict=True)
    }


def example_inputs(example: Example) -> dict[str, Any]:
    """An example's tables as frames."""
    return map_inputs(example.inputs, frame_of)


def example_outputs(node_type: type[Node], example: Example) -> Outputs:
    """What an example promises, by output."""
    if example.output is None:
        return {}
    tables = example.output if isinstance(example.output, dict) else {node_type.info.outputs[0]: example.output}
    return {name: frame_of(table) for name, table in tables.items()}


def example_graph(node_type: type[Node], settings: dict[str, Any], inputs: Mapping[str, Any], folder: Path) -> EtlGraph:
    """A flow of the node under test and a reader for each of its inputs, over files written to a folder."""
    graph = EtlGraph()
    graph.add_node_step(SUBJECT, settings, node_type=node_type.type_name())

    def add_source(frame: pl.DataFrame, port: str, name: str | None = None) -> None:
        source = f"source_{len(graph)}"
        frame.write_ipc(folder / f"{source}.arrow")
        graph.add_node_step(source, {"path": f"{source}.arrow"}, node_type="read")
        graph.connect(source, SUBJECT, input=port, name=name)

    for port, value in inputs.items():
        if isinstance(value, list):
            for frame in value:
                add_source(frame, port)
        elif isinstance(value, dict):
            for name, frame in value.items():
                add_source(frame, port, name)
        elif value is not None:
            add_source(value, port)
    return graph


def run_in_mode(graph: EtlGraph, mode: Mode, folder: Path) -> Outputs:
    """The outputs of the step under test after a run; a step that only writes gives none.

    Raises:
        AssertionError: the run failed.
    """
    cache = ResultCache(folder / f"cache_{mode}")
    information = graph.run_graph(mode=mode, base_dir=folder, cache=cache)
    assert information.state == "done", information.problem
    files = information.result(SUBJECT).files
    found = {output: cache.find_ref(ref) for output, ref in files.items()}
    return {
        output: pl.read_ipc(result.path) if result.columns else pl.DataFrame()
        for output, result in found.items()
        if result is not None
    }


def run_exported(graph: EtlGraph, folder: Path) -> Outputs:
    """The outputs of the step under test by the exported script, run in this process."""
    script = export_python(PreparedFlow(EtlGraph(graph.document()), base_dir=folder))
    names: dict[str, Any] = {"__name__": "exported"}
    exec(compile(script, "exported.py", "exec"), names)
    results = [frame.collect(engine="streaming") for frame in names["make_flow"]({}).values()]
    subject = graph.step(SUBJECT).node_type
    return dict(zip(subject.info.outputs, results, strict=False))


def predicted_schemas(graph: EtlGraph, folder: Path) -> dict[str, pl.Schema]:
    """What is predicted for the step under test; empty where only a run can tell."""
    flow = PreparedFlow(EtlGraph(graph.document()), base_dir=folder)
    step = flow.graph.step(SUBJECT)
    assert not step.all_problems, step.all_problems
    assert step.prediction is not None
    return dict(step.prediction.schemas)


def writes(node_type: type[Node]) -> bool:
    """Whether a node type only writes to a person's folders."""
    return issubclass(node_type, OutputNode)
