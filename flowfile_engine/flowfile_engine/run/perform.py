"""Doing a task: what a Worker's child is for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import assert_never

import polars as pl

from flowfile_engine.dtypes import parse_schema, schema_text
from flowfile_engine.errors import FlowfileError, ReportedError
from flowfile_engine.frames import POLARS_ERRORS, map_inputs
from flowfile_engine.graph.document import FlowDocument, StepDocument
from flowfile_engine.graph.graph import EtlGraph
from flowfile_engine.io.errors import explain
from flowfile_engine.io.state import files_state
from flowfile_engine.nodes.registry import builtin_registry
from flowfile_engine.run.cache import ResultCache
from flowfile_engine.run.development import DevelopmentRun
from flowfile_engine.run.execution import Execution
from flowfile_engine.run.flow import PreparedFlow
from flowfile_engine.run.information import RunInformation
from flowfile_engine.run.performance import PerformanceRun
from flowfile_engine.run.rows import RowReader
from flowfile_engine.tasks import (
    Answer,
    Code,
    CountTask,
    Event,
    ExportTask,
    FlowTask,
    NodeSchemaTask,
    PingTask,
    Pong,
    Ran,
    RowsTask,
    RunTask,
    Schemas,
    SourceSchemaTask,
    Task,
)

Emit = Callable[[Event], None]


def perform(task: Task, cache: ResultCache, emit: Emit) -> Answer:
    """Do a task in this process.

    Raises:
        FlowfileError: the task cannot be done. A run whose steps fail is an answer, not an error.
    """
    match task:
        case RunTask():
            return Ran(run=run(task, cache, emit))
        case RowsTask():
            with RowReader(prepare(task), cache, emit) as reader:
                return reader.rows(task)
        case CountTask():
            with RowReader(prepare(task), cache, emit) as reader:
                return reader.count(task.node_id, task.output)
        case SourceSchemaTask():
            return _source_schema(task)
        case NodeSchemaTask():
            return _node_schema(task)
        case ExportTask():
            from flowfile_engine.export import export_python

            return Code(code=export_python(prepare(task)))
        case PingTask():
            builtin_registry()  # whoever asks wants the next task to find everything loaded
            return Pong(polars=pl.__version__)
    assert_never(task)


def prepare(task: FlowTask) -> PreparedFlow:
    """The flow of a task, ready to be lowered."""
    graph = EtlGraph(task.flow, parameters=task.parameters)
    base_dir = Path(task.base_dir) if task.base_dir is not None else None
    roots = [Path(root) for root in task.roots] if task.roots is not None else None
    return PreparedFlow(graph, base_dir=base_dir, roots=roots, run_id=task.run_id)


def run(task: RunTask, cache: ResultCache, emit: Emit) -> RunInformation:
    """Run a flow; what fails is in the answer."""
    information = RunInformation(run_id=task.run_id, flow_uuid=task.flow.uuid, mode=task.mode)
    return run_prepared(prepare(task), cache, information, emit, task.targets)


def run_prepared(
    flow: PreparedFlow,
    cache: ResultCache,
    information: RunInformation,
    emit: Emit,
    targets: list[int | str] | None = None,
) -> RunInformation:
    """Run a prepared flow in the mode that its information names."""
    kind = DevelopmentRun if information.mode == "development" else PerformanceRun
    execution: Execution = kind(flow, cache, information, emit)
    execution.run(flow.targets() if targets is None else targets)
    return execution.end()


def _source_schema(task: SourceSchemaTask) -> Schemas:
    version = builtin_registry()[task.node_type].version
    step = StepDocument(id="source", type=task.node_type, version=version, settings=task.settings)
    flow = prepare(FlowTask(flow=FlowDocument(steps=[step]), base_dir=task.base_dir, roots=task.roots))
    source = flow.graph.step("source")
    if source.node is None or source.all_problems:
        raise ReportedError(source.all_problems[0].model_copy(update={"node_id": None}))
    prediction = source.prediction
    assert prediction is not None
    outputs = {name: schema_text(schema) for name, schema in prediction.schemas.items()}
    return Schemas(outputs=outputs, fingerprint=files_state(source.node.source_files()))


def _node_schema(task: NodeSchemaTask) -> Schemas:
    node = builtin_registry()[task.node_type].model_validate(task.settings)
    try:
        schemas = node.schema(map_inputs(task.inputs, parse_schema))
    except FlowfileError:
        raise
    except POLARS_ERRORS as error:
        raise explain(error, node) from error
    return Schemas(outputs=None if schemas is None else {name: schema_text(schema) for name, schema in schemas.items()})
