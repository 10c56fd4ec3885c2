"""Edits as they come in and what is answered."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from flowfile_core.flows.operations import Operation
from flowfile_core.problems import DetailedError, ProblemDetails
from flowfile_engine.errors import ConflictError, NodeId

Revision = Annotated[int, Field(ge=0, le=2**53)]


class EditRequest(BaseModel):
    """An edit: all of its operations are done, or none.

    Attributes:
        revision: the flow's, when the edit was drawn up.
    """

    model_config = ConfigDict(extra="forbid")

    revision: Revision
    operations: Annotated[list[Operation], Field(min_length=1, max_length=20_000)]


class UndoRequest(BaseModel):
    """Undo or redo.

    Attributes:
        revision: refuse unless the flow is at this one; None: whatever it is at.
    """

    model_config = ConfigDict(extra="forbid")

    revision: Revision | None = None


class EditAnswer(BaseModel):
    """What an edit led to.

    Attributes:
        changed: the steps whose prediction is another now; the first of them, if there are many.
        changed_count: how many there are.
        predicting: there is more to predict than fits into a moment; an event tells when it is done.
    """

    revision: int
    changed: list[NodeId]
    changed_count: int
    predicting: bool
    can_undo: bool
    can_redo: bool


class ConflictDetails(BaseModel):
    """What stands against an edit.

    Attributes:
        revision: the flow's.
        collided: the parts of the flow that both the edit and a later one touch, such as `["settings", 3]`.
        edits: those made since the revision that the edit was drawn up on: `kind`, `revision`, `operations`.
        complete: whether these are all of them; if not, ask for the flow.
    """

    revision: int
    collided: list[list[Any]] = Field(default_factory=list)
    edits: list[dict[str, Any]] = Field(default_factory=list)
    complete: bool = True


class ConflictAnswer(ProblemDetails):
    """The problem of an edit that was made on an older revision."""

    conflict: ConflictDetails


class EditConflictError(DetailedError, ConflictError):
    """An edit that touches what was changed after the revision it was drawn up on."""

    def __init__(self, message: str, conflict: ConflictDetails) -> None:
        super().__init__(message, hint="look at the edits in between, and make yours again on the current revision")
        self.conflict = conflict

    def details(self) -> ConflictAnswer:
        """The problem with what stands against the edit."""
        return ConflictAnswer(**dict(super().details()), conflict=self.conflict)
