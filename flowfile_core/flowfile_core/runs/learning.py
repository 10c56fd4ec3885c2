"""What a run shows of schemas that only a run can tell: a pivot's columns, for one."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import polars as pl

from flowfile_core.runs.run import Run
from flowfile_core.worker.client import WorkerClient
from flowfile_engine.dtypes import parse_schema
from flowfile_engine.errors import FlowfileError, NodeId
from flowfile_engine.run.information import StepResult

log = logging.getLogger("flowfile_core")


async def learn(run: Run, learnable: dict[NodeId, str], worker: Callable[[], Awaitable[WorkerClient]]) -> None:
    """Read the columns of the results that a run kept, and predict with them from now on.

    Args:
        run: that has ended.
        learnable: the steps of interest, by the fingerprint that they had when the run began.
        worker: gives the Worker, which holds the results.
    """
    flow = run.flow
    shown: list[NodeId] = []
    for result in run.information.results:
        fingerprint = learnable.get(result.node_id)
        if fingerprint is None or result.state not in ("done", "cached") or result.node_id not in flow.graph:
            continue
        outputs = flow.graph.step(result.node_id).node_type.info.outputs
        try:
            schemas = await _schemas(result, outputs, await worker())
        except FlowfileError as error:
            log.info("the columns of node %s could not be read: %s", result.node_id, error)
            continue
        if schemas is not None:
            flow.schemas.store.learn(fingerprint, schemas)
            shown.append(result.node_id)
    if shown:
        await flow.predictor.again(shown)


async def _schemas(result: StepResult, outputs: tuple[str, ...], client: WorkerClient) -> dict[str, pl.Schema] | None:
    """The schemas of all outputs; None unless each was kept with all of its columns."""
    schemas: dict[str, pl.Schema] = {}
    for output in outputs:
        ref = result.files.get(output)
        if ref is None:
            return None
        kept = await client.request("GET", f"/results/{ref}")
        if not kept["whole"]:
            return None
        schemas[output] = parse_schema(kept["columns"])
    return schemas
