"""The tables. Times are seconds since 1970, as in `RunInformation`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Index, Integer, MetaData, String, Table, Text

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)

# SQLite gives ids of itself only to a column of type INTEGER.
_Id = BigInteger().with_variant(Integer(), "sqlite")

users = Table(
    "users",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("created_at", Float, nullable=False),
)

flows = Table(
    "flows",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("uuid", String(200), nullable=False),
    Column("owner_id", _Id, ForeignKey("users.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("path", Text),
    Column("is_open", Boolean, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("opened_at", Float, nullable=False),
    Index("ix_flows_owner_id", "owner_id", "opened_at"),
    sqlite_autoincrement=True,
)
"""A flow that was opened, by the number that URLs call it. Numbers are never given again."""

runs = Table(
    "runs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("flow_id", _Id, ForeignKey("flows.id"), nullable=False),
    Column("owner_id", _Id, ForeignKey("users.id"), nullable=False),
    Column("mode", String(20), nullable=False),
    Column("state", String(20), nullable=False),
    Column("started_at", Float, nullable=False),
    Column("ended_at", Float),
    Column("information", Text, nullable=False),
    Index("ix_runs_flow_id", "flow_id", "started_at"),
    Index("ix_runs_owner_id", "owner_id", "started_at"),
)
"""A run; `information` is its `RunInformation` as JSON."""

run_logs = Table(
    "run_logs",
    metadata,
    Column("run_id", String(64), ForeignKey("runs.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("time", Float, nullable=False),
    Column("level", String(20), nullable=False),
    Column("node_id", Text),
    Column("message", Text, nullable=False),
)
"""The lines of a run's log; `node_id` is JSON, so that 1 and "1" differ."""
