"""Tasks for the Worker over HTTP: one request a task, its events as lines of the answer."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from flowfile_engine.errors import FlowfileError, NotFoundError, Problem, WorkerLostError
from flowfile_engine.tasks import EVENT, DoneEvent, Event, FailedEvent

if TYPE_CHECKING:
    import httpcore

log = logging.getLogger("flowfile_core")

TOKEN_HEADER = "X-Internal-Token"
TASK_HEADER = b"x-task-id"

_DONE = b'{"kind":"done","answer":'
_HEALTH_SECONDS = 5.0
_CONNECTIONS = 64


class TaskError(FlowfileError):
    """A task that the Worker could not do, with the Worker's own problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message, hint=problem.hint, node_id=problem.node_id, field=problem.field)
        self._code = problem.code

    @property
    def problem(self) -> Problem:
        """The Worker's problem."""
        return super().problem.model_copy(update={"code": self._code})


def lost(reason: BaseException | str) -> WorkerLostError:
    """The error for a Worker that did not answer, or not to the end."""
    return WorkerLostError(f"the Worker ended before it answered ({reason or type(reason).__name__})", hint="try again")


class TaskStream:
    """A task at the Worker: its id, and its events as lines."""

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response
        self.task_id = next((value.decode() for name, value in response.headers if name.lower() == TASK_HEADER), "")

    async def lines(self) -> AsyncIterator[bytes]:
        """The events as JSON, as they come."""
        rest = b""
        async for chunk in self._response.aiter_stream():
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                if line.strip():
                    yield line
        if rest.strip():
            yield rest

    async def events(self) -> AsyncIterator[Event]:
        """The events as they come."""
        async for line in self.lines():
            yield EVENT.validate_json(line)


class WorkerClient:
    """A Worker at an address, over connections that are kept open."""

    def __init__(self, url: str, token: str) -> None:
        # Leaner than httpx, which is built on it: this is the way of every run, and half a millisecond counts.
        import httpcore

        self.url = url.rstrip("/")
        self._headers = [(TOKEN_HEADER.encode(), token.encode()), (b"Content-Type", b"application/json")]
        self._pool = httpcore.AsyncConnectionPool(
            max_connections=_CONNECTIONS, max_keepalive_connections=8, keepalive_expiry=60
        )
        self._lost_errors = (
            httpcore.NetworkError,
            httpcore.ProtocolError,
            httpcore.TimeoutException,
            OSError,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.aclose()

    @asynccontextmanager
    async def task(self, task: bytes, task_id: str | None = None) -> AsyncGenerator[TaskStream]:
        """Give the Worker a task (JSON); its events can be read inside the context.

        Args:
            task: a `Task` of `flowfile_engine.tasks`.
            task_id: what to call it; None: the Worker gives it a name.

        Raises:
            WorkerLostError: it could not be reached, or went away.
            TaskError: it refused the task.
        """
        headers = self._headers if task_id is None else [*self._headers, (TASK_HEADER, task_id.encode())]
        try:
            async with self._pool.stream("POST", f"{self.url}/tasks", headers=headers, content=task) as response:
                if response.status >= 400:
                    raise _refused(response.status, await response.aread())
                yield TaskStream(response)
        except self._lost_errors as error:
            raise lost(error) from error

    async def answer(self, task: bytes) -> bytes:
        """Do a task and give its answer as JSON, unparsed.

        Cancelling this cancels the task.

        Raises:
            WorkerLostError: the Worker went away.
            TaskError: the task failed.
        """
        async with self.task(task) as stream:
            last = b""
            try:
                async for line in stream.lines():
                    last = line
            except asyncio.CancelledError:
                await asyncio.shield(self.cancel_quietly(stream.task_id))
                raise
        if last.startswith(_DONE):
            return last.rstrip()[len(_DONE) : -1]
        if not last:
            raise lost("no answer")
        event = EVENT.validate_json(last)
        if isinstance(event, FailedEvent):
            raise TaskError(event.problem)
        if not isinstance(event, DoneEvent):
            raise lost("the answer is not whole")
        return event.answer.model_dump_json().encode()

    async def cancel(self, task_id: str) -> None:
        """Cancel a task; one that has ended is no error.

        Raises:
            WorkerLostError: the Worker could not be reached.
        """
        with suppress(NotFoundError):
            await self.request("DELETE", f"/tasks/{task_id}")

    async def request(self, method: str, path: str, *, seconds: float | None = None) -> Any:
        """Another request; its answer's JSON.

        Raises:
            WorkerLostError: the Worker could not be reached.
            NotFoundError: there is no such thing.
        """
        timeout = {} if seconds is None else {"timeout": {"connect": seconds, "read": seconds, "pool": seconds}}
        try:
            response = await self._pool.request(method, f"{self.url}{path}", headers=self._headers, extensions=timeout)
        except self._lost_errors as error:
            raise lost(error) from error
        if response.status == 404:
            raise NotFoundError(f"the Worker has no {path}")
        if response.status >= 400:
            raise _refused(response.status, response.content)
        return json.loads(response.content) if response.content else None

    async def healthy(self) -> bool:
        """Whether the Worker answers."""
        try:
            await self.request("GET", "/health", seconds=_HEALTH_SECONDS)
        except FlowfileError:
            return False
        return True

    async def cancel_quietly(self, task_id: str) -> None:
        """Cancel a task that nobody waits for any more, as far as that can be done."""
        try:
            await self.cancel(task_id)
        except FlowfileError as error:
            log.info("task %s could not be cancelled: %s", task_id, error)


def _refused(status: int, body: bytes) -> FlowfileError:
    """The Worker's problem+json as an error."""
    try:
        given = json.loads(body)
        return TaskError(
            Problem(
                code=given["code"],
                message=given.get("detail") or given.get("message") or "refused",
                hint=given.get("hint") or "",
                node_id=given.get("node_id"),
                field=given.get("field"),
            )
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return WorkerLostError(f"the Worker answered with status {status}", hint="its log may say why")
