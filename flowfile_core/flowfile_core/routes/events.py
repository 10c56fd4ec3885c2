"""The live event stream."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Header, Query
from fastapi.responses import StreamingResponse

from flowfile_core.routes.common import ServicesOf, private_router
from flowfile_core.security import CurrentUser

router = private_router("events")

_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events; `data` holds an EventMessage",
        "content": {"text/event-stream": {"schema": {"$ref": "#/components/schemas/EventMessage"}}},
    }
}


@router.get("/events", response_class=StreamingResponse, responses=_STREAM)
async def stream_events(
    services: ServicesOf,
    user: CurrentUser,
    last_event_id: Annotated[str | None, Header(max_length=100)] = None,
    last_id: Annotated[str | None, Query(max_length=100, description="as the header Last-Event-ID")] = None,
) -> StreamingResponse:
    """Stream what happens to a person's flows and runs.

    The first message is a `reset` that holds everything as it stands, unless `Last-Event-ID` names a message that the
    stream can go on from.
    """
    seen = last_event_id if last_event_id is not None else last_id
    number = int(seen) if seen is not None and seen.isascii() and seen.isdigit() and len(seen) < 20 else None
    stream = services.events.stream(user.user_id, number, lambda: services.snapshot(user.user_id))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)
