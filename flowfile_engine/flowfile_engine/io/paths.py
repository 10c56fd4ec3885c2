"""Paths as people write them: relative ones, `~`, patterns, and the folders that a service may touch."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from pathlib import Path

from flowfile_engine.errors import PathForbiddenError

PATTERN_CHARACTERS = frozenset("*?[")


def is_pattern(path: str) -> bool:
    """Whether a path is a pattern that any number of files may match."""
    return not PATTERN_CHARACTERS.isdisjoint(path)


def fixed_prefix(path: Path) -> Path:
    """The folder above a pattern's first wildcard; the path itself if it has none."""
    parts = path.parts
    for index, part in enumerate(parts):
        if is_pattern(part):
            return Path(*parts[:index])
    return path


def resolve_path(text: str, base_dir: str | Path | None = None, roots: Iterable[str | Path] | None = None) -> Path:
    """The absolute path that a text of a person means, inside the folders that may be touched.

    Symbolic links are followed, so that none of them leads out of the roots: not the path itself, nor what a pattern
    matches or a folder holds.

    Args:
        text: absolute, relative to `base_dir`, or beginning with `~`; may be a pattern.
        base_dir: where relative paths start; None: the working folder.
        roots: the folders that the path must lie in; None: anywhere.

    Raises:
        PathForbiddenError: the path lies outside the roots, or a pattern climbs (`*/..`).
    """
    if "\0" in text:
        raise PathForbiddenError("a path cannot hold a zero character", field="path")
    path = Path(base_dir or Path.cwd(), Path(text).expanduser() if text.startswith("~") else text)
    prefix = path if os.path.lexists(path) else fixed_prefix(path)
    rest = path.relative_to(prefix)
    if ".." in rest.parts:
        raise PathForbiddenError(f"{text!r} climbs out of a pattern", hint="no `..` after a wildcard", field="path")
    real = Path(os.path.realpath(prefix))
    if roots is not None:
        allowed = [Path(os.path.realpath(root)) for root in roots]
        for place in [real, *_linked(real, rest)]:
            if not any(place.is_relative_to(root) for root in allowed):
                raise PathForbiddenError(
                    f"{text!r} lies outside the folders that may be used",
                    hint=f"they are: {', '.join(map(str, allowed)) or 'none'}",
                    field="path",
                )
    return real / rest


def _linked(place: Path, rest: Path) -> list[Path]:
    """Where the links lead that a reader of a pattern or of a folder would follow."""
    if rest.parts:
        return [Path(os.path.realpath(found)) for found in matches(str(place / rest))]
    return [
        Path(os.path.realpath(Path(folder, name)))
        for folder, folders, files in os.walk(place)
        for name in (*folders, *files)
        if Path(folder, name).is_symlink()
    ]


def matches(pattern: str) -> list[str]:
    """The files that a pattern matches, sorted as the readers sort them."""
    found = glob.glob(pattern, recursive=True, include_hidden=True)  # noqa: PTH207 - takes absolute patterns, hidden files
    return sorted(path for path in found if Path(path).is_file())


def files_at(path: str) -> list[Path]:
    """The files that a path means now: a file, those below a folder, or those that match a pattern.

    A file that does not exist is given too: its absence is part of what a source is.
    """
    if Path(path).is_dir():
        return sorted(found for found in Path(path).rglob("*") if found.is_file())
    if is_pattern(path) and not Path(path).exists():
        return [Path(found) for found in matches(path)]
    return [Path(path)]
