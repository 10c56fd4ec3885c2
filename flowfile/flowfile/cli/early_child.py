"""A Worker's child that is started before anything else is imported.

A child takes longest of all to be ready, since it loads Polars. Started first, it does so while this process loads what
it needs itself. It is a head start and nothing more: a child that the pool cannot use is ended, and the pool starts one
of its own.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

COMMANDS = frozenset({"run", "rows", "export"})
"""The commands whose work is done in a child."""

PERFORM = "flowfile_engine.run.perform:perform"
HIDDEN = ("FLOWFILE_INTERNAL_TOKEN",)


class EarlyChild:
    """A process on its way to being a child of a pool.

    Attributes:
        cache_folder: where it keeps results; it is of no use to a pool that keeps them elsewhere.
        readable: the descriptor from which its output is read.
    """

    def __init__(self, cache_folder: str) -> None:
        self.cache_folder = cache_folder
        self.connection, theirs = socket.socketpair()
        self.readable, writable = os.pipe()
        command = [sys.executable, "-m", "flowfile_worker.child", f"--connection={theirs.fileno()}"]
        command += [f"--parent={os.getpid()}", f"--cache-dir={cache_folder}", f"--perform={PERFORM}"]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=writable,
            stderr=writable,
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
            env={name: value for name, value in os.environ.items() if name not in HIDDEN},
        )
        theirs.close()
        os.close(writable)

    def end(self) -> None:
        """Kill it and wait for its end."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.connection.close()
        os.close(self.readable)


def start_early(arguments: Sequence[str]) -> EarlyChild | None:
    """The child for a command line that will need one; None if it will not, or if it cannot be started yet."""
    if not arguments or arguments[0] not in COMMANDS or "--help" in arguments:
        return None
    try:
        return EarlyChild(_cache_folder(arguments))
    except OSError:  # whoever needs a child will say what is wrong
        return None


def _cache_folder(arguments: Sequence[str]) -> str:
    given = os.path.join(  # noqa: PTH118 - `pathlib` takes longer to load than the rest of this file
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"),  # noqa: PTH111
        "flowfile",
        "results",
    )
    for place, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name == "--cache-dir":
            given = value if equals else "".join(arguments[place + 1 : place + 2])
    return os.path.abspath(given)  # noqa: PTH100
