"""The log of a flow's edits since it was saved: autosave, and what a crash is recovered from.

One JSON line first for the document that the edits build on, then one for each edit. A line that was torn by a crash
is the last one, and is left out.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

from pydantic import BaseModel, ValidationError

from flowfile_core.flows.history import Edit, EditKind
from flowfile_core.flows.operations import Operation
from flowfile_engine.graph.document import FlowDocument


class Base(BaseModel):
    """What the edits build on.

    Attributes:
        revision: of the document.
        saved_revision: the one that the flow's file holds; None where there is no file.
        file_state: of that file when it was last read or written here (see `files_state`).
    """

    line: Literal["base"] = "base"
    revision: int
    saved_revision: int | None
    file_state: str = ""
    document: FlowDocument


class EditLine(BaseModel):
    """An edit."""

    line: Literal["edit"] = "edit"
    kind: EditKind
    revision: int
    operations: list[Operation]


class Journal:
    """The log of one flow. Its file is made with the first edit."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "edits.jsonl"
        self._file: BinaryIO | None = None
        self._end = 0

    @property
    def exists(self) -> bool:
        """Whether there is something to recover."""
        return self.path.exists()

    def begin(self, base: Base) -> None:
        """Start anew from a document, in place of all that was logged.

        Raises:
            OSError: it cannot be written; the old log stays.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_suffix(".new")
        temporary.write_bytes(base.model_dump_json().encode() + b"\n")
        self.close()
        temporary.replace(self.path)
        self._open()

    @property
    def begun(self) -> bool:
        """Whether edits can be appended."""
        return self._file is not None

    def append(self, edit: Edit) -> None:
        """Write an edit down. It outlives this process, though not a power cut in the next moments.

        Raises:
            OSError: it cannot be written; the log is as it was.
        """
        assert self._file is not None, "begin or read first"
        line = EditLine.model_construct(kind=edit.kind, revision=edit.revision, operations=edit.operations)
        data = line.model_dump_json().encode() + b"\n"
        try:
            if self._file.write(data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            # Half a line would swallow the next edit.
            self._file.truncate(self._end)
            self._file.seek(self._end)
            raise
        self._end += len(data)

    def read(self) -> tuple[Base, list[EditLine]] | None:
        """What was logged, ready for more; None where there is no log, or none that can be read."""
        if not self.exists:
            return None
        with self.path.open("rb") as file:
            lines = list(_whole_lines(file))
        try:
            base = Base.model_validate_json(lines[0])
        except (IndexError, ValidationError):
            return None
        edits: list[EditLine] = []
        good = len(lines[0])
        for line in lines[1:]:
            try:
                edits.append(EditLine.model_validate_json(line))
            except ValidationError:
                break
            good += len(line)
        os.truncate(self.path, good)
        self._open()
        return base, edits

    def remove(self) -> None:
        """Forget all that was logged: nobody wants it."""
        self.close()
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the file."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _open(self) -> None:
        self.close()
        self._file = self.path.open("r+b", buffering=0)
        self._end = self._file.seek(0, os.SEEK_END)


def _whole_lines(file: BinaryIO) -> Iterator[bytes]:
    for line in file:
        if line.endswith(b"\n"):
            yield line


def edits_json(edits: list[Edit]) -> list[dict[str, object]]:
    """Edits as plain data, for the answer to a client whose edit collided with them."""
    return [
        json.loads(
            EditLine.model_construct(
                kind=edit.kind, revision=edit.revision, operations=edit.operations
            ).model_dump_json()
        )
        for edit in edits
    ]
