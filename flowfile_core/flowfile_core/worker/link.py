"""The one Worker of this Core, wherever it runs: whether it is there, and how to reach it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

from flowfile_core.messages import WorkerState
from flowfile_core.settings import Settings
from flowfile_core.worker.client import WorkerClient
from flowfile_core.worker.embedded import EmbeddedWorker
from flowfile_engine.errors import FlowfileError

_WAIT_SECONDS = 30.0
_CHECK_SECONDS = 2.0


class WorkerStartingError(FlowfileError):
    """There is no Worker at the moment."""

    code = "worker_starting"


class WorkerLink:
    """Finds, starts and watches the Worker.

    Args:
        changed: called with the state whenever it changes.
    """

    def __init__(self, settings: Settings, changed: Callable[[WorkerState], None]) -> None:
        token = settings.internal_token
        self._token = token.get_secret_value() if token is not None else secrets.token_urlsafe(32)
        self._external = settings.worker_url
        self._command = settings.worker_command
        self._changed = changed
        self._client: WorkerClient | None = None
        self._ready = asyncio.Event()
        self._embedded: EmbeddedWorker | None = None
        self._watching: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self.state: WorkerState = "starting"

    def start(self) -> None:
        """Start the embedded Worker, or begin to watch the external one."""
        if self._external is None:
            self._embedded = EmbeddedWorker(self._command, self._token, self._came, lambda _: self._went())
            self._embedded.start()
        else:
            self._watching = asyncio.create_task(self._watch(self._external))

    @property
    def pid(self) -> int | None:
        """The embedded Worker's process."""
        return self._embedded.pid if self._embedded is not None else None

    async def client(self) -> WorkerClient:
        """The Worker, waited for if it is starting.

        Raises:
            WorkerStartingError: there is none after a while.
        """
        if not self._ready.is_set():
            try:
                await asyncio.wait_for(self._ready.wait(), _WAIT_SECONDS)
            except TimeoutError:
                raise WorkerStartingError("the Worker is not there", hint="the log of Core may say why") from None
        assert self._client is not None
        return self._client

    async def stop(self) -> None:
        """Let go of the Worker; the embedded one ends."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        if self._client is not None:
            await self._client.close()
        await asyncio.gather(*self._closing)
        if self._embedded is not None:
            await self._embedded.stop()

    def _came(self, url: str) -> None:
        self._forget()
        self._client = WorkerClient(url, self._token)
        self._ready.set()
        self._set("ready")

    def _went(self) -> None:
        self._ready.clear()
        self._forget()
        self._set("lost")

    def _forget(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            task = asyncio.create_task(client.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def _set(self, state: WorkerState) -> None:
        if state != self.state:
            self.state = state
            self._changed(state)

    async def _watch(self, url: str) -> None:
        """Ask an external Worker now and then whether it lives; it is somebody else's to restart."""
        probe = WorkerClient(url, self._token)
        try:
            while True:
                healthy = await probe.healthy()
                if healthy and self.state != "ready":
                    self._came(url)
                elif not healthy and self.state == "ready":
                    self._went()
                await asyncio.sleep(_CHECK_SECONDS)
        finally:
            await probe.close()
