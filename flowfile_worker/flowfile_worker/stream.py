"""A task's events as an HTTP response."""

from __future__ import annotations

import asyncio

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from flowfile_worker.job import Job
from flowfile_worker.pool import Pool

TASK_ID_HEADER = "X-Task-Id"


class TaskStream(Response):
    """Sends events as they come, one JSON text a line, and notices when the client goes."""

    media_type = "application/x-ndjson"

    def __init__(self, pool: Pool, job: Job) -> None:
        super().__init__(headers={TASK_ID_HEADER: job.task_id})
        del self.headers["content-length"]
        self._pool = pool
        self._job = job

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response; ends with the task."""
        presence = asyncio.create_task(self._watch(receive))
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            more = True
            async for lines in self._job.lines():
                more = not self._job.is_read
                await send({"type": "http.response.body", "body": lines, "more_body": more})
            if more:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            presence.cancel()
            self._pool.leave(self._job)

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._pool.leave(self._job)
