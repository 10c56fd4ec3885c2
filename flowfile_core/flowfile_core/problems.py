"""Errors as answers: problem+json (RFC 9457) with the engine's codes, hints and places."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Any, ClassVar

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowfile_engine.errors import FlowfileError, NodeId, Problem

log = logging.getLogger("flowfile_core")

MEDIA_TYPE = "application/problem+json"

_STATUS = {
    "not_found": 404,
    "conflict": 409,
    "run_in_progress": 409,
    "unsaved": 409,
    "file_exists": 409,
    "cancelled": 409,
    "path_forbidden": 403,
    "unauthorized": 401,
    "forbidden": 403,
    "worker_lost": 502,
    "worker_starting": 503,
    "disk_full": 507,
}


class ProblemDetails(BaseModel):
    """What every answer with a status of 400 or more holds.

    Attributes:
        code: stable, for machines.
        detail: what was expected and what came.
        hint: what to do about it; empty if there is nothing to say.
        node_id: the step it belongs to, where known.
        field: the dotted path of the setting or the part of the request it belongs to, where known.
        problems: all that is wrong, where it is more than one thing.
        id: of an unexpected failure, to be found in the log.
    """

    title: str
    status: int
    code: str
    detail: str
    hint: str = ""
    node_id: NodeId | None = None
    field: str | None = None
    problems: list[Problem] = Field(default_factory=list)
    id: str | None = None


class UnauthorizedError(FlowfileError):
    """A request without the token, or with a wrong one."""

    code = "unauthorized"


class ForbiddenError(FlowfileError):
    """A request that comes from a page or by a name that Core does not serve."""

    code = "forbidden"


class DetailedError(FlowfileError):
    """An error whose answer says more than its problem."""

    def details(self) -> ProblemDetails:
        """The body of the answer."""
        return details_of(self.problem)


class RefusedError(DetailedError):
    """Something that several problems stand in the way of."""

    code: ClassVar[str] = "not_ready"

    def __init__(self, message: str, problems: Sequence[Problem], *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.problems = list(problems)

    def details(self) -> ProblemDetails:
        """All of the problems."""
        return details_of(self.problem, self.problems)


def status_of(code: str) -> int:
    """The HTTP status of an error's code; 422 for all that a person can mend in the request or the flow."""
    return _STATUS.get(code, 422)


def problem_response(details: ProblemDetails, headers: dict[str, str] | None = None) -> Response:
    """An answer that holds a problem."""
    return Response(details.model_dump_json(exclude_none=True), details.status, headers, MEDIA_TYPE)


def details_of(problem: Problem, problems: Sequence[Problem] = ()) -> ProblemDetails:
    """A problem as an answer's body."""
    status = status_of(problem.code)
    return ProblemDetails(
        title=HTTPStatus(status).phrase,
        status=status,
        code=problem.code,
        detail=problem.message,
        hint=problem.hint,
        node_id=problem.node_id,
        field=problem.field,
        problems=list(problems),
    )


def error_response(error: FlowfileError) -> Response:
    """The answer for an error that a person can do something about."""
    details = error.details() if isinstance(error, DetailedError) else details_of(error.problem)
    headers = {"WWW-Authenticate": "Bearer"} if error.code == UnauthorizedError.code else None
    return problem_response(details, headers)


async def _flowfile_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, FlowfileError)
    return error_response(error)


async def _invalid_request(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    problems = [
        Problem(code="bad_request", message=item["msg"], field=".".join(str(part) for part in item["loc"]))
        for item in error.errors()[:100]
    ]
    first = problems[0]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    details = details_of(first.model_copy(update={"message": f"{first.field}: {first.message}{more}"}), problems)
    return problem_response(details)


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    code = phrase.lower().replace(" ", "_")
    details = ProblemDetails(title=phrase, status=error.status_code, code=code, detail=str(error.detail))
    return problem_response(details, dict(error.headers) if error.headers else None)


Handler = Callable[[Request, Exception], Awaitable[Response]]


def add_problem_handlers(app: FastAPI) -> None:
    """Make the app answer with problem+json whatever goes wrong."""
    handlers: dict[type[Exception], Handler] = {
        FlowfileError: _flowfile_error,
        RequestValidationError: _invalid_request,
        HTTPException: _http_error,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


class UnexpectedErrors:
    """Outermost middleware: a failure that nobody foresaw gets an id, which the log and the answer share."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            await self.app(scope, receive, watched)
        except Exception:
            identity = uuid.uuid4().hex[:12]
            log.exception("unexpected failure %s at %s %s", identity, scope["method"], scope["path"])
            if started:
                raise
            await problem_response(unexpected(identity))(scope, receive, send)


def unexpected(identity: str) -> ProblemDetails:
    """The answer for a failure that nobody foresaw."""
    return ProblemDetails(
        title=HTTPStatus(500).phrase,
        status=500,
        code="unexpected",
        detail="something went wrong that should not have",
        hint=f"the log says more at {identity}",
        id=identity,
    )


def _documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


RESPONSES = _documented(400, 401, 403, 404, 409, 413, 422, 502, 503, 507)
"""The problems that any route may answer with, for the OpenAPI document."""
