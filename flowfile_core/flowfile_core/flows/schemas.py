"""Schemas that Core cannot work out itself: asked of the Worker or learnt from a run, kept by what they follow from."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from flowfile_core.worker.client import TaskError, WorkerClient
from flowfile_engine.dtypes import parse_schema, schema_text
from flowfile_engine.errors import FlowfileError, NodeId
from flowfile_engine.frames import map_inputs
from flowfile_engine.graph.fingerprint import fingerprints
from flowfile_engine.graph.graph import EtlGraph
from flowfile_engine.graph.step import NodeStep, Prediction
from flowfile_engine.io.paths import resolve_path
from flowfile_engine.io.state import files_state
from flowfile_engine.nodes.base import Node
from flowfile_engine.nodes.fields import with_values
from flowfile_engine.tasks import NodeSchemaTask, Schemas, SourceSchemaTask

_KEPT = 5_000


@dataclass(frozen=True, slots=True)
class Question:
    """A schema to be asked of the Worker.

    Attributes:
        key: what the answer follows from.
        files: the state of the files that it follows from, when it was asked.
        task: the task, as JSON.
    """

    key: str
    files: str
    task: bytes


@dataclass(slots=True)
class _Known:
    prediction: Prediction
    files: str


class SchemaStore:
    """What the Worker and the runs have told, for all flows. Bounded; what was not used for longest goes first."""

    def __init__(self, client: Callable[[], Awaitable[WorkerClient]]) -> None:
        self._client = client
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._learnt: OrderedDict[str, dict[str, pl.Schema]] = OrderedDict()
        self._asking: dict[str, asyncio.Task[None]] = {}

    def find(self, key: str) -> _Known | None:
        """What was told for a key."""
        return self._known.get(key)

    def learn(self, fingerprint: str, schemas: dict[str, pl.Schema]) -> None:
        """Remember what a run showed of the step with that fingerprint."""
        self._learnt[fingerprint] = schemas
        while len(self._learnt) > _KEPT:
            self._learnt.popitem(last=False)

    def learnt(self, fingerprint: str) -> dict[str, pl.Schema] | None:
        """What a run showed of the step with that fingerprint."""
        return self._learnt.get(fingerprint)

    @property
    def has_learnt(self) -> bool:
        """Whether any run showed anything: fingerprints are worked out only then."""
        return bool(self._learnt)

    async def ask(self, question: Question) -> None:
        """Ask the Worker, once for all who ask the same at the same time.

        Raises:
            FlowfileError: the Worker could not be asked; nothing is known then.
        """
        asking = self._asking.get(question.key)
        if asking is None:
            asking = self._asking[question.key] = asyncio.create_task(self._ask(question))
            asking.add_done_callback(lambda _: self._asking.pop(question.key, None))
        await asyncio.shield(asking)

    async def _ask(self, question: Question) -> None:
        client = await self._client()
        try:
            answer = Schemas.model_validate_json(await client.answer(question.task))
            outputs = answer.outputs
            schemas = {} if outputs is None else {name: parse_schema(columns) for name, columns in outputs.items()}
            prediction = Prediction("unknown" if outputs is None else "known", schemas)
        except TaskError as error:
            prediction = Prediction(problem=error.problem)
        self._known[question.key] = _Known(prediction, question.files)
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)


@dataclass
class FlowSchemas:
    """The schemas from outside for one flow (see `OutsideSchemas`).

    Attributes:
        wanted: the questions that the last prediction raised, by step.
        fresh: keys whose answers came just now: a file that never stops changing is not asked about without end.
    """

    graph: EtlGraph
    store: SchemaStore
    base_dir: Path | None
    roots: list[Path] | None
    wanted: dict[NodeId, Question] = field(default_factory=dict)
    fresh: set[str] = field(default_factory=set)
    _shown: set[NodeId] = field(default_factory=set)

    def schema(self, step: NodeStep, inputs: Mapping[str, Any]) -> Prediction | None:
        """The prediction for a step, where it is known; else the question is left in `wanted`."""
        node = step.node
        assert node is not None
        if node.source_key() is not None:
            return self._of_question(step, self._source_question(node))
        if node.runs_user_code:
            return self._of_question(step, _code_question(node, inputs))
        return self._learnt(step)

    def shown_below(self, node_ids: Collection[NodeId]) -> set[NodeId]:
        """The steps whose schema a run showed and that read from some steps: it may be another for other data."""
        if not self._shown:
            return set()
        return self._shown & self.graph.downstream(node_ids)

    def resolve_paths(self, step: NodeStep) -> None:
        """Make the paths in a step's validated settings absolute; one that may not be touched is a problem."""
        node = step.node
        if node is None or not _has_paths(step.node_type):
            return
        found = [item for item in node.field_values() if item.kind.widget in ("file", "folder") and item.value]
        try:
            paths = {item.path: str(resolve_path(item.value, self.base_dir, self.roots)) for item in found}
            step.node = with_values(node, paths)
        except FlowfileError as error:
            step.node = None
            step.problems.append(error.at(step.node_id, found[0].path).problem)
        except (OSError, ValueError) as error:
            step.node = None
            problem = FlowfileError(f"the path cannot be used: {error}", node_id=step.node_id, field=found[0].path)
            step.problems.append(problem.problem)

    def changed_sources(self) -> list[NodeId]:
        """The sources whose files are no longer what they were when their schema was read."""
        changed: list[NodeId] = []
        for step in self.graph:
            node = step.node
            if node is None or node.source_key() is None:
                continue
            question = self._source_question(node)
            known = self.store.find(question.key)
            if known is not None and known.files != question.files:
                changed.append(step.node_id)
        return changed

    def learnable(self) -> dict[NodeId, str]:
        """The steps whose schema only a run can tell, by fingerprint."""
        found = [
            step
            for step in self.graph
            if step.node is not None
            and step.node.info.outputs
            and step.prediction is not None
            and step.prediction.certainty == "unknown"
            and step.prediction.problem is None
            and step.node.source_key() is None
            and not step.node.runs_user_code
        ]
        if not found:
            return {}
        fingerprints(self.graph, only=self.graph.upstream([step.node_id for step in found]))
        return {step.node_id: step.hash for step in found}

    def _of_question(self, step: NodeStep, question: Question) -> Prediction | None:
        known = self.store.find(question.key)
        if known is None or (known.files != question.files and question.key not in self.fresh):
            self.wanted[step.node_id] = question
        return known.prediction if known is not None else None

    def _source_question(self, node: Node) -> Question:
        files = files_state(node.source_files())
        key = json.dumps([node.type_name(), node.source_key(), str(self.roots)], default=str, sort_keys=True)
        task = SourceSchemaTask(
            node_type=node.type_name(),
            settings=node.model_dump(mode="json", exclude={"type"}),
            base_dir=None if self.base_dir is None else str(self.base_dir),
            roots=None if self.roots is None else [str(root) for root in self.roots],
        )
        return Question(key, files, task.model_dump_json().encode())

    def _learnt(self, step: NodeStep) -> Prediction | None:
        if not self.store.has_learnt:
            return None
        fingerprints(self.graph, only=self.graph.upstream([step.node_id]))
        schemas = self.store.learnt(step.hash)
        if schemas is None:
            return None
        self._shown.add(step.node_id)
        return Prediction("known", schemas)


def _code_question(node: Node, inputs: Mapping[str, Any]) -> Question:
    settings = node.model_dump(mode="json", exclude={"type"})
    given = map_inputs(inputs, schema_text)
    task = NodeSchemaTask(node_type=node.type_name(), settings=settings, inputs=given).model_dump_json()
    return Question(task, "", task.encode())


@cache
def _has_paths(node_type: type[Node]) -> bool:
    schema = json.dumps(node_type.model_json_schema())
    return '"x-widget": "file"' in schema or '"x-widget": "folder"' in schema
