"""Health, the pages, and the OpenAPI document."""

from __future__ import annotations

from typing import Literal, cast

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from pydantic import BaseModel

from flowfile_core import pages
from flowfile_core.messages import WorkerState
from flowfile_core.problems import RESPONSES
from flowfile_core.routes.common import ServicesOf
from flowfile_core.security import CurrentUser, Gate, give_cookie

router = APIRouter(tags=["service"], responses={403: RESPONSES[403]})


class Health(BaseModel):
    """Whether Core answers, and whether its Worker is there."""

    status: Literal["ok"] = "ok"
    version: str
    worker: WorkerState


@router.get("/health")
async def health(request: Request, services: ServicesOf) -> Health:
    """Say whether Core answers. Needs no token."""
    return Health(version=request.app.version, worker=services.worker.state)


@router.get("/openapi.json", include_in_schema=False)
async def openapi(request: Request, _: CurrentUser) -> JSONResponse:
    """Give the OpenAPI document."""
    return JSONResponse(request.app.openapi())


@router.get("/api-docs", include_in_schema=False)
async def api_docs(request: Request, services: ServicesOf) -> Response:
    """Show the OpenAPI document."""
    return _page(request, services, pages.api_page(request.app.openapi()))


@router.get("/", include_in_schema=False)
async def root(request: Request, services: ServicesOf) -> Response:
    """Lead to the Designer."""
    return _with_cookie(request, services, RedirectResponse("/ui/"))


@router.get("/ui", include_in_schema=False)
async def designer_without_slash() -> Response:
    """Lead to the Designer."""
    return RedirectResponse("/ui/")


@router.get("/ui/{path:path}", include_in_schema=False)
async def designer(request: Request, services: ServicesOf) -> Response:
    """Show the Designer, or what stands in its place."""
    return _page(request, services, pages.welcome_page())


def _page(request: Request, services: ServicesOf, text: str) -> Response:
    return _with_cookie(request, services, HTMLResponse(text, headers=pages.PAGE_HEADERS))


def _with_cookie(request: Request, services: ServicesOf, response: Response) -> Response:
    """Give our own page the token: only where nobody but this machine can ask for it."""
    if services.settings.on_loopback:
        give_cookie(response, cast("Gate", request.app.state.gate).token)
    return response
