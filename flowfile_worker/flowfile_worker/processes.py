"""What the operating system knows of a child and its descendants: their memory, their priority, their end."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
LINUX = sys.platform == "linux"


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when the thread that started it ends.

    Called in a child. Where the kernel knows no such thing, the end of the connection to the parent has to do.
    """
    if LINUX:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # ended before the kernel was told
        os._exit(1)


def adopt_orphans() -> None:
    """Make this process the parent of descendants whose own parent ends, so that none escapes `tree`."""
    if LINUX:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def has_children() -> bool:
    """Whether this process has started or adopted others and not waited for their end."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def tree(pid: int) -> list[int]:
    """A process and its descendants."""
    if not LINUX:
        return _psutil_tree(pid)
    found = [pid]
    for member in found:
        found += children(member)
    return found


def memory(pid: int) -> int:
    """Bytes of anonymous and shared memory that a process and its descendants hold; 0 when they are gone.

    File-backed pages are not counted: the system takes them back when it needs them.
    """
    return sum(own_memory(member) for member in tree(pid))


def kill_tree(pid: int) -> None:
    """Kill a process that leads a group, and its descendants, also those that left the group.

    Each is stopped before its children are listed, so that none is born meanwhile. The process must not have been
    waited for, or its number may be another's by now.
    """
    found = [pid]
    for member in found:
        with suppress(ProcessLookupError):
            os.kill(member, signal.SIGSTOP)
        found += [child for child in tree(member)[1:] if child not in found]
    for member in found:
        with suppress(ProcessLookupError):
            os.kill(member, signal.SIGKILL)
    kill_group(pid)


def kill_group(pid: int) -> None:
    """Kill what is left of the group that a process leads or led."""
    with suppress(ProcessLookupError, PermissionError):  # the latter: macOS, a group of nothing but zombies
        os.killpg(pid, signal.SIGKILL)


def end_stray(pid: int) -> None:
    """Kill a process that this one has adopted, and wait for its end."""
    kill_tree(pid)
    with suppress(ChildProcessError):
        os.waitpid(pid, 0)


def yield_to_others(pid: int, nice: int) -> None:
    """Lower the priority of all threads of the group that a process leads; there is no way back."""
    with suppress(ProcessLookupError, PermissionError):
        os.setpriority(os.PRIO_PGRP, pid, nice)
    if LINUX:  # sessions share the processor evenly whatever their threads' priorities, unless told this too
        with suppress(OSError):
            Path(f"/proc/{pid}/autogroup").write_text(str(nice))


def kills_for_memory() -> int | None:
    """How many processes the system has killed for want of memory since it started; None where it does not say."""
    try:
        with open("/proc/vmstat", "rb") as file:  # noqa: PTH123 - read at each task
            for line in file:
                if line.startswith(b"oom_kill "):
                    return int(line.split()[1])
    except OSError:
        pass
    return None


def children(pid: int) -> list[int]:
    """The processes that a process has started or adopted, and not waited for; on Linux only."""
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - every 50 ms
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:  # noqa: PTH123
                found += map(int, file.read().split())
    except OSError:  # it ended while we looked
        pass
    return found


def own_memory(pid: int) -> int:
    """Bytes of anonymous and shared memory that one process holds; 0 when it is gone."""
    if not LINUX:
        return _psutil_memory(pid)
    total = 0
    try:
        with open(f"/proc/{pid}/status", "rb") as file:  # noqa: PTH123 - every 50 ms
            for line in file:
                if line.startswith((b"RssAnon:", b"RssShmem:")):
                    total += int(line.split()[1]) << 10
    except OSError:  # it ended while we looked
        pass
    return total


def _psutil_tree(pid: int) -> list[int]:
    import psutil

    with suppress(psutil.Error):
        return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    return [pid]


def _psutil_memory(pid: int) -> int:
    import psutil

    with suppress(psutil.Error):
        return int(cast(Any, psutil.Process(pid).memory_info()).rss)
    return 0
