"""The Worker as a process: its socket, its announcement, its end."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
from contextlib import suppress

import uvicorn

from flowfile_engine.errors import SettingsError
from flowfile_worker import processes
from flowfile_worker.app import create_app
from flowfile_worker.guard import is_loopback
from flowfile_worker.pool import Pool
from flowfile_worker.settings import ServiceSettings

ANNOUNCEMENT = "FLOWFILE_WORKER"
_SHUTDOWN_SECONDS = 10.0
_BACKLOG = 512
_KEEP_ALIVE_SECONDS = 120


class _Server(uvicorn.Server):
    """A server that announces itself once it answers, and ends its tasks before it waits for their connections."""

    def __init__(self, config: uvicorn.Config, pool: Pool, address: str) -> None:
        super().__init__(config)
        self._pool = pool
        self._address = address

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            try:
                sys.stdout.write(f"{ANNOUNCEMENT} {self._address}\n")
                sys.stdout.flush()
            except BrokenPipeError:  # whoever started it has ended meanwhile
                self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Whatever happens, nobody waits for this process for ever; its children die with it.
        timer = threading.Timer(_SHUTDOWN_SECONDS, os._exit, (1,))
        timer.daemon = True
        timer.start()
        await self._pool.stop()
        await super().shutdown(sockets)
        timer.cancel()

    def stop(self) -> None:
        """Shut down in good order."""
        self.should_exit = True


def serve(settings: ServiceSettings) -> None:
    """Serve until told to stop.

    Raises:
        SettingsError: the address is not loopback's and there is no token, or it is taken.
    """
    if not settings.token and not is_loopback(settings.host):
        raise SettingsError(
            f"without a token the Worker listens on loopback only, not on {settings.host}",
            hint="set FLOWFILE_INTERNAL_TOKEN",
            field="host",
        )
    listening = _listen(settings.host, settings.port)
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
    )
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    server = _Server(config, app.state.pool, f"http://{host}:{listening.getsockname()[1]}")
    processes.adopt_orphans()
    with suppress(KeyboardInterrupt):  # the server shut down in good order, and raises it again
        asyncio.run(_serve(server, listening, settings))


async def _serve(server: _Server, listening: socket.socket, settings: ServiceSettings) -> None:
    watches = []
    if settings.parent_pid is not None:
        watches.append(asyncio.create_task(_until_ended(settings.parent_pid, server)))
    if settings.watch_stdin:
        _on_end_of_stdin(server)
    await server.serve(sockets=[listening])
    for watch in watches:
        watch.cancel()


async def _until_ended(pid: int, server: _Server) -> None:
    """Stop the server once a process has ended.

    The kernel's own signal for this follows the thread that started us, which may end before its process.
    """
    try:
        if hasattr(os, "pidfd_open"):
            await _readable(os.pidfd_open(pid))
        while os.getppid() == pid:  # noqa: ASYNC110 - nothing to wait for on this system
            await asyncio.sleep(0.5)
    except ProcessLookupError:
        pass
    server.stop()


async def _readable(descriptor: int) -> None:
    """Wait for a descriptor and close it."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _on_end_of_stdin(server: _Server) -> None:
    loop = asyncio.get_running_loop()

    def read() -> None:
        if not os.read(0, 4096):
            loop.remove_reader(0)
            server.stop()

    loop.add_reader(0, read)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named, because asyncio sends small answers without delay only where it sees it.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise SettingsError(
            f"cannot listen on {host}, port {port}: {error.strerror}", hint="is a Worker running already?", field="port"
        ) from error
    return listening
