"""The Worker's HTTP routes: a thin layer over the pool."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, FastAPI, Header, Request, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, ValidationError

from flowfile_engine.errors import ConflictError, NotFoundError, Problem
from flowfile_engine.run.cache import CachedResult, is_file_ref
from flowfile_engine.tasks import TASK
from flowfile_worker.documented import document_tasks, problems
from flowfile_worker.guard import Guard, is_loopback
from flowfile_worker.job import TaskStatus
from flowfile_worker.metrics import ChildStatus, child_statuses, own_memory, prometheus
from flowfile_worker.pool import Pool
from flowfile_worker.problems import answer_errors, bad_body, problem_response
from flowfile_worker.settings import ServiceSettings
from flowfile_worker.stream import TASK_ID_HEADER, TaskStream

MAX_BODY = 64 << 20
_TASK_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)


class Health(BaseModel):
    """Whether the Worker is well, and what it holds.

    Attributes:
        polars: the version its children use; None until the first is warm.
        memory: bytes that the parent and its children hold.
        memory_limit: bytes that one task may hold.
    """

    status: Literal["ok"] = "ok"
    version: str
    polars: str | None
    memory: int
    memory_limit: int
    running: int
    queued: int
    children: list[ChildStatus]


class ResultsUsage(BaseModel):
    """How full the cache of results is."""

    bytes: int
    results: int
    max_bytes: int


class Cleared(BaseModel):
    """What was removed from the cache."""

    bytes: int


async def _pool(request: Request) -> Pool:  # a plain function would go through a thread
    return request.app.state.pool


PoolOf = Annotated[Pool, Depends(_pool)]
router = APIRouter(responses=problems(400, 401, 404, 405, 409, 413, 421, 422, 503))


@router.get("/health")
async def health(pool: PoolOf) -> Health:
    """Whether the Worker answers. Needs no token."""
    children, tasks = child_statuses(pool), pool.tasks()
    return Health(
        version=_version(),
        polars=pool.roster.polars,
        memory=own_memory() + sum(child.memory for child in children),
        memory_limit=pool.settings.memory_limit,
        running=sum(task.state == "running" for task in tasks),
        queued=sum(task.state == "queued" for task in tasks),
        children=children,
    )


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(pool: PoolOf) -> Response:
    """Figures for Prometheus."""
    return PlainTextResponse(await prometheus(pool), media_type="text/plain; version=0.0.4")


@router.get("/tasks")
async def tasks(pool: PoolOf) -> list[TaskStatus]:
    """The tasks that run or wait."""
    return pool.tasks()


@router.post("/tasks", response_class=Response)
async def post_task(
    request: Request, pool: PoolOf, x_task_id: Annotated[str | None, Header(alias=TASK_ID_HEADER)] = None
) -> Response:
    """Perform a task (`flowfile_engine.tasks.Task`); answers with its events, one a line, as they come."""
    if x_task_id is not None and not _TASK_ID.fullmatch(x_task_id):
        return problem_response(
            Problem(code="bad_task", message="a task's id is up to 64 letters, digits, `_`, `.` and `-`")
        )
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            return problem_response(Problem(code="too_large", message=f"a task may have {MAX_BODY:,} bytes"), 413)
    try:
        task = TASK.validate_json(body)
    except ValidationError as error:
        return problem_response(bad_body(error))
    return TaskStream(pool, pool.submit(task, bytes(body), x_task_id))


@router.delete("/tasks/{task_id}", status_code=204)
async def delete_task(task_id: str, pool: PoolOf) -> None:
    """Cancel a task; answers once nothing of it is left."""
    if not await pool.cancel(task_id):
        raise NotFoundError(f"no task named {task_id} runs or waits")


@router.get("/results")
def results(pool: PoolOf) -> ResultsUsage:
    """How full the cache is."""
    return ResultsUsage(**pool.cache.usage(), max_bytes=pool.cache.max_bytes)


@router.delete("/results")
def delete_results(pool: PoolOf) -> Cleared:
    """Remove every result that is not in use."""
    return Cleared(bytes=pool.cache.clear())


@router.get("/results/{file_ref}")
def result(file_ref: str, pool: PoolOf) -> CachedResult:
    """What is known of a cached result."""
    return _find(pool, file_ref)


@router.delete("/results/{file_ref}", status_code=204)
def delete_result(file_ref: str, pool: PoolOf) -> None:
    """Remove a cached result."""
    _find(pool, file_ref)
    if not pool.cache.remove(file_ref) and pool.cache.find_ref(file_ref) is not None:
        raise ConflictError(f"the result {file_ref} is being read", hint="try again when that has ended")


def create_app(settings: ServiceSettings) -> FastAPI:
    """The application; its children start with its lifespan."""
    pool = Pool(settings.pool)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with pool:
            yield

    app = FastAPI(title="Flowfile Worker", version=_version(), lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.pool = pool
    app.include_router(router)
    answer_errors(app)
    document_tasks(app)
    hosts = frozenset(name.lower() for name in settings.allowed_hosts)
    # Beyond loopback a token is demanded, which no web page has, so any name will do unless some are given.
    app.add_middleware(Guard, token=settings.token, hosts=hosts if hosts or is_loopback(settings.host) else None)
    return app


def _find(pool: Pool, file_ref: str) -> CachedResult:
    found = pool.cache.find_ref(file_ref) if is_file_ref(file_ref) else None
    if found is None:
        raise NotFoundError(f"no result named {file_ref} is cached", hint="it may have been evicted: run again")
    return found


@cache
def _version() -> str:
    try:
        return version("flowfile")
    except PackageNotFoundError:
        return "0"
