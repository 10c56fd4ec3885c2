"""The memory ceiling of a task."""

from __future__ import annotations

import asyncio

from flowfile_worker.child_process import ChildProcess

INTERVAL = 0.05


class MemoryWatch:
    """Looks at a child's memory every 50 ms while a task runs, and kills it when it holds more than it may.

    Attributes:
        peak: the most bytes seen; 0 if the task ended before the first look.
        exceeded: whether the ceiling was passed.
    """

    def __init__(self, child: ChildProcess, limit: int) -> None:
        self.peak = 0
        self.exceeded = False
        self._child = child
        self._limit = limit
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(INTERVAL, self._tick)

    def look(self) -> int:
        """Take note of the memory held now, and give it."""
        held = self._child.memory()
        self.peak = max(self.peak, held)
        return held

    def stop(self) -> None:
        """Look no more."""
        self._timer.cancel()

    def _tick(self) -> None:
        if self.look() > self._limit:
            self.exceeded = True
            self._child.kill()
        else:
            self._timer = self._loop.call_later(INTERVAL, self._tick)


def shown(size: int) -> str:
    """A number of bytes for people."""
    if size < 1 << 30:
        return f"{size / (1 << 20):,.0f} MiB"
    return f"{size / (1 << 30):,.1f} GiB"
