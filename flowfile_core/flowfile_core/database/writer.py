"""Writing off the event loop: one thread, which commits together what came in together."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

T = TypeVar("T")
Work = Callable[[Connection], Any]

_GROUP = 500
"""Pieces of work that one transaction takes at most."""


class Database:
    """Reads in any thread, writes in one.

    Work is done in the order in which it was handed over.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._queue: queue.SimpleQueue[tuple[Work, Future[Any]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="database-writer", daemon=True)

    def start(self) -> None:
        """Begin to write what is handed over."""
        self._thread.start()

    def submit(self, work: Callable[[Connection], T]) -> Future[T]:
        """Hand over work to be done in a transaction; its future ends after the commit."""
        future: Future[T] = Future()
        self._queue.put((work, future))
        return future

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Do work in a transaction and wait for its commit."""
        return await asyncio.wrap_future(self.submit(work))

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Do work that only reads, on a connection of its own."""
        return await asyncio.to_thread(self.read_now, work)

    def read_now(self, work: Callable[[Connection], T]) -> T:
        """Do work that only reads, in this thread."""
        with self.engine.connect() as connection:
            return work(connection)

    def close(self) -> None:
        """Do what was handed over, then close the connections."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()
        self.engine.dispose()

    def _run(self) -> None:
        ended = False
        while not ended:
            group = [self._queue.get()]
            while len(group) < _GROUP and not self._queue.empty():
                group.append(self._queue.get())
            work = [item for item in group if item is not None]
            ended = len(work) < len(group)
            # Alone after a failure together: each piece then fails or succeeds by itself.
            if not self._commit(work, last=len(work) == 1):
                for item in work:
                    self._commit([item], last=True)

    def _commit(self, group: list[tuple[Work, Future[Any]]], *, last: bool) -> bool:
        try:
            with self.engine.begin() as connection:
                results = [work(connection) for work, _ in group]
        except (SQLAlchemyError, OSError, ValueError, KeyError, TypeError) as error:
            if last:
                for _, future in group:
                    future.set_exception(error)
            return last
        for (_, future), result in zip(group, results, strict=True):
            future.set_result(result)
        return True
