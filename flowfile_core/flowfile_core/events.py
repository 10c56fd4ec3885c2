"""Live events: a bounded ring of messages with increasing ids; each client's stream reads it at its own pace."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from flowfile_core.messages import EventMessage, ResetMessage

_RING = 4_096
_HEARTBEAT_SECONDS = 15.0


@dataclass(slots=True)
class _Event:
    number: int
    user_id: int | None
    message: EventMessage | Callable[[], EventMessage]
    text: bytes | None = None

    def encoded(self) -> bytes:
        """The event as the stream carries it; made when the first client reads it."""
        if self.text is None:
            self.text = _encode(self.number, self.message() if callable(self.message) else self.message)
        return self.text


class EventHub:
    """Where messages are published, and streams of them begin. Belongs to the event loop's thread."""

    def __init__(self, size: int = _RING, heartbeat: float = _HEARTBEAT_SECONDS) -> None:
        self._ring: deque[_Event] = deque(maxlen=size)
        self._heartbeat = heartbeat
        # Later than any id that an earlier process gave out, so that none of those is taken for one of ours.
        self._last = time.time_ns() // 1_000
        self._news = asyncio.Event()
        self.closed = False

    def publish(self, message: EventMessage | Callable[[], EventMessage], user_id: int | None) -> None:
        """Tell a person's clients; None: everybody's.

        Args:
            message: or what makes it when the first client reads it, so that nobody's reading costs nothing.
            user_id: whose clients.
        """
        self._last += 1
        self._ring.append(_Event(self._last, user_id, message))
        self._wake()

    def close(self) -> None:
        """End all streams."""
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def stream(
        self, user_id: int, last_id: int | None, snapshot: Callable[[], ResetMessage]
    ) -> AsyncIterator[bytes]:
        """Server-sent events for one client, until the service ends.

        Args:
            user_id: whose client it is.
            last_id: the last one that the client saw; None, or one that the ring no longer reaches, begins with a
                `reset` that holds the snapshot.
            snapshot: gives everything of the person's as it stands.
        """
        cursor = last_id if last_id is not None and self._reaches(last_id) else None
        while not self.closed:
            news = self._news
            if cursor is None or not self._reaches(cursor):
                cursor = self._last
                yield _encode(cursor, snapshot())
            due = self._after(cursor)
            cursor = self._last
            for event in due:
                if event.user_id is None or event.user_id == user_id:
                    yield event.encoded()
            if news is self._news and not self.closed:
                try:
                    await asyncio.wait_for(news.wait(), self._heartbeat)
                except TimeoutError:
                    yield b": still here\n\n"

    def _reaches(self, last_id: int) -> bool:
        oldest = self._ring[0].number if self._ring else self._last + 1
        return oldest - 1 <= last_id <= self._last

    def _after(self, number: int) -> list[_Event]:
        count = self._last - number
        return list(self._ring)[len(self._ring) - count :] if count else []


def _encode(number: int, message: EventMessage) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (number, message.kind.encode(), message.model_dump_json().encode())
