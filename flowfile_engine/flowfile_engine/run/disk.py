"""Files on a disk that several processes share and that may be full: locks, and what a full disk is called."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from flowfile_engine.errors import DiskFullError

SHARED = fcntl.LOCK_SH
EXCLUSIVE = fcntl.LOCK_EX
_NO_SPACE = ("No space left on device", "Disk quota exceeded", "os error 28", "os error 122")


def disk_full(error: BaseException, path: Path | str) -> DiskFullError | None:
    """The error for a person if an exception, or what caused it, says that the disk is full; else None.

    Polars raises its own kinds and `OSError`s without a number, so the text decides.
    """
    cause: BaseException | None = error
    while cause is not None:
        if any(sign in str(cause) for sign in _NO_SPACE):
            return DiskFullError(f"no room left on the disk that holds {path}", hint="free some space and run again")
        cause = cause.__cause__
    return None


@contextmanager
def disk_full_explained(path: Path | str) -> Generator[None]:
    """Turns an `OSError` that means a full disk into `DiskFullError`."""
    try:
        yield
    except OSError as error:
        if (full := disk_full(error, path)) is not None:
            raise full from error
        raise


def files_in(folder: Path) -> list[tuple[int, int, Path]]:
    """Last use in ns, size and path of each file in a folder; what vanishes meanwhile is left out."""
    found: list[tuple[int, int, Path]] = []
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                if entry.is_file(follow_symlinks=False):
                    stat = entry.stat(follow_symlinks=False)
                    found.append((stat.st_mtime_ns, stat.st_size, Path(entry.path)))
    return found


def lock(path: Path, operation: int, wait: bool = True) -> int | None:
    """A file descriptor that holds a lock on a file until it is closed, by its process's end at the latest.

    None where the file is gone, or where somebody else's lock stands against it and is not waited for.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, operation if wait else operation | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), path.stat()):  # else removed while we waited
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    except OSError:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def remove_unlocked(path: Path) -> bool:
    """Remove a file that nobody holds a lock on."""
    descriptor = lock(path, EXCLUSIVE, wait=False)
    if descriptor is None:
        return False
    try:
        path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)
    return True
