"""How a child and its parent tell messages apart on their connection: four bytes of length, then the message."""

from __future__ import annotations

import socket
import struct

LENGTH = struct.Struct(">I")

READY = b"+"
"""Begins the message by which a child says that it is warm; the version of Polars follows."""

LOG = b"!"
"""Begins a message for the Worker's own log."""

NOT_ALONE = b"~"
"""Says that what a task has started still runs. All messages that begin otherwise are events as JSON."""


def frame(message: bytes) -> bytes:
    """A message as it travels."""
    return LENGTH.pack(len(message)) + message


def read_frame(connection: socket.socket) -> bytes | None:
    """The next message, waiting for it; None at the end."""
    header = _read(connection, LENGTH.size)
    return None if header is None else _read(connection, LENGTH.unpack(header)[0])


def _read(connection: socket.socket, size: int) -> bytes | None:
    data = bytearray(size)
    view, have = memoryview(data), 0
    while have < size:
        got = connection.recv_into(view[have:])
        if not got:
            return None
        have += got
    return bytes(data)
