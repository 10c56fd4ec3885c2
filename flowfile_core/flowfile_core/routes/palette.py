"""The palette and the function catalogue."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import Header, Response

from flowfile_core.palette import Cached, NodeTypeView
from flowfile_core.routes.common import ServicesOf, documented, private_router, raw
from flowfile_engine.functions import Function

router = private_router("palette")

IfNoneMatch = Annotated[str | None, Header()]


@router.get("/palette", **documented(list[NodeTypeView]))
async def get_palette(services: ServicesOf, if_none_match: IfNoneMatch = None) -> Response:
    """Give all node types with the JSON Schemas of their settings."""
    return _answer(await asyncio.to_thread(lambda: services.palette), if_none_match)


@router.get("/functions", **documented(list[Function]))
async def get_functions(services: ServicesOf, if_none_match: IfNoneMatch = None) -> Response:
    """Give the functions that expressions may call."""
    return _answer(await asyncio.to_thread(lambda: services.functions), if_none_match)


def _answer(cached: Cached, known: str | None) -> Response:
    headers = {"ETag": cached.etag, "Cache-Control": "no-cache"}
    if known is not None and cached.etag in known:
        return Response(status_code=304, headers=headers)
    return raw(cached.body, headers=headers)
