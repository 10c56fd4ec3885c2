"""A flow as data: what flow files hold and what services send each other. Knows nothing of Polars."""

from __future__ import annotations

import uuid
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from flowfile_engine.errors import NodeId

Mode = Literal["development", "performance"]

MAX_NESTING = 50
"""Levels of lists and dicts within a step's settings. No node needs ten; thousands end a process."""

ParameterType = Literal["text", "integer", "number", "boolean", "date"]


class Parameter(BaseModel):
    """A value that a person may change at each run; settings name it as `${name}`."""

    model_config = ConfigDict(extra="forbid")

    type: ParameterType = "text"
    default: bool | int | float | str | None = None
    description: str = ""


class FlowSettings(BaseModel):
    """Settings of a whole flow."""

    model_config = ConfigDict(extra="forbid")

    name: str = "Untitled flow"
    description: str = ""
    mode: Mode = "development"


class StepDocument(BaseModel):
    """A node of a flow: its type and its settings as the person gave them, finished or not."""

    model_config = ConfigDict(extra="forbid")

    id: NodeId
    type: str
    version: int = 1
    title: str = ""
    description: str = ""
    cache_results: bool = False
    settings: dict[str, Any] = Field(default_factory=dict)

    @field_validator("settings")
    @classmethod
    def _not_too_deep(cls, settings: dict[str, Any]) -> dict[str, Any]:
        level: list[Any] = [settings]
        for _ in range(MAX_NESTING):
            items = (item for holder in level for item in (holder.values() if isinstance(holder, dict) else holder))
            level = [item for item in items if isinstance(item, dict | list)]
            if not level:
                return settings
        raise ValueError(f"settings are nested more than {MAX_NESTING} levels deep")


class Edge(BaseModel):
    """A connection from a step's output to a step's input port.

    Attributes:
        name: what a `named` port calls this connection (a SQL table, a script's input); None: its default name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: NodeId
    output: str = "main"
    target: NodeId
    input: str = "main"
    name: str | None = None


class Position(BaseModel):
    """Where a step stands on the canvas."""

    x: float
    y: float


class FlowDocument(BaseModel):
    """A flow whole: settings, parameters, steps and edges; the layout apart from what it means."""

    model_config = ConfigDict(extra="forbid")

    uuid: str = Field(default_factory=lambda: str(uuid.uuid4()))
    flow_settings: FlowSettings = Field(default_factory=FlowSettings)
    parameters: dict[str, Parameter] = Field(default_factory=dict)
    steps: list[StepDocument] = Field(default_factory=list)
    edges: list[Edge] = Field(default_factory=list)
    layout: dict[str, Position] = Field(default_factory=dict)
    """By the step's id as text."""
