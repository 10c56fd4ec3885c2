"""Looking at files before they are read, for what the readers would say badly or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from flowfile_engine.errors import SettingsError, SourceError
from flowfile_engine.io.formats import TITLES, compression_of, suffix_of
from flowfile_engine.io.paths import files_at, is_pattern

if TYPE_CHECKING:
    from flowfile_engine.nodes.base import Frame

HEAD = 64 * 1024
MOST_HEADS = 100
"""Of how many files the beginning is looked at."""

ONE_BY_ONE = frozenset({"excel", "json", "avro"})
"""Formats whose readers take one file; a pattern is expanded for them, a folder is not."""


def check_files(path: str, format: str, *, one_by_one: bool = False) -> list[Path]:
    """The files that a path means, all of which can be opened.

    Raises:
        SourceError: there are none, they are of several kinds, or may not be read.
    """
    place, files = Path(path), files_at(path)
    if not files:
        kind = "the folder {} holds no files" if place.is_dir() else "no file matches {}"
        hint = "" if place.is_dir() else "relative paths start at the flow's folder"
        raise SourceError(kind.format(path), hint=hint, field="path")
    if place.is_dir():
        _check_folder(path, format, files, one_by_one)
    for file in files:
        if not file.exists():
            hint = "relative paths start at the flow's folder" if not is_pattern(path) else ""
            raise SourceError(f"there is no file {file}", hint=hint, field="path")
        if not os.access(file, os.R_OK):
            raise SourceError(f"{file} may not be read", hint="permission is missing", field="path")
    return files


def _check_folder(path: str, format: str, files: list[Path], one_by_one: bool) -> None:
    if one_by_one:
        raise SourceError(
            f"{path} is a folder, and {TITLES[format]} files like these are read one by one",
            hint=f"use a pattern, such as {path.rstrip('/')}/*.{'xlsx' if format == 'excel' else format}",
            field="path",
        )
    endings = {suffix_of(file.name): file for file in files}
    if len(endings) > 1:
        first, second = list(endings.values())[:2]
        raise SourceError(
            f"the folder {path} holds files of several kinds: {first.name} and {second.name}",
            hint=f"name the ones meant by a pattern, such as {path.rstrip('/')}/*{suffix_of(first.name) or '.csv'}",
            field="path",
        )


def check_utf8(files: Iterable[Path], line_end: str) -> None:
    """Refuse files whose beginning shows that they are not UTF-8, or that their lines end otherwise.

    The reader checks the values that it reads, but not the column names, and takes UTF-16 without its mark for text.

    Raises:
        SourceError: with the encoding that the beginning looks like as the hint.
    """
    for file in list(files)[:MOST_HEADS]:
        if compression_of(file.name) is not None:
            continue
        with file.open("rb") as opened:
            head = opened.read(HEAD)
        guess = _guess(head)
        if guess:
            raise SourceError(
                f"{file} is not UTF-8 text", hint=f"set the encoding, perhaps {guess}", field="csv_options.encoding"
            )
        if line_end == "\n" and b"\r" in head and b"\n" not in head and head.count(b"\r") > 1:
            raise SourceError(
                f"the lines of {file} end with \\r alone", hint="set the line end", field="csv_options.line_end"
            )


def _guess(head: bytes) -> str:
    """An encoding that bytes look like, if they are not UTF-8."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if b"\0" in head[:1000]:
        return "utf-16-le" if head[1:2] == b"\0" else "utf-16-be"
    try:
        # What is cut at the end of the head may be half a character.
        head.decode() if len(head) < HEAD else head[: head.rfind(b"\n") + 1].decode()
    except UnicodeDecodeError:
        return "cp1252 or latin-1"
    return ""


def check_types(frame: Frame, types: Iterable[str], field: str) -> None:
    """Refuse types given to columns that the files do not have: the readers pass over them.

    Raises:
        SettingsError: naming the column.
    """
    columns = frame.collect_schema().names()
    for name in types:
        if name not in columns:
            shown = ", ".join(columns[:8]) + (", ..." if len(columns) > 8 else "")
            raise SettingsError(f"a type is set for {name!r}, which is no column", hint=f"it has {shown}", field=field)
