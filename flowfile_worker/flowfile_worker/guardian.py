"""What ends the children's own children when the Worker is killed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from contextlib import suppress

_SCRIPT = 'last=; while read -r groups; do last=$groups; done; [ -z "$last" ] || kill -KILL $last'


class Guardian:
    """A shell that waits for the end of this process, however it comes, and then kills the groups it was told of.

    The kernel kills a child together with its parent, but not what the child has started.
    """

    def __init__(self) -> None:
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        )

    @property
    def pid(self) -> int:
        """The shell's."""
        return self._shell.pid

    def watch(self, groups: Iterable[int]) -> None:
        """Have these process groups killed, and no others."""
        if self._shell.stdin is not None:
            with suppress(BrokenPipeError):
                self._shell.stdin.write(" ".join(f"-{group}" for group in groups).encode() + b"\n")
                self._shell.stdin.flush()

    def close(self) -> None:
        """Let it go; it kills what it was last told of."""
        if self._shell.stdin is not None:
            with suppress(BrokenPipeError):
                self._shell.stdin.close()
        self._shell.wait()
