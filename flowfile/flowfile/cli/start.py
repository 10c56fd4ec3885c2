"""The first thing that a command does: it sends a child on its way, and only then imports what it needs itself."""

from __future__ import annotations

import os
import signal
import sys

from flowfile.cli.early_child import EarlyChild, start_early
from flowfile.cli.exits import INTERNAL, SIGNALLED
from flowfile.cli.interrupts import Interrupts


class Start:
    """What is there before the command line has been read. A context manager that ends what nobody took.

    Attributes:
        child: a Worker's child that is being started, where the command needs one.
    """

    def __init__(self, interrupts: Interrupts) -> None:
        self.interrupts = interrupts
        self.child: EarlyChild | None = None
        interrupts.before_exit = self._end_child
        self.child = start_early(sys.argv[1:])

    def __enter__(self) -> Start:
        return self

    def __exit__(self, *_: object) -> None:
        self._end_child()
        self.interrupts.ignore()

    def run_command(self) -> int:
        """Read the command line and do what it says; gives the exit code."""
        try:
            from flowfile.cli.app import run_command

            code = run_command(self)
            sys.stdout.flush()
        except BrokenPipeError:
            # Whoever read the output has enough (`| head`); what is buffered must not raise once more at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return SIGNALLED + signal.SIGPIPE
        except Exception:  # noqa: BLE001 - the edge of the process: a bug is told from a failed run by its exit code
            import traceback

            traceback.print_exc()
            sys.stderr.write("flowfile: this is an error in Flowfile itself, please report it\n")
            return INTERNAL
        return code

    def _end_child(self) -> None:
        if self.child is not None:
            self.child.end()
            self.child = None

    def take_child(self, cache_folder: str) -> EarlyChild | None:
        """The child, for a pool that keeps its results in a folder; None if there is none for it."""
        child = self.child
        if child is None or child.cache_folder != cache_folder:
            return None
        self.child = None
        return child
