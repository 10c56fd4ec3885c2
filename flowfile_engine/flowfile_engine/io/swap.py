"""Putting what was written in its place: safe on the disk first, then by a rename."""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
from pathlib import Path

_AT_FDCWD = -100
_EXCHANGE = 2


def sync(path: Path) -> None:
    """Wait until a file, or all below a folder, is on the disk."""
    if path.is_dir():
        for child in path.iterdir():
            sync(child)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def size(path: Path) -> int:
    """Bytes of a file, or of all files below a folder."""
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size


def replace_file(source: Path, target: Path) -> None:
    """Give a file another's name and permissions. Readers see the old file or the new one."""
    if target.exists():
        shutil.copymode(target, source)
    sync(source)
    source.replace(target)
    sync_folder(target.parent)


def replace_folder(source: Path, target: Path) -> None:
    """Give a folder another's name. What was there is then at `source`, if there was something."""
    sync(source)
    if not target.exists():
        source.rename(target)
    elif not _exchange(source, target):
        # Without an exchange in one step there is an instant without the folder, never a half one.
        aside = source.with_name(f"{source.name}.old")
        target.rename(aside)
        try:
            source.rename(target)
        except OSError:
            aside.rename(target)
            raise
        aside.rename(source)
    sync_folder(target.parent)


def _exchange(first: Path, second: Path) -> bool:
    """Swap two names in one step, where the system can."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    return rename(_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _EXCHANGE) == 0


def move_files_into(source: Path, target: Path) -> None:
    """Move all files below a folder to the same places below another, under names of their own.

    Each file appears whole; if one cannot be moved, those already moved are taken away again.
    """
    sync(source)
    token, moved = secrets.token_hex(4), list[Path]()
    try:
        for file in sorted(found for found in source.rglob("*") if found.is_file()):
            place = target / file.relative_to(source).with_name(f"{token}-{file.name}")
            place.parent.mkdir(parents=True, exist_ok=True)
            file.rename(place)
            moved.append(place)
    except OSError:
        for place in moved:
            place.unlink(missing_ok=True)
        raise
    for folder in {place.parent for place in moved}:
        sync_folder(folder)


def join_files(first: Path, second: Path, whole: Path) -> None:
    """Write a file that holds the bytes of two text files, the second beginning on a line of its own."""
    shutil.copyfile(first, whole)
    with whole.open("r+b") as target, second.open("rb") as source:
        if target.seek(0, os.SEEK_END):
            target.seek(-1, os.SEEK_END)
            if target.read(1) != b"\n":
                target.write(b"\n")
        shutil.copyfileobj(source, target)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
