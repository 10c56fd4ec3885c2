"""Flows that run over small tables in a folder of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flowfile_engine.errors import NodeId
from flowfile_engine.graph.document import Mode
from flowfile_engine.graph.graph import EtlGraph
from flowfile_engine.run.cache import ResultCache
from flowfile_engine.run.development import DevelopmentRun
from flowfile_engine.run.information import RunInformation
from flowfile_engine.run.perform import perform
from flowfile_engine.tasks import Rows, RowsTask, RunTask
from flowfile_engine.testing import result_frame


class Bench:
    """A flow under construction with a folder, a cache and the events of its runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.graph = EtlGraph()
        self.cache = ResultCache(folder / "cache", min_free_bytes=0)
        self.events: list[Any] = []

    def read(self, node_id: NodeId, frame: pl.DataFrame, ending: str = "parquet", **settings: Any) -> Path:
        """Add a table as a file and a step that reads it."""
        path = self.folder / f"{node_id}.{ending}"
        frame.write_parquet(path) if ending == "parquet" else frame.write_csv(path)
        self.graph.add_node_step(node_id, {"path": path.name, **settings}, node_type="read")
        return path

    def add(self, node_id: NodeId, node_type: str, settings: dict[str, Any], *sources: NodeId, **more: Any) -> None:
        """Add a step below others."""
        step = self.graph.add_node_step(node_id, settings, node_type=node_type, **more)
        ports = [port.name for port in step.node_type.info.ports]
        for index, source in enumerate(sources):
            self.graph.connect(source, node_id, input=ports[min(index, len(ports) - 1)])

    def change(self, node_id: NodeId, **settings: Any) -> None:
        """Give a step other settings."""
        self.graph.replace_step(self.graph.step(node_id).document.model_copy(update={"settings": settings}))

    def run(self, mode: Mode = "development", targets: list[NodeId] | None = None) -> RunInformation:
        """Run the flow as the Worker would."""
        task = RunTask(flow=self.graph.document(), run_id="run", mode=mode, targets=targets, base_dir=str(self.folder))
        answer = perform(task, self.cache, self.events.append)
        assert answer.kind == "ran"
        return answer.run

    def rows(self, node_id: NodeId, **wanted: Any) -> Rows:
        """Look at a step."""
        task = RowsTask(flow=self.graph.document(), node_id=node_id, base_dir=str(self.folder), **wanted)
        answer = perform(task, self.cache, self.events.append)
        assert answer.kind == "rows"
        return answer

    def frame(self, information: RunInformation, node_id: NodeId) -> pl.DataFrame:
        """What a run kept of a step."""
        return result_frame(information, self.cache, node_id)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def pruning(monkeypatch: pytest.MonkeyPatch) -> None:
    """However small the sources are, only the columns that are read below a step are kept."""
    monkeypatch.setattr(DevelopmentRun, "prune_from_bytes", 0)


def states(information: RunInformation) -> dict[NodeId, str]:
    return {result.node_id: result.state for result in information.results}


@pytest.fixture(name="states")
def _states() -> Any:
    return states
