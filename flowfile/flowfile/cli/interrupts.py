"""What Ctrl+C, SIGTERM and a closed terminal do to a command."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

from flowfile.cli.exits import SIGNALLED


class Interrupts:
    """Ends the process at once, or cancels the work that is under way.

    While work is cancelled further signals change nothing: it is over within a second, and ending before it would
    leave its files behind.

    Attributes:
        number: the first signal that came; 0: none.
        before_exit: called before the process is ended at once.
    """

    def __init__(self) -> None:
        self.number = 0
        self.before_exit: Callable[[], object] | None = None
        self._cancel: Callable[[], object] | None = None

    def install(self) -> None:
        """Listen from here on, except to signals that whoever started this process has it ignore (`nohup`, `&`)."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._handle)

    @property
    def exit_code(self) -> int:
        """What a command that was interrupted ends with."""
        return SIGNALLED + (self.number or signal.SIGINT)

    @contextmanager
    def cancelling(self, cancel: Callable[[], object]) -> Generator[None]:
        """Call a function at the first signal, in place of ending the process."""
        self._cancel = cancel
        try:
            yield
        finally:
            self._cancel = None

    def ignore(self) -> None:
        """Let nothing come between a command that is done and its exit code: Python would die of a signal at exit."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)

    def release(self) -> None:
        """Give the signals back to the system's own handling, for a service that has handlers of its own."""
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) == self._handle:
                signal.signal(number, signal.SIG_DFL)
        if signal.getsignal(signal.SIGINT) == self._handle:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._cancel is None:  # nothing is under way
            if self.before_exit is not None:
                self.before_exit()
            os._exit(SIGNALLED + number)
        if not self.number:
            self.number = number
            self._cancel()
