"""Running Core as a process: migration, listening, announcing, an orderly end."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Callable

import uvicorn

from flowfile_core.app import create_app
from flowfile_core.database.engine import make_engine
from flowfile_core.database.migrate import migrate
from flowfile_core.settings import Settings
from flowfile_engine.errors import FlowfileError, SettingsError

log = logging.getLogger("flowfile_core")

ANNOUNCEMENT = "FLOWFILE_CORE"

_SHUTDOWN_SECONDS = 3
_SWITCH_SECONDS = 0.001


def announce(address: str) -> None:
    """Write the address as one line on standard output."""
    sys.stdout.write(f"{ANNOUNCEMENT} {address}\n")
    sys.stdout.flush()


def serve(settings: Settings | None = None, *, ready: Callable[[str], None] = announce) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        settings: None: from the environment.
        ready: called with the service's address once it answers.

    Raises:
        SettingsError: the address is taken.
        DatabaseError: the database was written by a newer version of the program.
    """
    settings = settings or Settings.from_environment()
    prepare(settings)
    listening = _listen(settings)
    # Predictions run in a thread beside the loop; the default of 5 ms would make each answer wait for several turns.
    sys.setswitchinterval(_SWITCH_SECONDS)
    config = uvicorn.Config(
        create_app(settings),
        http="h11",
        ws="none",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        timeout_keep_alive=75,
    )
    with listening:
        asyncio.run(_Server(config, _address(listening), ready).serve(sockets=[listening]))


def prepare(settings: Settings) -> None:
    """Make the data folder, and bring the database to the newest revision.

    Raises:
        SettingsError: the data folder cannot be made.
        DatabaseError: the database was written by a newer version of the program.
    """
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise SettingsError(f"the data folder {settings.data_dir} cannot be made: {error.strerror}") from error
    engine = make_engine(settings.database)
    try:
        backup = migrate(engine, settings.data_dir)
    finally:
        engine.dispose()
    if backup is not None:
        log.info("the database was migrated; a copy of the old one is %s", backup)


class _Server(uvicorn.Server):
    """A server that says when it answers, and ends streams before it waits for their connections."""

    def __init__(self, config: uvicorn.Config, address: str, ready: Callable[[str], None]) -> None:
        super().__init__(config)
        self._address = address
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready(self._address)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.config.app.state.services.events.close()  # pyright: ignore[reportFunctionMemberAccess, reportAttributeAccessIssue]
        await super().shutdown(sockets)

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        # uvicorn's own handlers raise the signal again at the end, which would make an orderly end look like a crash.
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop)
        await self._serve(sockets)

    def _stop(self) -> None:
        if self.should_exit:
            self.force_exit = True
        self.should_exit = True


def _listen(settings: Settings) -> socket.socket:
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(256)
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror or error}",
            hint="is Flowfile running already? FLOWFILE_PORT=0 takes a free port",
        ) from error
    return listening


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def main() -> None:
    """`python -m flowfile_core`: serve with the environment's settings."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    try:
        serve()
    except FlowfileError as error:
        sys.stderr.write(f"flowfile_core: {error}\n")
        sys.exit(2)
