"""Errors as problem+json (RFC 9457), with the fields of a `Problem`."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from flowfile_engine.errors import FlowfileError, Problem

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
_STATUS = {"not_found": 404, "conflict": 409, "unauthorized": 401, "bad_host": 421, "worker_lost": 503}


def problem_response(problem: Problem, status: int | None = None, headers: Mapping[str, str] | None = None) -> Response:
    """The response that tells of a problem."""
    status = status or _STATUS.get(problem.code, 422)
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": problem.message,
        **problem.model_dump(exclude_none=True),
    }
    return Response(json.dumps(body), status, dict(headers or {}), MEDIA_TYPE)


def bad_body(error: ValidationError) -> Problem:
    """What is said of a body that does not fit: the first thing that is wrong with it, and where."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or None
    return Problem(code="bad_task", message=f"the body is no task: {first['msg']}", field=field)


def answer_errors(app: FastAPI) -> None:
    """Have an application answer with problem+json whatever goes wrong."""

    @app.exception_handler(FlowfileError)
    async def expected(request: Request, error: FlowfileError) -> Response:
        return problem_response(error.problem)

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        code = HTTPStatus(error.status_code).name.lower()
        return problem_response(Problem(code=code, message=str(error.detail)), error.status_code, error.headers)

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        name = uuid.uuid4().hex[:12]
        log.error("internal error %s", name, exc_info=error)
        message = f"unexpected {type(error).__name__} (error {name})"
        hint = "the Worker's log has the details under this number"
        return problem_response(Problem(code="internal_error", message=message, hint=hint), 500)
