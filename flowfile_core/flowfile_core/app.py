"""The Core service as an ASGI application."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from flowfile_core.flows.edits import ConflictAnswer
from flowfile_core.messages import EVENT_MESSAGE
from flowfile_core.problems import ProblemDetails, UnexpectedErrors, add_problem_handlers
from flowfile_core.routes import data, editing, events, files, nodes, pages, palette, runs
from flowfile_core.security import OriginGuard
from flowfile_core.services import Services
from flowfile_core.settings import Settings

MAX_BODY = 64 << 20
"""Bytes of a request: a flow of tens of thousands of steps fits in."""

_DESCRIPTION = "Flows, their edits, runs and live events. Every route but /health takes the token."


def product_version() -> str:
    """The version that is installed."""
    try:
        return version("flowfile")
    except PackageNotFoundError:
        return "0"


def create_app(settings: Settings) -> FastAPI:
    """The application. What it needs is started with its lifespan; the database must have been migrated."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        services = Services(settings)
        app.state.services = services
        app.state.gate = await services.start()
        try:
            yield
        finally:
            await services.stop()

    app = FastAPI(
        title="Flowfile Core",
        description=_DESCRIPTION,
        version=product_version(),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        max_body_size=MAX_BODY,
        separate_input_output_schemas=False,
    )
    # Routes are tried in this order: those that a person waits for while typing and running come first.
    for module in (editing, nodes, runs, data, events, files, palette, pages):
        app.include_router(module.router)
    add_problem_handlers(app)
    app.add_middleware(OriginGuard, hosts=settings.allowed_hosts, origins=settings.allowed_origins)
    if settings.allowed_origins:
        from starlette.middleware.cors import CORSMiddleware

        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.allowed_origins,
            allow_credentials=True,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=["ETag"],
        )
    app.add_middleware(UnexpectedErrors)
    generate = app.openapi
    app.openapi = lambda: _with_models(generate())
    return app


def _with_models(document: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI document with the models that no route's signature names: problems and messages of the stream."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    if "EventMessage" in schemas:
        return document
    template = "#/components/schemas/{model}"
    _, problems = models_json_schema(
        [(ProblemDetails, "validation"), (ConflictAnswer, "validation")], ref_template=template
    )
    union = EVENT_MESSAGE.json_schema(ref_template=template, mode="serialization")
    for found in (problems, union):
        for name, schema in found.pop("$defs", {}).items():
            schemas.setdefault(name, schema)
    schemas["EventMessage"] = union
    document["components"]["schemas"] = dict(sorted(schemas.items()))
    return document
