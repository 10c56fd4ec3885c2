"""Runs: start, cancel, state, history, logs."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Annotated, Any

from fastapi import Path, Query, Response
from pydantic import TypeAdapter

from flowfile_core.messages import LogLine, RunSummary
from flowfile_core.routes.common import (
    FlowId,
    FlowOf,
    Limit,
    Offset,
    Seconds,
    ServicesOf,
    answer,
    documented,
    private_router,
    raw,
)
from flowfile_core.runs.requests import RunRequest
from flowfile_core.security import CurrentUser
from flowfile_engine.run.information import RunInformation

router = private_router("runs")

RunId = Annotated[str, Path(min_length=1, max_length=64)]

_SUMMARIES = TypeAdapter(list[RunSummary])
_LINES = TypeAdapter(list[LogLine])
_ACCEPTED: dict[int | str, dict[str, Any]] = {202: {"model": RunInformation, "description": "The run goes on"}}


@router.post("/flows/{flow_id}/runs", responses=_ACCEPTED, **documented(RunInformation))
async def start_run(
    services: ServicesOf, flow: FlowOf, request: RunRequest | None = None, wait: Seconds = 0
) -> Response:
    """Start a run of a flow. One at a time: a second one is refused with 409 until the first has ended.

    Answers with 202 and the run as it began, or, if it ends within `wait` seconds, with 200 and how it ended. It goes
    on when the client goes.
    """
    run = await services.runs.start(flow, request or RunRequest())
    if wait:
        with suppress(TimeoutError):
            await asyncio.wait_for(run.ended.wait(), wait)
    return answer(run.current(), 200 if run.ended.is_set() else 202)


@router.get("/flows/{flow_id}/runs", **documented(list[RunSummary]))
async def flow_history(
    services: ServicesOf, user: CurrentUser, flow_id: FlowId, limit: Limit = 100, offset: Offset = 0
) -> Response:
    """List the runs of a flow, the newest first."""
    return raw(_SUMMARIES.dump_json(await services.runs.listing(user.user_id, flow_id, limit, offset)))


@router.get("/runs", **documented(list[RunSummary]))
async def history(services: ServicesOf, user: CurrentUser, limit: Limit = 100, offset: Offset = 0) -> Response:
    """List all runs, the newest first."""
    return raw(_SUMMARIES.dump_json(await services.runs.listing(user.user_id, None, limit, offset)))


@router.get("/runs/{run_id}", **documented(RunInformation))
async def get_run(services: ServicesOf, user: CurrentUser, run_id: RunId) -> Response:
    """Give a run with the results of its steps, as they are now."""
    return raw(await services.runs.information(user.user_id, run_id))


@router.get("/runs/{run_id}/logs", **documented(list[LogLine]))
async def get_logs(
    services: ServicesOf,
    user: CurrentUser,
    run_id: RunId,
    after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1_000,
) -> Response:
    """Give lines of a run's log, after the number of one."""
    return raw(_LINES.dump_json(await services.runs.log_lines(user.user_id, run_id, after, limit)))


@router.post("/runs/{run_id}/cancel", **documented(RunInformation))
async def cancel_run(services: ServicesOf, user: CurrentUser, run_id: RunId) -> Response:
    """Cancel a run. Answers when nothing of it is left."""
    return answer((await services.runs.cancel(user.user_id, run_id)).current())
