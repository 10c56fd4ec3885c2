"""A Worker that Core starts itself, and starts again when it dies."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

log = logging.getLogger("flowfile_core")

ANNOUNCEMENT = b"FLOWFILE_WORKER "

_START_SECONDS = 30.0
_STOP_SECONDS = 5.0
_BACKOFF_FIRST = 0.1
_BACKOFF_MOST = 5.0
_STABLE_SECONDS = 10.0

Came = Callable[[str], None]
Went = Callable[[int | None], None]


class EmbeddedWorker:
    """The Worker as a child process.

    Args:
        command: what starts it; it writes its address as a line on standard output.
        token: what it expects of callers.
        came: called with its address when it is ready.
        went: called with its exit code when it has died; None where it could not be started.
    """

    def __init__(self, command: Sequence[str] | None, token: str, came: Came, went: Went) -> None:
        # Its standard input is a pipe of ours, which ends with this process, however that ends; so does the Worker.
        self._command = list(command or [sys.executable, "-m", "flowfile_worker", "--port", "0", "--watch-stdin"])
        self._token = token
        self._came, self._went = came, went
        self._process: asyncio.subprocess.Process | None = None
        self._keeping: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start it, and keep it running from now on."""
        self._keeping = asyncio.create_task(self._keep())

    @property
    def pid(self) -> int | None:
        """Its process, while there is one."""
        return self._process.pid if self._process is not None else None

    async def stop(self) -> None:
        """End it for good: asked first, then killed."""
        if self._keeping is not None:
            self._keeping.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeping
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _STOP_SECONDS)
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        backoff = _BACKOFF_FIRST
        while True:
            began = loop.time()
            code = await self._live()
            if loop.time() - began > _STABLE_SECONDS:
                backoff = _BACKOFF_FIRST
            log.warning("the Worker ended (exit code %s); starting it again in %.1f s", code, backoff)
            self._went(code)
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, _BACKOFF_MOST)

    async def _live(self) -> int | None:
        """Start the process and wait for its end."""
        environment = {**os.environ, "FLOWFILE_INTERNAL_TOKEN": self._token}
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=environment,
                # Ctrl+C in a terminal is for Core, which ends the Worker in its turn.
                start_new_session=True,
            )
        except OSError as error:
            log.error("the Worker could not be started: %s", error)
            return None
        self._process = process
        assert process.stdout is not None
        try:
            url = await asyncio.wait_for(_announced(process.stdout), _START_SECONDS)
        except TimeoutError:
            log.error("the Worker did not say its address within %.0f s", _START_SECONDS)
            with suppress(ProcessLookupError):
                process.kill()
            return await process.wait()
        if url is not None:
            self._came(url)
            await _drain(process.stdout)
        return await process.wait()


async def _announced(output: asyncio.StreamReader) -> str | None:
    """The address that the Worker writes; None where its output ends before."""
    while line := await output.readline():
        if line.startswith(ANNOUNCEMENT):
            return line.removeprefix(ANNOUNCEMENT).decode().strip()
    return None


async def _drain(output: asyncio.StreamReader) -> None:
    """Read what else it prints, so that the pipe never fills."""
    while await output.read(65_536):
        pass
