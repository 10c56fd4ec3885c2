"""Request bodies that hold nothing which could not be written down again.

Python's JSON reader takes `NaN`, lone surrogates and numbers beyond a float's range; each of them would fail much
later, in a file or an answer. They are refused where they come in.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic_core import from_json

_MAYBE_INFINITE = re.compile(rb"[eE]\+?\d{3}|\d{300}")


def read_json(text: bytes) -> Any:
    """The value that a JSON text holds.

    Raises:
        json.JSONDecodeError: the text is not JSON, is nested too deeply, or holds a number or text that cannot be kept.
    """
    try:
        value = from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise json.JSONDecodeError(str(error), "", 0) from error
    if _MAYBE_INFINITE.search(text) and not _finite(value):
        raise json.JSONDecodeError("number out of range", "", 0)
    return value


def _finite(value: Any) -> bool:
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, float):
            if not math.isfinite(item):
                return False
        elif isinstance(item, dict):
            pending += item.values()
        elif isinstance(item, list):
            pending += item
    return True


class _StrictRequest(Request):
    async def json(self) -> Any:
        return read_json(await self.body())


class StrictRoute(APIRoute):
    """A route whose JSON body is read by `read_json`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler that FastAPI makes, given a stricter request."""
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handler(_StrictRequest(request.scope, request.receive))

        return strict
