"""A child process as its parent sees it: started, spoken to, killed, waited for."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress

from flowfile_worker import frames, processes
from flowfile_worker.output import OutputPipe
from flowfile_worker.settings import PoolSettings

log = logging.getLogger(__name__)

SECRETS = ("FLOWFILE_INTERNAL_TOKEN",)
"""Variables that a child, which runs people's code, must not see."""

_BUFFER = 1 << 20


class ChildProcess:
    """One child. Make it with `start`.

    Attributes:
        pid: also the number of its process group and session.
        polars: the version it uses; None until it is warm.
        killed: whether the parent has killed it.
        is_alone: whether nothing that its tasks started still runs.
        for_runs: whether its priority was lowered, after which it is of no use to people.
        exited: its exit status, negative for a signal, once the process and its descendants are gone.
        output: what it prints.
    """

    def __init__(self, process: subprocess.Popen[bytes], connection: socket.socket, output: OutputPipe) -> None:
        self.pid = process.pid
        self.polars: str | None = None
        self.for_runs = False
        self.killed = False
        self.is_alone = True
        self.output = output
        self.started_at = time.monotonic()
        self.exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._process = process
        self._connection = connection
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._watch_exit()

    @classmethod
    def start(cls, settings: PoolSettings) -> ChildProcess:
        """Start a process; it is of use once `connect` returns."""
        ours, theirs = socket.socketpair()
        readable, writable = os.pipe()
        command = [sys.executable, "-m", "flowfile_worker.child", f"--connection={theirs.fileno()}"]
        command += [f"--parent={os.getpid()}", f"--cache-dir={settings.cache_folder}", f"--perform={settings.perform}"]
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=writable,
                stderr=writable,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
                env={name: value for name, value in os.environ.items() if name not in SECRETS},
            )
        except OSError:
            ours.close()
            os.close(readable)
            raise
        finally:
            theirs.close()
            os.close(writable)
        return cls(process, ours, OutputPipe(readable))

    async def connect(self) -> bool:
        """Wait until it is warm; False if it ended before."""
        self._reader, self._writer = await asyncio.open_connection(sock=self._connection, limit=_BUFFER)
        while (message := await self.receive()) is not None:
            if message.startswith(frames.READY):
                self.polars = message[1:].decode()
                return True
        return False

    def send(self, message: bytes) -> None:
        """Send a task."""
        if self._writer is not None:
            self._writer.write(frames.frame(message))

    async def receive(self) -> bytes | None:
        """The next event as JSON; None once the child has ended."""
        while self._reader is not None:
            try:
                header = await self._reader.readexactly(frames.LENGTH.size)
                message = await self._reader.readexactly(frames.LENGTH.unpack(header)[0])
            except (asyncio.IncompleteReadError, ConnectionError):
                return None
            if message == frames.NOT_ALONE:
                self.is_alone = False
            elif message.startswith(frames.LOG):
                log.error("child %d: %s", self.pid, message[1:].decode("utf-8", "replace"))
            else:
                return message
        return None

    def memory(self) -> int:
        """Bytes that it and its descendants hold."""
        return 0 if self.exited.done() else processes.memory(self.pid)

    def yield_to_others(self, nice: int) -> None:
        """Lower its priority for good."""
        if not self.exited.done():
            processes.yield_to_others(self.pid, nice)
        self.for_runs = True

    def kill(self) -> None:
        """Kill it and its descendants at once; `exited` tells when that is done."""
        self.killed = True
        if not self.exited.done():
            processes.kill_tree(self.pid)

    async def stop(self) -> None:
        """Kill it, wait for its end and let go of what belongs to it."""
        self.kill()
        await asyncio.shield(self.exited)
        self.output.close()
        if self._writer is None:
            self._connection.close()
            return
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()

    def _watch_exit(self) -> None:
        loop = asyncio.get_running_loop()
        if hasattr(os, "pidfd_open"):
            descriptor = os.pidfd_open(self.pid)
            loop.add_reader(descriptor, self._ended, descriptor)
            return

        def wait() -> None:
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
            with suppress(RuntimeError):  # the loop is closed: nobody is interested any more
                loop.call_soon_threadsafe(self._ended, None)

        threading.Thread(target=wait, daemon=True, name=f"child {self.pid}").start()

    def _ended(self, descriptor: int | None) -> None:
        if descriptor is not None:
            asyncio.get_running_loop().remove_reader(descriptor)
            os.close(descriptor)
        processes.kill_group(self.pid)  # before the number is free for another process
        self.exited.set_result(self._process.wait())
