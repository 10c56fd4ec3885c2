"""What files are right now, as a short text: two equal states mean that reading again gives the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path


def files_state(paths: Iterable[Path]) -> str:
    """A hash of the paths, sizes, times and inodes of files; empty if there are none.

    The inode is in it because a file that was replaced by a rename can keep its size and, on coarse clocks, its time.
    """
    paths = list(paths)
    if not paths:
        return ""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path}\0{_state(path)}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _state(path: Path) -> str:
    try:
        found = path.stat()
    except OSError as error:
        return f"missing {error.errno}"
    return f"{found.st_size} {found.st_mtime_ns} {found.st_ino}"
