"""Work in a child process, as the services do it: with a memory ceiling, and over within a second when cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import aclosing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from flowfile.cli.start import Start
from flowfile_engine.errors import CancelledRunError, FlowfileError, Problem, TargetError
from flowfile_engine.tasks import Answer, DoneEvent, Event, FailedEvent, Task
from flowfile_worker.child_process import ChildProcess
from flowfile_worker.output import OutputPipe
from flowfile_worker.pool import Pool
from flowfile_worker.settings import PoolSettings

TASK_ID = "command"


class TaskFailedError(FlowfileError):
    """A task without an answer: the problem that it ended with, under its own code."""

    def __init__(self, failed: FailedEvent) -> None:
        super().__init__(failed.problem.message)
        self._problem = failed.problem

    @property
    def problem(self) -> Problem:
        """What the child, or the pool in its place, said."""
        return self._problem


def pool_settings(cache_folder: Path | None = None, memory_limit: int | None = None) -> PoolSettings:
    """The settings of a pool for one task: nobody waits for a preview meanwhile, so nothing is kept free for people.

    Args:
        cache_folder: None: the one that the services use, so that a result is computed once for both.
        memory_limit: bytes; None: the Worker's default.
    """
    settings = PoolSettings(keep_for_people=False, run_nice=0, max_runs=1)
    if cache_folder is not None:
        settings = replace(settings, cache_folder=cache_folder.absolute())
    return settings if memory_limit is None else replace(settings, memory_limit=memory_limit)


class Work:
    """One task in a pool of its own."""

    def __init__(self, task: Task, settings: PoolSettings, start: Start) -> None:
        self._task = task
        self._settings = settings
        self._start = start
        self._pool: Pool | None = None
        self._child: ChildProcess | None = None
        self._cancelled = False
        self._cancelling: asyncio.Task[bool] | None = None

    def perform(self, report: Callable[[Event], None]) -> Answer:
        """Do the task, and report its events as they come.

        Raises:
            CancelledRunError: a signal came before there was anything to cancel.
            TaskFailedError: the task has no answer.
        """
        last = asyncio.run(self._perform(report))
        if isinstance(last, FailedEvent):
            raise TaskFailedError(last)
        return last.answer

    async def _perform(self, report: Callable[[Event], None]) -> DoneEvent | FailedEvent:
        loop = asyncio.get_running_loop()
        folder = self._settings.cache_folder
        with self._start.interrupts.cancelling(lambda: loop.call_soon_threadsafe(self._cancel)):
            with _usable(folder):
                self._pool = pool = Pool(self._settings)
            connecting = self._adopt_early_child(pool)
            starting = asyncio.create_task(pool.start())
            try:
                await connecting
                if self._cancelled:
                    raise CancelledRunError("the task was cancelled")
                last = await self._converse(pool, report)
                with _usable(folder):
                    await starting
                    await asyncio.to_thread(pool.cache.evict)
                return last
            finally:
                with suppress(OSError, FlowfileError):
                    await starting
                await pool.stop()
                if self._child is not None:
                    await self._child.stop()

    def _adopt_early_child(self, pool: Pool) -> asyncio.Task[None]:
        early = self._start.take_child(str(self._settings.cache_folder))
        if early is not None:
            self._child = ChildProcess(early.process, early.connection, OutputPipe(early.readable))
            pool.roster.starting.add(self._child)
        return asyncio.create_task(self._connect(pool))

    async def _connect(self, pool: Pool) -> None:
        """Give the pool the child that was started early, once it is warm; without one it starts its own."""
        child = self._child
        if child is None:
            return
        warm = await child.connect()
        pool.roster.starting.discard(child)
        if warm:
            pool.roster.idle.append(child)

    async def _converse(self, pool: Pool, report: Callable[[Event], None]) -> DoneEvent | FailedEvent:
        async with aclosing(pool.run(self._task, task_id=TASK_ID)) as events:
            async for event in events:
                report(event)
                if isinstance(event, DoneEvent | FailedEvent):
                    return event
        raise AssertionError("a task ends with a last event")

    def _cancel(self) -> None:
        """Runs in the loop, at the first signal."""
        self._cancelled = True
        if self._pool is not None and self._pool.tasks():
            self._cancelling = asyncio.create_task(self._pool.cancel(TASK_ID))
        elif self._child is not None:
            self._child.kill()


@contextmanager
def _usable(folder: Path) -> Generator[None]:
    """Say what is wrong with a cache folder that cannot be used."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise TargetError(f"the cache folder {folder} cannot be used: {reason}", hint="see --cache-dir") from error
