"""What was done to a flow: undo, redo, and whether an edit made on an older revision still fits."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from flowfile_core.flows.operations import Operation, Touched

EditKind = Literal["edit", "undo", "redo"]

_UNDO_STEPS = 500
_RECENT_EDITS = 1_000


@dataclass(frozen=True, slots=True)
class Edit:
    """An edit that was made: what it did, and what undoes it.

    Attributes:
        revision: the flow's revision after it.
    """

    kind: EditKind
    revision: int
    operations: list[Operation]
    inverse: list[Operation]


class History:
    """The edits since a flow was opened.

    Args:
        revision: the one that the flow was opened at; nothing is known of what came before it.
    """

    def __init__(self, revision: int) -> None:
        self._first = revision
        self._undo: deque[Edit] = deque(maxlen=_UNDO_STEPS)
        self._redo: list[Edit] = []
        self._recent: deque[Edit] = deque(maxlen=_RECENT_EDITS)
        self._written: dict[Touched, int] = {}

    @property
    def can_undo(self) -> bool:
        """Whether there is an edit to undo."""
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        """Whether there is an undone edit to do again."""
        return bool(self._redo)

    def next_undo(self) -> Edit | None:
        """The edit that undo takes back."""
        return self._undo[-1] if self._undo else None

    def next_redo(self) -> Edit | None:
        """The undoing that redo takes back."""
        return self._redo[-1] if self._redo else None

    def record(self, edit: Edit) -> None:
        """Remember an edit, an undo or a redo that was made."""
        if edit.kind == "edit":
            self._redo.clear()
            self._undo.append(edit)
        elif edit.kind == "undo":
            self._undo.pop()
            self._redo.append(edit)
        else:
            self._redo.pop()
            self._undo.append(edit)
        self._recent.append(edit)
        for operation in edit.operations:
            for part in operation.writes():
                self._written[part] = edit.revision

    def collisions(self, revision: int, operations: Iterable[Operation]) -> list[Touched] | None:
        """The parts that operations lean on and that were changed after a revision; None: too old to tell."""
        if revision < self._first:
            return None
        reads: set[Touched] = set()
        for operation in operations:
            reads |= operation.reads()
        return sorted((part for part in reads if self._written.get(part, -1) > revision), key=str)

    def since(self, revision: int) -> Sequence[Edit]:
        """The edits after a revision, as far back as they are kept."""
        return [edit for edit in self._recent if edit.revision > revision]
