"""Runs and their logs, in the database."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from flowfile_core.database.tables import run_logs, runs
from flowfile_core.messages import LogLine, RunSummary
from flowfile_engine.errors import Problem
from flowfile_engine.run.information import RunInformation


def _values(information: RunInformation) -> dict[str, Any]:
    return {
        "mode": information.mode,
        "state": information.state,
        "started_at": information.started_at,
        "ended_at": information.ended_at,
        "information": information.model_dump_json(),
    }


def began(flow_id: int, owner_id: int, information: RunInformation) -> Callable[[Connection], None]:
    """Write down that a run began."""
    values = _values(information)

    def work(connection: Connection) -> None:
        connection.execute(insert(runs).values(id=information.run_id, flow_id=flow_id, owner_id=owner_id, **values))

    return work


def ended(flow_id: int, owner_id: int, information: RunInformation) -> Callable[[Connection], None]:
    """Write down how a run ended, even if its beginning could not be written."""
    values = _values(information)

    def work(connection: Connection) -> None:
        result = connection.execute(update(runs).where(runs.c.id == information.run_id).values(**values))
        if result.rowcount == 0:
            began(flow_id, owner_id, information)(connection)

    return work


def log_lines(run_id: str, lines: list[LogLine]) -> Callable[[Connection], None]:
    """Write down lines of a log."""
    rows = [
        {**line.model_dump(exclude={"node_id"}), "run_id": run_id, "node_id": json.dumps(line.node_id)}
        for line in lines
    ]

    def work(connection: Connection) -> None:
        connection.execute(insert(run_logs), rows)

    return work


def fail_interrupted(connection: Connection) -> None:
    """Say of the runs that went on when an earlier service ended that nobody saw their end."""
    problem = Problem(code="core_lost", message="the service ended before the run did", hint="run the flow again")
    for row in connection.execute(select(runs).where(runs.c.state == "running")).all():
        information = RunInformation.model_validate_json(row.information)
        information = information.model_copy(update={"state": "failed", "ended_at": time.time(), "problem": problem})
        connection.execute(update(runs).where(runs.c.id == row.id).values(**_values(information)))


def find(owner_id: int, run_id: str) -> Callable[[Connection], str | None]:
    """A person's run as the JSON of its `RunInformation`."""

    def work(connection: Connection) -> str | None:
        query = select(runs.c.information).where(runs.c.id == run_id, runs.c.owner_id == owner_id)
        return connection.execute(query).scalar_one_or_none()

    return work


def listing(owner_id: int, flow_id: int | None, limit: int, offset: int) -> Callable[[Connection], list[RunSummary]]:
    """A person's runs (of one flow), the newest first."""

    def work(connection: Connection) -> list[RunSummary]:
        query = select(runs).where(runs.c.owner_id == owner_id)
        if flow_id is not None:
            query = query.where(runs.c.flow_id == flow_id)
        query = query.order_by(runs.c.started_at.desc(), runs.c.id).limit(limit).offset(offset)
        return [_summary(row) for row in connection.execute(query)]

    return work


def lines(run_id: str, after: int, limit: int) -> Callable[[Connection], list[LogLine]]:
    """Lines of a run's log, after a number."""

    def work(connection: Connection) -> list[LogLine]:
        query = select(run_logs).where(run_logs.c.run_id == run_id, run_logs.c.number > after)
        found = connection.execute(query.order_by(run_logs.c.number).limit(limit))
        return [
            LogLine(
                number=row.number,
                time=row.time,
                level=row.level,
                node_id=json.loads(row.node_id),
                message=row.message,
            )
            for row in found
        ]

    return work


def _summary(row: Row[Any]) -> RunSummary:
    problem = json.loads(row.information).get("problem") if row.state == "failed" else None
    return RunSummary(
        run_id=row.id,
        flow_id=row.flow_id,
        mode=row.mode,
        state=row.state,
        started_at=row.started_at,
        ended_at=row.ended_at,
        problem=problem,
    )
