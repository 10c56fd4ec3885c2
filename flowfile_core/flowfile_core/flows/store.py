"""Which flows were opened, in the database."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Connection, Row, insert, select, update

from flowfile_core.database.tables import flows


class FlowRecord(BaseModel):
    """A flow that was opened at some time."""

    flow_id: int
    uuid: str
    owner_id: int
    name: str
    path: str | None
    is_open: bool
    created_at: float
    opened_at: float


def _record(row: Row[Any]) -> FlowRecord:
    return FlowRecord(
        flow_id=row.id, **{name: getattr(row, name) for name in FlowRecord.model_fields if name != "flow_id"}
    )


def find(flow_id: int) -> Callable[[Connection], FlowRecord | None]:
    """The flow of a number."""

    def work(connection: Connection) -> FlowRecord | None:
        row = connection.execute(select(flows).where(flows.c.id == flow_id)).one_or_none()
        return None if row is None else _record(row)

    return work


def find_path(owner_id: int, path: Path) -> Callable[[Connection], FlowRecord | None]:
    """The flow that a person opened last from a file."""

    def work(connection: Connection) -> FlowRecord | None:
        query = (
            select(flows)
            .where(flows.c.owner_id == owner_id, flows.c.path == str(path))
            .order_by(flows.c.is_open.desc(), flows.c.opened_at.desc())
            .limit(1)
        )
        row = connection.execute(query).one_or_none()
        return None if row is None else _record(row)

    return work


def recent(owner_id: int, limit: int, *, only_open: bool = False) -> Callable[[Connection], list[FlowRecord]]:
    """A person's flows, the one opened last first."""

    def work(connection: Connection) -> list[FlowRecord]:
        query = select(flows).where(flows.c.owner_id == owner_id)
        if only_open:
            query = query.where(flows.c.is_open)
        return [_record(row) for row in connection.execute(query.order_by(flows.c.opened_at.desc()).limit(limit))]

    return work


def add(owner_id: int, uuid: str, name: str, path: Path | None) -> Callable[[Connection], int]:
    """Give a flow a number."""

    def work(connection: Connection) -> int:
        now = time.time()
        values = {"uuid": uuid, "owner_id": owner_id, "name": name, "path": None if path is None else str(path)}
        result = connection.execute(insert(flows).values(**values, is_open=True, created_at=now, opened_at=now))
        key = result.inserted_primary_key
        assert key is not None
        return int(key[0])

    return work


def change(flow_id: int, **values: Any) -> Callable[[Connection], None]:
    """Set columns of a flow."""

    def work(connection: Connection) -> None:
        connection.execute(update(flows).where(flows.c.id == flow_id).values(**values))

    return work
