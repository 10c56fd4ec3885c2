"""What the Worker's tests share: tasks for misbehaving children, services in processes of their own, ways to wait."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from flowfile_engine.graph.document import FlowDocument
from flowfile_engine.tasks import CountTask, Event, RunTask, Task
from flowfile_worker.pool import Pool

FAKE = "misbehaviour:perform"
HERE = str(Path(__file__).parent)
MakePool = Callable[..., Awaitable[Pool]]


def count(**parameters: Any) -> CountTask:
    """A person's task that does what the parameters say."""
    return CountTask(flow=FlowDocument(), node_id=1, parameters=parameters)


def run(**parameters: Any) -> RunTask:
    """A run of three steps, of which the second does what the parameters say."""
    return RunTask(flow=FlowDocument(uuid="flow"), run_id="run", parameters=parameters)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def wait_until(condition: Callable[[], object], seconds: float = 10) -> None:
    """Wait for something that happens soon."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.01)


async def wait_for(condition: Callable[[], object], seconds: float = 10) -> None:
    """Wait for something that happens soon, in a coroutine."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        await asyncio.sleep(0.01)


async def events_of(pool: Pool, task: Task, task_id: str | None = None) -> list[Event]:
    """All events of a task; fails where they do not end."""
    async with asyncio.timeout(20):
        return [event async for event in pool.run(task, task_id)]


@asynccontextmanager
async def begun(pool: Pool, task: Task, task_id: str, events: int = 1) -> AsyncGenerator[Awaitable[list[Event]]]:
    """A task of which so many events have come; gives the whole of them, to be awaited."""
    seen: list[Event] = []

    async def read() -> list[Event]:
        async for event in pool.run(task, task_id):
            seen.append(event)  # noqa: PERF401 - looked at meanwhile
        return seen

    reading = asyncio.create_task(read())
    try:
        await wait_for(lambda: len(seen) >= events or reading.done())
        yield reading
    finally:
        await pool.cancel(task_id)
        await asyncio.wait_for(reading, 20)


class Service:
    """A Worker in a process of its own."""

    def __init__(self, folder: Path, *options: str, token: str | None = "secret", **popen: Any) -> None:
        self.folder = folder
        environment = {**os.environ, "FLOWFILE_INTERNAL_TOKEN": token or ""}
        self.errors = (folder / "errors.log").open("wb")
        command = [sys.executable, "-m", "flowfile_worker", "--port=0", f"--cache-dir={folder / 'cache'}"]
        popen = {"stdin": subprocess.DEVNULL, "env": environment, **popen}
        self.process = subprocess.Popen(
            [*command, f"--perform={FAKE}", *options], stdout=subprocess.PIPE, stderr=self.errors, text=True, **popen
        )
        assert self.process.stdout is not None
        self.announced = self.process.stdout.readline().split()
        assert self.announced, self.log
        self.url = self.announced[1]
        headers = {"X-Internal-Token": token} if token else {}
        self.client = httpx.Client(base_url=self.url, headers=headers, timeout=20, trust_env=False)

    @property
    def log(self) -> str:
        return (self.folder / "errors.log").read_text()

    @property
    def children(self) -> list[int]:
        return [child["pid"] for child in self.client.get("/health").json()["children"]]

    def warm(self) -> "Service":
        wait_until(lambda: self.client.get("/health").json()["polars"])
        return self

    def close(self) -> None:
        self.client.close()
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.errors.close()
