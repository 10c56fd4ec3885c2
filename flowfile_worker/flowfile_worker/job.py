"""One task on its way through the pool."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator
from typing import Literal

from pydantic import BaseModel

from flowfile_engine.tasks import LogEvent, PartialFileEvent, RunTask, StepEvent, Task
from flowfile_worker import endings
from flowfile_worker.child_process import ChildProcess
from flowfile_worker.memory import MemoryWatch
from flowfile_worker.output import PrintedLines

_MANY = 1_000


class TaskStatus(BaseModel):
    """A task that waits or runs.

    Attributes:
        seconds: since it came, or since it started if it runs.
        memory: bytes held now; None while it waits.
        peak_memory: the most bytes seen.
    """

    task_id: str
    kind: str
    state: Literal["queued", "running"]
    seconds: float
    memory: int | None = None
    peak_memory: int | None = None
    run_id: str | None = None
    flow_uuid: str | None = None


class Job:
    """A task, its events, and what must be known to end it without its child.

    Attributes:
        body: the task as one JSON text.
        child: the process that works on it; None while it waits.
        cancelled: whether somebody asked for its end.
        partial_files: what it writes under temporary names.
        ended: set once nothing of it is left.
    """

    def __init__(self, task_id: str, task: Task, body: bytes) -> None:
        self.task_id = task_id
        self.task = task
        self.body = body
        self.is_run = isinstance(task, RunTask)
        self.came_at = time.monotonic()
        self.started_at: float | None = None
        self.child: ChildProcess | None = None
        self.watch: MemoryWatch | None = None
        self.record = endings.RunRecord(task) if isinstance(task, RunTask) else None
        self.partial_files: list[str] = []
        self.printed = PrintedLines(self._log)
        self.cancelled = False
        self.ended = asyncio.Event()
        self._lines: deque[bytes] = deque()
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._listened_to = True

    @property
    def peak_memory(self) -> int:
        """The most bytes seen so far."""
        return self.watch.peak if self.watch is not None else 0

    @property
    def is_read(self) -> bool:
        """Whether it has ended and no event is left to read."""
        return self.ended.is_set() and not self._lines

    def take(self, message: bytes) -> None:
        """Take an event of the child: remember what its sudden end would need, and pass it on."""
        if message.startswith(endings.PARTIAL_FILE):
            self.partial_files.append(PartialFileEvent.model_validate_json(message).path)
            return
        if self.record is not None and message.startswith(endings.STEP):
            self.record.add(StepEvent.model_validate_json(message))
        self._post(message)

    def end(self, message: bytes) -> None:
        """Post the last event."""
        self._post(message)
        self.ended.set()
        self._changed.set()

    def stop_listening(self) -> None:
        """Nobody reads the events any more; the task goes on."""
        self._listened_to = False
        self._lines.clear()
        self._room.set()
        self._changed.set()

    def cancel(self) -> None:
        """Mark it as cancelled; whoever reads slowly holds it up no longer."""
        self.cancelled = True
        self._room.set()

    async def room(self) -> None:
        """Wait until the reader has caught up, so that a stalled one does not fill the memory."""
        await self._room.wait()

    async def lines(self) -> AsyncGenerator[bytes]:
        """Its events as JSON, one a line, as they come: as many at once as there are. To be read once."""
        while True:
            while self._lines:
                lines = b"\n".join(self._lines) + b"\n"
                self._lines.clear()
                self._room.set()
                yield lines
            if self.is_read or not self._listened_to:
                return
            self._changed.clear()
            await self._changed.wait()

    def status(self) -> TaskStatus:
        """What is known of it now."""
        status = TaskStatus(
            task_id=self.task_id,
            kind=self.task.kind,
            state="queued" if self.started_at is None else "running",
            seconds=round(time.monotonic() - (self.started_at or self.came_at), 3),
        )
        if self.watch is not None:
            status.memory, status.peak_memory = self.watch.look(), self.watch.peak
        if isinstance(self.task, RunTask):
            status.run_id, status.flow_uuid = self.task.run_id, self.task.flow.uuid
        return status

    def _log(self, line: str) -> None:
        self._post(LogEvent(message=line).model_dump_json().encode())

    def _post(self, message: bytes) -> None:
        if not self._listened_to:
            return
        self._lines.append(message)
        if len(self._lines) >= _MANY and not self.cancelled:
            self._room.clear()
        self._changed.set()
