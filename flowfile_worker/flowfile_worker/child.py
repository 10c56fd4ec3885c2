"""Inside a child: takes one task at a time from its parent and answers with events.

Started as `python -m flowfile_worker.child`, with its end of a socket pair as an inherited descriptor.
"""

from __future__ import annotations

import argparse
import faulthandler
import io
import os
import select
import signal
import socket
import sys
import threading
import traceback
import uuid
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import cast

from flowfile_engine.errors import FlowfileError, OutOfMemoryError, Problem
from flowfile_engine.run.cache import ResultCache
from flowfile_engine.run.disk import disk_full
from flowfile_engine.tasks import EVENT, TASK, Answer, DoneEvent, Event, FailedEvent, PingTask, Task
from flowfile_worker import frames, processes

Perform = Callable[[Task, ResultCache, Callable[[Event], None]], Answer]


class Child:
    """The life of a child process."""

    def __init__(self, connection: socket.socket, cache: ResultCache, perform: Perform) -> None:
        self._connection = connection
        self._cache = cache
        self._perform = perform
        self._sending = threading.Lock()

    def serve(self) -> None:
        """Perform tasks until the parent closes the connection."""
        polars = _warm_polars()
        self._perform(PingTask(), self._cache, lambda _: None)  # so that the engine loads what it needs
        self.send(frames.READY + polars.encode())
        while (message := frames.read_frame(self._connection)) is not None:
            last = self._answer(message)
            sys.stdout.flush()
            sys.stderr.flush()
            if processes.has_children():
                self.send(frames.NOT_ALONE)
            self.send(last)

    def send(self, message: bytes) -> None:
        """Send a message; threads of a task may do so at once."""
        with self._sending:
            self._connection.sendall(frames.frame(message))

    def emit(self, event: Event) -> None:
        """Send an event of the task at hand."""
        self.send(EVENT.dump_json(event))

    def _answer(self, message: bytes) -> bytes:
        """Perform a task; gives its last event as JSON."""
        try:
            answer = self._perform(TASK.validate_json(message), self._cache, self.emit)
            return EVENT.dump_json(DoneEvent(answer=answer))
        except BaseException as error:  # noqa: BLE001 - process boundary; a panic in Polars is no `Exception`
            return EVENT.dump_json(FailedEvent(problem=self._problem(error)))

    def _problem(self, error: BaseException) -> Problem:
        if isinstance(error, FlowfileError):
            return error.problem
        if (full := disk_full(error, self._cache.folder)) is not None:
            return full.problem
        if isinstance(error, MemoryError):
            return OutOfMemoryError("there was not enough memory for the task").problem
        name = uuid.uuid4().hex[:12]
        report = "".join(traceback.format_exception(error))
        self.send(frames.LOG + f"internal error {name}\n{report}".encode("utf-8", "backslashreplace"))
        return Problem(
            code="internal_error",
            message=f"unexpected {type(error).__name__} (error {name})",
            hint="the Worker's log has the details under this number",
        )


def _warm_polars() -> str:
    """Use Polars once, so that the first task does not pay for what it loads and starts; gives its version."""
    import polars as pl

    frame = pl.LazyFrame({"a": [1, 2], "b": ["x", "y"]}).group_by("b").agg(pl.col("a").sum())
    frame.collect()
    frame.collect(engine="streaming")
    return pl.__version__


def _end_with(connection: socket.socket) -> None:
    """End the whole group once the parent's end of the connection is closed. Runs in a thread of its own."""
    poll = select.poll()
    poll.register(connection, getattr(select, "POLLRDHUP", select.POLLHUP))
    poll.poll()
    os.killpg(0, signal.SIGKILL)


def _load(name: str) -> Perform:
    module, _, function = name.partition(":")
    return cast(Perform, getattr(import_module(module), function))


def main(arguments: list[str] | None = None) -> None:
    """Become a child of the process that started this one."""
    parser = argparse.ArgumentParser(prog="flowfile_worker.child")
    parser.add_argument("--connection", type=int, required=True)
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--cache-dir", type=Path, required=True)
    parser.add_argument("--perform", required=True)
    options = parser.parse_args(arguments)
    processes.die_with_parent(options.parent)
    processes.adopt_orphans()
    faulthandler.enable()
    for stream in (sys.stdout, sys.stderr):
        cast(io.TextIOWrapper, stream).reconfigure(line_buffering=True, errors="backslashreplace")
    connection = socket.socket(fileno=options.connection)
    connection.set_inheritable(False)
    threading.Thread(target=_end_with, args=(connection,), daemon=True, name="parent").start()
    cache = ResultCache(options.cache_dir)
    Child(connection, cache, _load(options.perform)).serve()


if __name__ == "__main__":
    main()
