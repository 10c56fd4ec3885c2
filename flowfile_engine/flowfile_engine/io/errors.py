"""Exceptions of Polars and of the system as errors that a person can act on."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any

import polars as pl

from flowfile_engine.errors import (
    ColumnMissingError,
    DataError,
    FlowfileError,
    OutOfMemoryError,
    SettingsError,
    SourceError,
    TargetError,
)
from flowfile_engine.io.problems import COMPUTING, NO_SPACE, READING, no_space

if TYPE_CHECKING:
    from flowfile_engine.nodes.base import Node

_CONTEXT = re.compile(r"\n+(Resolved plan until failure|This error occurred|The current offset|You might want to try)")


def explain(error: BaseException, node: Node | None = None) -> FlowfileError:
    """The error to show for an exception that came out of a node's work.

    Args:
        error: what was raised, by Polars, a reader, or the system.
        node: the node whose work it was; its path and format are named where they matter.
    """
    if isinstance(error, FlowfileError):
        return error
    text = str(error)
    if NO_SPACE.search(text) or getattr(error, "errno", None) in (27, 28, 122):
        return no_space()
    if isinstance(error, MemoryError):
        return OutOfMemoryError("there is not enough memory")
    known = {"path": str(getattr(node, "path", "the file")), "format": _format(node), "codec": _encoding(node)}
    if isinstance(error, OSError):
        place = _of_place(error, text, node, known["path"])
        if place is not None:
            return place
    columns = _of_columns(error, text, node)
    if columns is not None:
        return columns
    wordings = (*READING, *COMPUTING) if _reads(node) else (*COMPUTING, *READING) if node is None else COMPUTING
    for wording in wordings:
        found = wording.match(text, **known)
        if found is not None:
            return found
    return _other(error, text, node)


def _reads(node: Node | None) -> bool:
    return node is not None and node.source_key() is not None


def _writes(node: Node | None) -> bool:
    return node is not None and not node.info.outputs


def _format(node: Node | None) -> str:
    format = str(getattr(node, "format", "auto"))
    return "of that format" if format == "auto" else f"of the format {format}"


def _encoding(node: Node | None) -> str:
    return str(getattr(getattr(node, "csv_options", None), "encoding", "said"))


def _of_place(error: OSError, text: str, node: Node | None, path: str) -> FlowfileError | None:
    """Of a file or folder that is not there or may not be touched."""
    found = re.search(r"os error \d+\): (?P<rust>.+)|: '(?P<python>.+)'$", text)
    place = (found["rust"] or found["python"]) if found else path
    kind: Any = TargetError if _writes(node) else SourceError
    if isinstance(error, FileNotFoundError) or "os error 2)" in text:
        hint = (
            "make the folder first, or let missing folders be made" if _writes(node) else "is the name spelled right?"
        )
        return kind(f"there is no {'folder for' if _writes(node) else 'file'} {place}", hint=hint, field="path")
    if isinstance(error, PermissionError) or "os error 13)" in text:
        return kind(
            f"{place} may not be {'written' if _writes(node) else 'read'}", hint="permission is missing", field="path"
        )
    if isinstance(error, IsADirectoryError | NotADirectoryError) or "os error 21)" in text:
        return kind(f"{place} is a folder where a file is expected, or the other way round", field="path")
    return None


def _of_columns(error: BaseException, text: str, node: Node | None) -> FlowfileError | None:
    """Of columns that are missing or doubled."""
    if isinstance(error, pl.exceptions.ColumnNotFoundError) and "missing_columns" not in text:
        found = re.search(r'unable to find column "(?P<name>.*?)"; valid columns: (?P<columns>\[.*?\])(\n|$)', text)
        if found:
            port = node.info.ports[0].name if node is not None and len(node.info.ports) == 1 else "main"
            return ColumnMissingError.for_column(found["name"], _names(found["columns"]), port)
        name = re.search(r'"(?P<name>.*?)" not found', text)
        return ColumnMissingError(
            f"there is no column {name['name']!r}" if name else f"a column is missing: {_short(text)}"
        )
    if isinstance(error, pl.exceptions.DuplicateError) and "file paths" not in text:
        found = re.search(r"name '(?P<name>.*?)'|column name (?P<plain>\S+)$", _short(text))
        name = f" {(found['name'] or found['plain'])!r}" if found else ""
        return DataError(f"two columns would have the same name{name}", hint="rename or drop one of them first")
    if isinstance(error, pl.exceptions.StructFieldNotFoundError):
        return DataError(f"the struct has no field {_short(text)!r}")
    return None


def _names(text: str) -> list[str]:
    try:
        return [str(name) for name in ast.literal_eval(text)]
    except (SyntaxError, ValueError):
        return []


def _other(error: BaseException, text: str, node: Node | None) -> FlowfileError:
    """What has no wording of its own: Polars' first sentence, placed in the right kind."""
    short = _short(text) or type(error).__name__
    if isinstance(error, pl.exceptions.SQLInterfaceError | pl.exceptions.SQLSyntaxError):
        return SettingsError(f"the SQL cannot be run: {short}")
    if isinstance(error, pl.exceptions.ShapeError):
        return DataError("columns of different lengths cannot stand side by side", hint=short)
    if type(error).__name__ == "PanicException":
        return DataError(
            f"Polars failed inside: {short}", hint="this is a fault of Polars; another way to the same result may work"
        )
    if isinstance(error, OSError):
        return (TargetError if _writes(node) else SourceError)(short, field="path")
    if _reads(node):
        return SourceError(short)
    if isinstance(error, pl.exceptions.PolarsError):
        return DataError(short)
    return DataError(f"{type(error).__name__}: {short}")


def _short(text: str) -> str:
    return _CONTEXT.split(text, maxsplit=1)[0].strip()
