"""What a child prints, as lines for the log of the task at hand: bounded, and never in the child's way."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress

MAX_LINE = 2_000
MAX_LINES = 1_000
MAX_BYTES = 256 << 10
CUT = "... (more was printed than the log keeps)"
_CHUNK = 1 << 16


class PrintedLines:
    """Cuts printed bytes into lines, up to a number of lines and bytes, and marks where it stopped."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._rest = b""
        self._lines = 0
        self._bytes = 0
        self._full = False

    def feed(self, data: bytes) -> None:
        """Take what was printed."""
        if self._full:
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_LINE:
            lines.append(self._rest)
            self._rest = b""
        for line in lines:
            self._line(line)

    def end(self) -> None:
        """Write the line that was not ended."""
        if self._rest:
            self._line(self._rest)

    def _line(self, line: bytes) -> None:
        if self._full:
            return
        shown = line[:MAX_LINE].decode("utf-8", "replace").rstrip("\r")
        if len(line) > MAX_LINE:
            shown += " ..."
        self._lines += 1
        self._bytes += len(line[:MAX_LINE]) + 1
        self._full = self._lines > MAX_LINES or self._bytes > MAX_BYTES
        self._write(CUT if self._full else shown)


class OutputPipe:
    """The reading end of a child's standard output and error. Always read, so that printing never waits."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._taker: Callable[[bytes], None] | None = None
        self.tail = b""
        os.set_blocking(descriptor, False)
        self._loop.add_reader(descriptor, self._read)

    def give_to(self, taker: Callable[[bytes], None] | None) -> None:
        """Who gets what is printed from here on; nobody between tasks."""
        self._taker = taker

    def drain(self) -> None:
        """Read what was printed until now, up to what a log keeps."""
        for _ in range(2 * MAX_BYTES // _CHUNK):
            if not self._read():
                break

    def close(self) -> None:
        """Stop reading."""
        if self._descriptor >= 0:
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def _read(self) -> bool:
        if self._descriptor < 0:
            return False
        data = b""
        with suppress(BlockingIOError):
            data = os.read(self._descriptor, _CHUNK)
            if not data:
                self.close()
        if data:
            self.tail = (self.tail + data[-MAX_LINE:])[-MAX_LINE:]
            if self._taker is not None:
                self._taker(data)
        return bool(data)
