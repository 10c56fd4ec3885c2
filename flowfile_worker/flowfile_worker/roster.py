"""The children of a pool: which are starting, idle or at work."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine
from typing import Any

from flowfile_worker import processes
from flowfile_worker.child_process import ChildProcess
from flowfile_worker.guardian import Guardian
from flowfile_worker.settings import PoolSettings

log = logging.getLogger(__name__)

_START_TIMEOUT = 60.0
MAX_FAILED_STARTS = 3


class Roster:
    """Starts children, keeps the idle ones, and lets go of them.

    A child is *fresh* until it is lent to a run, which lowers its priority for good.

    Args:
        changed: called when a child became idle or was lost.

    Attributes:
        failed_starts: how often in a row a child ended before it was warm.
        last_words: what the last of these printed.
    """

    def __init__(self, settings: PoolSettings, changed: Callable[[], None]) -> None:
        self.starting: set[ChildProcess] = set()
        self.idle: list[ChildProcess] = []
        self.lent: set[ChildProcess] = set()
        self.failed_starts = 0
        self.last_words = ""
        self.polars: str | None = None
        self._settings = settings
        self._changed = changed
        self._stopping = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._alive: set[int] = set()
        self._guardian: Guardian | None = None

    @property
    def fresh(self) -> list[ChildProcess]:
        """The idle children that may serve people."""
        return [child for child in self.idle if not child.for_runs]

    @property
    def children(self) -> list[ChildProcess]:
        """All children, also those that are being started."""
        return [*self.lent, *self.idle, *self.starting]

    def ensure_fresh(self, number: int) -> None:
        """Start children until so many fresh ones are idle or about to be."""
        missing = number - len(self.fresh) - len(self.starting)
        for _ in range(missing if self.failed_starts < MAX_FAILED_STARTS and not self._stopping else 0):
            try:
                self._guardian = self._guardian or Guardian()
                child = ChildProcess.start(self._settings)
            except OSError as error:
                self.failed_starts, self.last_words = MAX_FAILED_STARTS, str(error)
                asyncio.get_running_loop().call_soon(self._changed)
                return
            self._alive.add(child.pid)
            self._guardian.watch(self._alive)
            self.starting.add(child)
            self._spawn(self._bring_up(child))

    def lend_for_people(self) -> ChildProcess | None:
        """A fresh child, the one used last, whose memory is warm."""
        return self._lend(self.fresh[-1]) if self.fresh else None

    def lend_for_run(self, keep: int) -> ChildProcess | None:
        """A child that ran before, or else a fresh one if at least `keep` others are left."""
        for child in reversed(self.idle):
            if child.for_runs:
                return self._lend(child)
        if len(self.fresh) <= keep:
            return None
        child = self._lend(self.fresh[0])
        child.yield_to_others(self._settings.run_nice)
        return child

    def give_back(self, child: ChildProcess) -> None:
        """Take a child back after a task."""
        self.lent.discard(child)
        if child.killed or self._stopping:
            self.let_go(child)
        else:
            self.idle.append(child)

    def let_go(self, child: ChildProcess) -> None:
        """Kill a child."""
        self.lent.discard(child)
        if child in self.idle:
            self.idle.remove(child)
        self._spawn(self._stop(child))

    def strays(self) -> list[int]:
        """Processes that children left behind and that came to this one; none unless it adopts orphans."""
        known = {*self._alive, self._guardian.pid if self._guardian is not None else 0}
        return [pid for pid in processes.children(os.getpid()) if pid not in known]

    async def stop(self) -> None:
        """Kill all children and wait for their end."""
        self._stopping = True
        for child in (*self.idle, *self.lent):
            self.let_go(child)
        for child in self.starting:
            child.kill()
        while self._tasks:
            await asyncio.wait(self._tasks)
        if self._guardian is not None:
            self._guardian.close()
            self._guardian = None

    async def _stop(self, child: ChildProcess) -> None:
        await child.stop()
        self._alive.discard(child.pid)
        if self._guardian is not None:
            self._guardian.watch(self._alive)

    async def _bring_up(self, child: ChildProcess) -> None:
        try:
            warm = await asyncio.wait_for(child.connect(), _START_TIMEOUT)
        except TimeoutError:
            warm = False
        self.starting.discard(child)
        if warm and not self._stopping:
            self.failed_starts = 0
            self.polars = child.polars
            self.idle.append(child)
            child.exited.add_done_callback(lambda _: self._lost(child))
        else:
            child.output.drain()
            await self._stop(child)
            if not self._stopping:
                self.failed_starts += 1
                self.last_words = child.output.tail.decode("utf-8", "replace")
                log.error("a child ended before it was ready: %s", self.last_words)
        self._changed()

    def _lost(self, child: ChildProcess) -> None:
        """An idle child ended, for whatever reason."""
        if child in self.idle:
            log.warning("child %d ended while it was idle, with status %d", child.pid, child.exited.result())
            self.let_go(child)
            self._changed()

    def _lend(self, child: ChildProcess) -> ChildProcess:
        self.idle.remove(child)
        self.lent.add(child)
        return child

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
