"""Errors of the engine: one root, each with a stable code, a sentence and a hint."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, ClassVar

from pydantic import BaseModel

NodeId = int | str
"""The name of a step within its flow, as the person or the Designer gave it."""


class Problem(BaseModel):
    """An error as data: what crosses process boundaries and what the Designer shows.

    Attributes:
        code: stable, for machines.
        message: what was expected and what came.
        hint: what to do about it; empty if there is nothing to say.
        node_id: the step it belongs to, where known.
        field: the dotted path of the setting it belongs to (`conditions.0.column`), where known.
    """

    code: str
    message: str
    hint: str = ""
    node_id: NodeId | None = None
    field: str | None = None

    def __str__(self) -> str:
        where = f"node {self.node_id}" if self.node_id is not None else ""
        if self.field:
            where = f"{where}, {self.field}" if where else self.field
        text = f"{where}: {self.message}" if where else self.message
        return f"{text} ({self.hint})" if self.hint else text


class FlowfileError(Exception):
    """Root of the errors that a person can do something about."""

    code: ClassVar[str] = "flowfile_error"

    def __init__(
        self, message: str, *, hint: str = "", node_id: NodeId | None = None, field: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.node_id = node_id
        self.field = field

    @property
    def problem(self) -> Problem:
        """The error as data."""
        return Problem(code=self.code, message=self.message, hint=self.hint, node_id=self.node_id, field=self.field)

    def at(self, node_id: NodeId, field: str | None = None) -> FlowfileError:
        """The same error, placed on a step (and on a field, unless it already names one)."""
        self.node_id = node_id
        self.field = self.field or field
        return self

    def __str__(self) -> str:
        return str(self.problem)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.message, self.hint, self.node_id, self.field))


def _rebuild(
    kind: type[FlowfileError], message: str, hint: str, node_id: NodeId | None, field: str | None
) -> FlowfileError:
    return kind(message, hint=hint, node_id=node_id, field=field)


class ReportedError(FlowfileError):
    """A problem that came as data, raised as what it was: with its own code."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message, hint=problem.hint, node_id=problem.node_id, field=problem.field)
        self._code = problem.code

    @property
    def problem(self) -> Problem:
        return super().problem.model_copy(update={"code": self._code})

    def __reduce__(self) -> tuple[Any, ...]:
        return (ReportedError, (self.problem,))


class NodeTypeError(FlowfileError):
    """A node class that does not keep the rules, or a node type that is not known."""

    code = "unknown_node_type"


class SettingsError(FlowfileError):
    """A setting that is missing or wrong."""

    code = "bad_settings"


class GraphError(FlowfileError):
    """A connection or a step that the graph cannot hold: a cycle, a doubled input, an unknown name."""

    code = "bad_graph"


class ColumnMissingError(SettingsError):
    """A setting names a column that its input does not have."""

    code = "column_missing"

    @classmethod
    def for_column(cls, name: str, columns: Iterable[str], port: str, field: str | None = None) -> ColumnMissingError:
        """The error for a name that is not among an input's columns, with the nearest name as the hint."""
        columns = list(columns)
        near = get_close_matches(name, columns, n=1, cutoff=0.6)
        shown = ", ".join(columns[:8]) + (", ..." if len(columns) > 8 else "")
        hint = f"did you mean {near[0]!r}?" if near else (f"it has {shown}" if columns else "it has no columns")
        return cls(f"the input `{port}` has no column {name!r}", hint=hint, field=field)


class ParameterError(FlowfileError):
    """A flow parameter that is not declared, has no value or the wrong type."""

    code = "bad_parameter"


class FlowFileFormatError(FlowfileError):
    """A flow file that cannot be read."""

    code = "bad_flow_file"


class RecordingError(FlowfileError):
    """A lowering that cannot be written down as Python source."""

    code = "cannot_record"


class SourceError(FlowfileError):
    """Data that cannot be read: missing, forbidden, or not of the format said."""

    code = "bad_source"


class TargetError(FlowfileError):
    """A place that cannot be written to: missing, forbidden, or holding something that must not be lost."""

    code = "bad_target"


class DataError(FlowfileError):
    """Data that does not fit what the step does with it (types, keys, validation)."""

    code = "bad_data"


class PathForbiddenError(FlowfileError):
    """A path outside the folders that the service may touch."""

    code = "path_forbidden"


class OutOfMemoryError(FlowfileError):
    """The child process went over its memory ceiling, or the system killed it for memory."""

    code = "out_of_memory"


class DiskFullError(FlowfileError):
    """No room left where a result or an output is written."""

    code = "disk_full"


class CancelledRunError(FlowfileError):
    """The work was cancelled by a person."""

    code = "cancelled"


class WorkerLostError(FlowfileError):
    """The process that did the work ended before it answered."""

    code = "worker_lost"


class ConflictError(FlowfileError):
    """An edit made on a revision that is no longer the newest."""

    code = "conflict"


class NotFoundError(FlowfileError):
    """Something that was asked for by name does not exist."""

    code = "not_found"
