"""`flowfile serve`: Core, which starts its Worker."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from flowfile.cli import exits
from flowfile.cli.start import Start
from flowfile_core.serve import serve as serve_core
from flowfile_core.settings import Settings


def serve(host: str | None, port: int | None, data_dir: Path | None, start: Start) -> int:
    """Serve until Ctrl+C or SIGTERM; gives the exit code.

    Raises:
        FlowfileError: the address is taken, or the database is a newer version's.
    """
    start.interrupts.release()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)  # its start and end are told below
    settings = Settings.from_environment(host=host, port=port, data_dir=data_dir)
    try:
        serve_core(settings, ready=_announce)
    except KeyboardInterrupt:  # before it listened to signals itself
        return start.interrupts.exit_code
    return exits.FINE


def _announce(address: str) -> None:
    sys.stdout.write(f"Flowfile runs at {address} (Ctrl+C ends it)\n")
    sys.stdout.flush()
