"""What a node type is: one class in one file, from which everything else is derived."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, PrivateAttr

from flowfile_engine.errors import ColumnMissingError, NodeTypeError
from flowfile_engine.nodes.fields import FieldValue, field_values, with_values

if TYPE_CHECKING:
    import polars

    from flowfile_engine.recording import Script

    Frame: TypeAlias = polars.LazyFrame
    Schema: TypeAlias = polars.Schema
else:
    Frame = Any
    Schema = Any

PolarsNamespace: TypeAlias = ModuleType
"""The `pl` that `lower` is handed: Polars itself, or its recording stand-in."""

Inputs: TypeAlias = Mapping[str, Any]
"""By port: a frame or schema; a list of them for a `multiple` port; a dict by edge name for a `named` one."""

Group = Literal["input", "transform", "combine", "aggregate", "output"]
Spread = Literal["rows", "key", "whole"]


@dataclass(frozen=True, slots=True)
class Port:
    """A place where an edge ends.

    Attributes:
        name: the parameter of `lower` that receives it.
        multiple: takes any number of edges (at least one): `lower` gets a list of frames in edge order.
        named: with `multiple`, `lower` gets a dict by the edges' names instead.
        optional: may stay unconnected: `lower` gets None.
    """

    name: str
    multiple: bool = False
    named: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """What the palette and the planner know about a node type.

    Attributes:
        title: shown on the palette and on the canvas.
        group: the palette's group.
        icon: file name of the icon, without ending.
        inputs: the ports; a text is a plain port of that name.
        outputs: the names of the frames that `lower` gives, in order; empty for a node that only writes.
        purity: *pure* gives the same rows for the same inputs and settings; *volatile* may differ at each run
            (the clock, a database) and is keyed by the run.
        spread: how the work can be divided: *rows* one at a time, by *key*, or only as a *whole*. A node that works
            row by row is never worth a copy of its own in Development mode.
        tags: further words that the palette's search finds it by.
    """

    title: str
    group: Group
    icon: str
    inputs: tuple[Port | str, ...] = ("main",)
    outputs: tuple[str, ...] = ("main",)
    purity: Literal["pure", "volatile"] = "pure"
    spread: Spread = "whole"
    tags: tuple[str, ...] = ()

    @property
    def ports(self) -> tuple[Port, ...]:
        """The input ports as objects."""
        return tuple(Port(port) if isinstance(port, str) else port for port in self.inputs)


@dataclass(frozen=True, slots=True)
class Table:
    """A small table as plain data, for examples. `dtypes` gives types that the values alone do not tell."""

    columns: dict[str, list[Any]]
    dtypes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Example:
    """Settings with small tables in and out: a test, a part of the docs page and the palette's preview.

    Attributes:
        title: a sentence that says what it shows.
        settings: as in the flow file.
        inputs: by port: a table; a list for a `multiple` port; a dict by edge name for a `named` one.
        output: what the first output holds, or a dict by output name; None for a node that only writes.
        files: text files that are laid beside the flow before it runs, by name.
        ordered: the order of the output's rows is part of the promise.
    """

    title: str
    settings: dict[str, Any]
    inputs: dict[str, Any] = field(default_factory=dict)
    output: Table | dict[str, Table] | None = None
    files: dict[str, str] = field(default_factory=dict)
    ordered: bool = False


class Node(BaseModel):
    """Base of all node types: the fields are the settings, `lower` is the meaning.

    A class sets `type`, `info`, its fields, `lower` and `examples`. `lower` takes Polars from its argument `pl`, never
    collects, and is read by three: execution calls it on real scans, schema prediction on empty frames, export on
    recording ones.
    """

    model_config = ConfigDict(extra="forbid", validate_default=False)

    info: ClassVar[NodeInfo]
    version: ClassVar[int] = 1
    runs_user_code: ClassVar[bool] = False
    """`lower` executes code that a person wrote: never in Core."""

    examples: ClassVar[Sequence[Example]] = ()
    _column_refs: list[FieldValue] | None = PrivateAttr(default=None)

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        if inspect.isabstract(cls) or "info" not in cls.__dict__:
            return
        if "type" not in cls.model_fields:
            raise NodeTypeError(f"{cls.__name__} has no field `type`", hint='type: Literal["name"] = "name"')
        if not (cls.__doc__ or "").strip():
            raise NodeTypeError(f"{cls.__name__} has no docstring: it is the node's documentation")
        takes = list(inspect.signature(cls.lower).parameters)[2:]
        ports = [port.name for port in cls.info.ports]
        if takes != ports:
            raise NodeTypeError(f"{cls.__name__}.lower takes {takes}, but its inputs are {ports}")

    @classmethod
    def type_name(cls) -> str:
        """The name by which flow files and the API call this type."""
        return cls.model_fields["type"].default

    @classmethod
    def upgrade(cls, raw: dict[str, Any], from_version: int) -> dict[str, Any]:
        """Settings of an older version of this class, brought to the current one. Pure."""
        return raw

    def lower(self, pl: PolarsNamespace, *args: Any, **inputs: Any) -> Any:
        """The frames that this node makes of its inputs (a tuple if it has several outputs). Lazy, never collects."""
        raise NodeTypeError(f"{type(self).__name__} has no lower")

    def resolve(self, **inputs: Any) -> Self:
        """Settings that only the data can give, filled in before `lower` is called for a run. May collect."""
        return self

    def schema(self, inputs: Inputs) -> dict[str, Schema] | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The schema of each output, from the inputs' schemas alone; None if only a run can tell."""
        from flowfile_engine.frames import lowered_schema

        return lowered_schema(self, inputs)

    def spread(self) -> Spread:
        """How this node's work divides, with these settings."""
        return self.info.spread

    def is_volatile(self) -> bool:
        """Whether the same inputs may give other rows at the next run: by its type, or as a setting reads the clock."""
        from flowfile_engine.expressions import reads_clock

        if self.info.purity == "volatile":
            return True
        return any(
            found.kind.widget in ("expression", "sql") and reads_clock(found.value) for found in self.field_values()
        )

    def source_key(self) -> dict[str, Any] | None:
        """For a node that reads from outside: the settings that decide its schema; None for all others."""
        return None

    def source_files(self) -> list[Path]:
        """The files that this node reads now, for the fingerprint of what it gives."""
        return []

    def written_as(self, script: Script, inputs: Mapping[str, Any]) -> list[str] | None:
        """Names of the variables that hold the outputs, after lines of Python were added to `script` by hand.

        None (the usual case): what `lower` calls is recorded.
        """
        return None

    def summary(self) -> str:
        """One line that says what the settings make this node do, for the canvas."""
        return ""

    def field_values(self) -> list[FieldValue]:
        """The values of all fields that have a kind (columns, expressions, files, ...)."""
        return list(field_values(self))

    def column_refs(self) -> list[FieldValue]:
        """The places in the settings that name one column of an input: one value a name. Found once."""
        if self._column_refs is None:
            self._column_refs = self._find_column_refs()
        return self._column_refs

    def with_values(self, values: Mapping[str, Any]) -> Self:
        """A copy with other values at some dotted paths of the settings. They are not validated."""
        copy = with_values(self, values)
        if values:
            copy._column_refs = None
        return copy

    def _find_column_refs(self) -> list[FieldValue]:
        refs: list[FieldValue] = []
        for found in field_values(self):
            if found.kind.widget == "column":
                refs.append(found)
            elif found.kind.widget == "columns":
                refs += [FieldValue(f"{found.path}.{i}", found.kind, name) for i, name in enumerate(found.value)]
            elif found.kind.widget == "expression":
                from flowfile_engine.expressions import root_names

                refs += [FieldValue(found.path, found.kind, name) for name in root_names(found.value)]
        return refs

    def check_columns(self, inputs: Inputs) -> None:
        """Refuse settings that name columns which the inputs do not have.

        Raises:
            ColumnMissingError: placed on the field, with the nearest existing name as the hint.
        """
        for ref in self.column_refs():
            port = ref.kind.input
            schema = inputs.get(port) if port is not None else None
            if schema is not None and type(schema) not in (list, dict) and ref.value not in schema:
                raise ColumnMissingError.for_column(ref.value, schema, port or "main", ref.path)
