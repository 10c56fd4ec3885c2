"""The file formats that are read and written, and how to tell them by a file's name."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path, PurePath
from typing import Any, Literal

from flowfile_engine.errors import SettingsError
from flowfile_engine.io.paths import files_at
from flowfile_engine.recording import is_recorded

Format = Literal["auto", "csv", "parquet", "excel", "json", "ndjson", "ipc", "avro"]

BY_SUFFIX = {
    ".csv": "csv", ".tsv": "csv", ".tab": "csv", ".txt": "csv",
    ".parquet": "parquet", ".pq": "parquet",
    ".xlsx": "excel", ".xlsm": "excel", ".xlsb": "excel", ".xls": "excel", ".ods": "excel",
    ".json": "json", ".ndjson": "ndjson", ".jsonl": "ndjson",
    ".arrow": "ipc", ".ipc": "ipc", ".feather": "ipc",
    ".avro": "avro",
}  # fmt: skip

COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
"""Endings of compressed text files (CSV and NDJSON)."""

TITLES = {
    "csv": "CSV",
    "parquet": "Parquet",
    "excel": "Excel",
    "json": "JSON",
    "ndjson": "NDJSON",
    "ipc": "Arrow IPC",
    "avro": "Avro",
}


def suffix_of(name: str) -> str:
    """A file name's ending, in lower case and without that of a compression."""
    # The letter before it lets an ending alone, which is all that is known of some names, count as one.
    suffixes = [suffix.lower() for suffix in PurePath("_" + name.rsplit("/", 1)[-1]).suffixes]
    if len(suffixes) > 1 and suffixes[-1] in COMPRESSIONS:
        return suffixes[-2]
    return suffixes[-1] if suffixes else ""


def compression_of(name: str) -> str | None:
    """The compression that a file name tells, if any."""
    return COMPRESSIONS.get(PurePath("_" + name).suffix.lower())


def known_text(value: Any) -> str:
    """A text as far as it is known while recording: of a text built around a parameter, its fixed end."""
    if not is_recorded(value):
        return value
    if value._operation != "root":
        return ""
    try:
        source = ast.parse(value._operands[0], mode="eval").body
    except SyntaxError:
        return ""
    last = source.values[-1] if isinstance(source, ast.JoinedStr) and source.values else source
    if isinstance(source, ast.Call) and source.args:
        last = source.args[-1]
    if isinstance(source, ast.BinOp) and isinstance(source.op, ast.Add):
        last = source.right
    return str(last.value) if isinstance(last, ast.Constant) else ""


def format_of(path: Any, format: str, *, look: bool = False) -> str:
    """The format of a path: the one said, else by the ending of its name.

    Args:
        path: may be a recorded value.
        format: as in the settings.
        look: a folder may be looked into for the ending that its files have in common.

    Raises:
        SettingsError: the name does not tell.
    """
    if format != "auto":
        return format
    name = known_text(path)
    found = BY_SUFFIX.get(suffix_of(name))
    if found is None and look and not is_recorded(path) and Path(path).is_dir():
        kinds = Counter(BY_SUFFIX.get(suffix_of(file.name)) for file in files_at(path))
        found = next(iter(kinds)) if len(kinds) == 1 else None
    if found is None:
        shown = f"{name!r}" if name else "a path that a parameter gives"
        raise SettingsError(f"the format cannot be told from {shown}", hint="choose the format", field="format")
    return found


def changed(value: Any, default: Any) -> bool:
    """Whether an option is to be passed on: a recorded one always is, for its value is known only in the script."""
    return is_recorded(value) or value != default
