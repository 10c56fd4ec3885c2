"""What a pool of children and the service around it are told when they start."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from flowfile_engine.run.cache import GIB, ResultCache

PORT = 63579
PERFORM = "flowfile_engine.run.perform:perform"
_MEMORY_SHARE = 0.6
_UNLIMITED = 1 << 60
_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def default_cache_folder() -> Path:
    """Where results are kept unless said otherwise: the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "flowfile" / "results"


def machine_memory() -> int:
    """Bytes of memory that this process may use at most: the machine's, or its container's if that is less."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in map(Path, _CGROUP_LIMITS):
        text = path.read_text().strip() if path.exists() else "max"
        if text != "max" and int(text) < _UNLIMITED:
            limits.append(int(text))
    return min(limits)


def default_memory_limit() -> int:
    """A task's ceiling unless said otherwise; leaves some for the rest of the machine and a preview beside a run."""
    return int(machine_memory() * _MEMORY_SHARE)


@dataclass(frozen=True)
class PoolSettings:
    """How many children there are, and what one task may take.

    Attributes:
        memory_limit: bytes of anonymous and shared memory of one task's processes.
        max_runs: runs at once; further ones wait.
        max_people: tasks of people (all but runs) at once.
        keep_for_people: whether a child is always kept free for people; a command that only runs a flow needs none.
        run_nice: how much runs yield to people's tasks on a busy processor (0 to 19).
        idle_seconds: without a task for so long, all children but one are let go.
        recycle_bytes: an idle child that holds more memory than this is replaced.
        perform: `module:function` that a child calls with each task.
        owns_process: whether all children of this process are the pool's, so that it may end whatever else it finds.
    """

    cache_folder: Path = field(default_factory=default_cache_folder)
    cache_bytes: int = 20 * GIB
    memory_limit: int = field(default_factory=default_memory_limit)
    max_runs: int = 2
    max_people: int = 2
    keep_for_people: bool = True
    run_nice: int = 5
    idle_seconds: float = 180.0
    recycle_bytes: int = 512 << 20
    perform: str = PERFORM
    owns_process: bool = False

    def cache(self) -> ResultCache:
        """The cache of results that the settings describe."""
        return ResultCache(self.cache_folder, max_bytes=self.cache_bytes)


@dataclass(frozen=True)
class ServiceSettings:
    """Where the service listens and whom it answers.

    Attributes:
        port: 0: any free one.
        token: what callers must send as `X-Internal-Token`; None: nothing, on loopback only.
        allowed_hosts: names that a `Host` header may hold besides the address listened on.
        parent_pid: the process whose end ends the service.
        watch_stdin: whether the end of standard input ends the service.
    """

    host: str = "127.0.0.1"
    port: int = PORT
    token: str | None = None
    allowed_hosts: tuple[str, ...] = ()
    parent_pid: int | None = None
    watch_stdin: bool = False
    pool: PoolSettings = field(default_factory=PoolSettings)
