"""What the Worker computes for a person: rows, counts, exported code."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Annotated, Any, Literal, TypeVar

from fastapi import Query, Request, Response
from fastapi.responses import PlainTextResponse

from flowfile_core.routes.common import FlowOf, NodeKey, Offset, ServicesOf, documented, private_router, raw, step_of
from flowfile_core.runs.requests import places, task_json
from flowfile_engine import flow_file
from flowfile_engine.errors import CancelledRunError, GraphError
from flowfile_engine.graph.document import FlowDocument
from flowfile_engine.graph.step import NodeStep
from flowfile_engine.tasks import Code, Count, CountTask, ExportTask, Rows, RowsTask, SortBy

router = private_router("data")

T = TypeVar("T")
_NO_FLOW = FlowDocument(uuid="")

Text = Annotated[str | None, Query(max_length=10_000)]
Output = Annotated[str | None, Query(max_length=200, description="one of the step's outputs; the first, unless given")]
SortOrder = Annotated[
    list[str], Query(max_length=100, description="columns to order by; one that begins with `-` in descending order")
]


@router.get("/flows/{flow_id}/nodes/{node_id}/rows", **documented(Rows))
async def get_rows(
    services: ServicesOf,
    flow: FlowOf,
    node_id: NodeKey,
    request: Request,
    limit: Annotated[int, Query(ge=0, le=100_000)] = 100,
    offset: Offset = 0,
    sort: SortOrder = [],  # noqa: B006 - FastAPI copies defaults
    filter: Text = None,
    search: Text = None,
    output: Output = None,
) -> Response:
    """Give rows of a step's output, computed as far as they are not there yet.

    `filter` is an expression over the columns, `search` a text that any of them holds.
    """
    step = step_of(flow, node_id)
    task = RowsTask.model_construct(
        flow=_NO_FLOW,
        run_id=flow.last_run_id,
        node_id=step.node_id,
        output=_output(step, output),
        offset=offset,
        limit=limit,
        sort=[_sort_by(text) for text in sort],
        filter=filter,
        search=search,
        **places(flow),
    )
    client = await services.worker.client()
    return raw(await unless_gone(request, client.answer(task_json(flow, task))))


@router.get("/flows/{flow_id}/nodes/{node_id}/count", **documented(Count))
async def get_count(
    services: ServicesOf, flow: FlowOf, node_id: NodeKey, request: Request, output: Output = None
) -> Response:
    """Count the rows of a step's output."""
    step = step_of(flow, node_id)
    task = CountTask.model_construct(
        flow=_NO_FLOW,
        run_id=flow.last_run_id,
        node_id=step.node_id,
        output=_output(step, output),
        **places(flow),
    )
    client = await services.worker.client()
    return raw(await unless_gone(request, client.answer(task_json(flow, task))))


_EXPORTS: dict[int | str, dict[str, Any]] = {
    200: {"description": "The text", "content": {"text/x-python": {}, "application/yaml": {}}}
}


@router.get("/flows/{flow_id}/export", response_class=PlainTextResponse, responses=_EXPORTS)
async def export_flow(
    services: ServicesOf, flow: FlowOf, request: Request, format: Literal["python", "yaml"] = "python"
) -> Response:
    """Give the flow as one Python script, or as the text of a flow file."""
    if format == "yaml":
        text = await asyncio.to_thread(flow_file.dump, flow.document())
        return Response(text, media_type="application/yaml")
    task = ExportTask.model_construct(flow=_NO_FLOW, **places(flow))
    client = await services.worker.client()
    code = Code.model_validate_json(await unless_gone(request, client.answer(task_json(flow, task))))
    return Response(code.code, media_type="text/x-python")


async def unless_gone(request: Request, work: Awaitable[T]) -> T:
    """Do work for a client, and cancel it when the client goes away."""
    working = asyncio.ensure_future(work)
    gone = asyncio.create_task(_gone(request))
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise CancelledRunError("nobody waits for the answer")
        return working.result()
    finally:
        gone.cancel()
        if not working.done():
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _sort_by(text: str) -> SortBy:
    return SortBy(column=text.removeprefix("-"), descending=text.startswith("-"))


def _output(step: NodeStep, output: str | None) -> str | None:
    outputs = step.node_type.info.outputs
    if output is not None and output not in outputs:
        raise GraphError(
            f"node {step.node_id!r} has no output {output!r}",
            hint=f"its outputs are {', '.join(outputs)}" if outputs else "it has none",
            node_id=step.node_id,
        )
    return output
