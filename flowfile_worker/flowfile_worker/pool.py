"""The pool: brings tasks and children together.

A child works on one task at a time. Runs never take the last free child that serves people, and run at a lower
priority, so that a preview does not wait for a run.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
import time
from collections import Counter, deque
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from pydantic import ValidationError

from flowfile_engine.errors import ConflictError, DiskFullError, Problem, WorkerLostError
from flowfile_engine.run.cache import ResultCache
from flowfile_engine.tasks import EVENT, TASK, Event, Task
from flowfile_worker import endings, processes
from flowfile_worker.child_process import ChildProcess
from flowfile_worker.job import Job, TaskStatus
from flowfile_worker.memory import MemoryWatch
from flowfile_worker.roster import MAX_FAILED_STARTS, Roster
from flowfile_worker.settings import PoolSettings

log = logging.getLogger(__name__)

LONG_TASK = 0.25
"""Seconds after which a child that serves people counts as taken, and another is started for the next task."""

_TEND_INTERVAL = 5.0
_SWEEP_INTERVAL = 600.0


class Pool:
    """Runs tasks in warm child processes. Usable as an asynchronous context manager.

    Attributes:
        counts: tasks ended, by kind and outcome (`done`, or a problem's code).
    """

    def __init__(self, settings: PoolSettings | None = None) -> None:
        self.settings = settings or PoolSettings()
        self.cache: ResultCache = self.settings.cache()
        self.roster = Roster(self.settings, self._settle)
        self.counts: Counter[tuple[str, str]] = Counter()
        self._jobs: dict[str, Job] = {}
        self._people: deque[Job] = deque()
        self._runs: deque[Job] = deque()
        self._drivers: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._active_until = 0.0
        self._memory_kills = processes.kills_for_memory()
        self._tending: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the first child, without waiting for it."""
        self._settle()
        self._tending = asyncio.create_task(self._tend())

    async def stop(self) -> None:
        """Cancel what runs, and wait until no child is left."""
        self._stopping = True
        if self._tending is not None:
            self._tending.cancel()
            with suppress(asyncio.CancelledError):
                await self._tending
        await asyncio.gather(*(self.cancel(task_id) for task_id in list(self._jobs)))
        await self.roster.stop()

    async def __aenter__(self) -> Pool:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    def submit(self, task: Task, body: bytes | None = None, task_id: str | None = None) -> Job:
        """Take a task; its events come from the job.

        Args:
            task: what to do.
            body: the same as JSON, where the caller has it.
            task_id: a name for `cancel`; made up if missing.

        Raises:
            ConflictError: a task of that name is at work.
            WorkerLostError: the pool is being stopped.
        """
        task_id = task_id or secrets.token_hex(8)
        if task_id in self._jobs:
            raise ConflictError(f"there is a task named {task_id} already")
        if self._stopping:
            raise WorkerLostError("the Worker is shutting down", hint="send the task again once it is back")
        job = Job(task_id, task, body if body is not None else TASK.dump_json(task))
        self._jobs[task_id] = job
        (self._runs if job.is_run else self._people).append(job)
        self._active_until = time.monotonic() + self.settings.idle_seconds
        self.roster.failed_starts = min(self.roster.failed_starts, MAX_FAILED_STARTS - 1)
        self._settle()
        return job

    async def run(self, task: Task, task_id: str | None = None) -> AsyncGenerator[Event]:
        """Perform a task and give its events, the last of which is `DoneEvent` or `FailedEvent`.

        Whoever stops reading earlier cancels the task.
        """
        job = self.submit(task, task_id=task_id)
        try:
            async for lines in job.lines():
                for line in lines.splitlines():
                    yield EVENT.validate_json(line)
        finally:
            self._end_early(job)

    async def cancel(self, task_id: str) -> bool:
        """Cancel a task, and wait until nothing of it is left; False if there is none of that name."""
        job = self._jobs.get(task_id)
        if job is None:
            return False
        self._end_early(job)
        await job.ended.wait()
        return True

    def leave(self, job: Job) -> None:
        """Whoever asked is gone: a run goes on, what was meant for a person's eyes is cancelled."""
        job.stop_listening()
        if not job.is_run:
            self._end_early(job)

    def tasks(self) -> list[TaskStatus]:
        """The tasks that run or wait, in the order in which they came."""
        return [job.status() for job in self._jobs.values()]

    def _end_early(self, job: Job) -> None:
        if job.ended.is_set():
            return
        job.cancel()
        if job.child is not None:
            job.child.kill()
            return
        queue = self._runs if job.is_run else self._people
        if job in queue:
            queue.remove(job)
            self._end(job, endings.cancelled())

    # Who works on what

    def _settle(self) -> None:
        """Give tasks to idle children, and start the children that are missing. Called at every change."""
        if self._stopping:
            return
        while self._people and self._working(for_runs=False) < self.settings.max_people:
            if (child := self.roster.lend_for_people()) is None:
                break
            self._begin(self._people.popleft(), child)
        while self._runs and self._working(for_runs=True) < self.settings.max_runs:
            if (child := self.roster.lend_for_run(keep=self._kept_for_people())) is None:
                break
            self._begin(self._runs.popleft(), child)
        if self.roster.failed_starts >= MAX_FAILED_STARTS and not self.roster.starting:
            problem = endings.never_started(self.roster.last_words)
            while self._people or self._runs:
                self._end((self._people or self._runs).popleft(), problem)
        self.roster.ensure_fresh(self._fresh_wanted())

    def _working(self, for_runs: bool, longer_than: float = 0.0) -> int:
        before = time.monotonic() - longer_than
        return sum(
            job.started_at is not None and job.started_at <= before and job.is_run == for_runs
            for job in self._jobs.values()
        )

    def _kept_for_people(self) -> int:
        """How many fresh children a run must leave."""
        return int(self.settings.keep_for_people and self._working(for_runs=False) < self.settings.max_people)

    def _fresh_wanted(self) -> int:
        """How many fresh children should be idle: for what waits, and for what may come next."""
        places = self.settings.max_people - self._working(for_runs=False)
        soon_back = self._working(for_runs=False) - self._working(for_runs=False, longer_than=LONG_TASK)
        for_people = min(max(len(self._people), int(self.settings.keep_for_people)) - soon_back, places)
        runs = self._working(for_runs=True)
        active = not self.settings.keep_for_people or time.monotonic() < self._active_until
        for_runs = max(min(len(self._runs), self.settings.max_runs - runs), int(active and not runs))
        ran_before = len(self.roster.idle) - len(self.roster.fresh)
        return max(for_people, 0) + max(for_runs - ran_before, 0)

    def _begin(self, job: Job, child: ChildProcess) -> None:
        job.child = child
        job.started_at = time.monotonic()
        job.watch = MemoryWatch(child, self.settings.memory_limit)
        driver = asyncio.get_running_loop().create_task(self._drive(job, child, job.watch))
        self._drivers.add(driver)
        driver.add_done_callback(lambda done: self._driven(done, job, child))

    # One task

    async def _drive(self, job: Job, child: ChildProcess, watch: MemoryWatch) -> None:
        """See a task through, from its start to the end of everything that belongs to it."""
        recheck = asyncio.get_running_loop().call_later(LONG_TASK, self._settle)
        last = await self._converse(job, child)
        recheck.cancel()
        watch.stop()
        child.output.drain()
        child.output.give_to(None)
        job.printed.end()
        problem = None
        if last is None:
            problem = self._reason(job, watch, await asyncio.shield(child.exited))
        elif job.is_run or last.startswith(endings.FAILED):
            watch.look()
            last = endings.with_peak_memory(last, watch.peak)
        if child.killed or problem is not None or job.partial_files:
            if child.killed:
                await asyncio.shield(child.exited)
            strays = self.roster.strays() if self.settings.owns_process and child.exited.done() else []
            await asyncio.to_thread(self._clean, job, child, strays)
        if child.exited.done() or not child.is_alone or endings.is_unexpected(last):
            self.roster.let_go(child)
        else:
            self.roster.give_back(child)
        self._end(job, problem, last)
        self._settle()

    def _driven(self, driver: asyncio.Task[None], job: Job, child: ChildProcess) -> None:
        self._drivers.discard(driver)
        if not driver.cancelled() and (error := driver.exception()) is not None:
            log.error("task %s: the Worker failed", job.task_id, exc_info=error)
            self.roster.let_go(child)
            self._end(
                job, WorkerLostError("the Worker failed at this task", hint=f"its log names {job.task_id}").problem
            )

    async def _converse(self, job: Job, child: ChildProcess) -> bytes | None:
        """Send a task and take its events; gives the last one, or None if the child ended before."""
        child.output.give_to(job.printed.feed)
        child.send(job.body)
        while (message := await child.receive()) is not None:
            if message.startswith((endings.DONE, endings.FAILED)):
                return message
            try:
                job.take(message)
            except ValidationError:
                log.exception("child %d speaks nonsense", child.pid)
                child.kill()
            await job.room()
        return None

    def _reason(self, job: Job, watch: MemoryWatch, status: int) -> Problem:
        """Why a child ended before its task did."""
        kills = processes.kills_for_memory()
        by_system = kills is None or kills != self._memory_kills
        self._memory_kills = kills
        if job.cancelled:
            return endings.cancelled()
        if watch.exceeded:
            return endings.over_ceiling(watch.peak, self.settings.memory_limit)
        return endings.child_died(status, watch.peak, for_memory=status == -9 and by_system)

    def _clean(self, job: Job, child: ChildProcess, strays: list[int]) -> None:
        """End what a task left running, and remove what it left half written."""
        for pid in strays:
            processes.end_stray(pid)
        for path in map(Path, job.partial_files):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                with suppress(OSError):
                    path.unlink(missing_ok=True)
        if child.exited.done():
            self.cache.remove_temporary(child.pid)

    def _end(self, job: Job, problem: Problem | None, last: bytes | None = None) -> None:
        if problem is not None:
            last = endings.last_event(job.record, problem, job.peak_memory)
        failed = last is not None and last.startswith(endings.FAILED)
        self.counts[job.task.kind, problem.code if problem is not None else "failed" if failed else "done"] += 1
        del self._jobs[job.task_id]
        job.end(last or b"")

    # Now and then

    async def _tend(self) -> None:
        """Let go of children that are not needed or too big, and keep the cache within its bounds."""
        ended, sweep_at = -1, 0.0
        while True:
            try:
                if self.counts.total() != ended:
                    ended = self.counts.total()
                    await asyncio.to_thread(self.cache.evict)
                if time.monotonic() > sweep_at:
                    sweep_at = time.monotonic() + _SWEEP_INTERVAL
                    await asyncio.to_thread(self.cache.sweep)
            except (OSError, DiskFullError):
                log.exception("the cache could not be tended")
            await asyncio.sleep(min(_TEND_INTERVAL, self.settings.idle_seconds))
            if not self._jobs:
                self._memory_kills = processes.kills_for_memory()
            for child in list(self.roster.idle):
                if child.memory() > self.settings.recycle_bytes:
                    self.roster.let_go(child)
            if not self._jobs and time.monotonic() > self._active_until and self.settings.keep_for_people:
                for child in self.roster.idle[:]:
                    if child.for_runs or child is not self.roster.fresh[0]:
                        self.roster.let_go(child)
            self._settle()
