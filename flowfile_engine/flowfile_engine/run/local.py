"""Running a graph in this very process: for scripts, tests and notebooks."""

from __future__ import annotations

import tempfile
import uuid
from pathlib import Path

from flowfile_engine.graph.document import Mode
from flowfile_engine.graph.graph import EtlGraph
from flowfile_engine.run.cache import ResultCache
from flowfile_engine.run.flow import PreparedFlow
from flowfile_engine.run.information import RunInformation
from flowfile_engine.run.perform import run_prepared
from flowfile_engine.tasks import Event


def run_graph(
    graph: EtlGraph,
    *,
    mode: Mode | None = None,
    base_dir: Path | None = None,
    cache: ResultCache | None = None,
    targets: list[int | str] | None = None,
) -> RunInformation:
    """Run a graph in topological order, in its mode or another.

    Args:
        base_dir: the folder that relative paths start from; None: the current one.
        cache: where results are kept; None: in a temporary folder, for this run only.
        targets: the steps whose results are wanted; None: those that write or that nobody reads.
    """

    def ignore(event: Event) -> None:
        pass

    information = RunInformation(run_id=uuid.uuid4().hex, flow_uuid=graph.uuid, mode=mode or graph.flow_settings.mode)
    flow = PreparedFlow(graph, base_dir=base_dir, run_id=information.run_id)
    if cache is not None:
        return run_prepared(flow, cache, information, ignore, targets)
    with tempfile.TemporaryDirectory(prefix="flowfile-") as folder:
        return run_prepared(flow, ResultCache(Path(folder)), information, ignore, targets)
