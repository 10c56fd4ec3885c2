"""Bringing a database to the newest revision: under a lock, after a backup copy, never at import.

Alembic is imported only where there is something to migrate. A new database gets its tables in one go; a test holds
that to be the same as all migrations in turn.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from flowfile_core.database.tables import metadata
from flowfile_engine.errors import FlowfileError

REVISIONS = ("0001",)
"""Every revision, oldest first; the files under `migrations/versions` are named by them."""

_VERSION_TABLE = "alembic_version"


class DatabaseError(FlowfileError):
    """A database that this version of the program cannot use."""

    code = "bad_database"


def revision_of(connection: Connection) -> str | None:
    """The revision that a database is at; None for one without tables of ours."""
    if not inspect(connection).has_table(_VERSION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {_VERSION_TABLE}")).scalar()


def migrate(engine: Engine, data_dir: Path) -> Path | None:
    """Bring the database to the newest revision.

    Args:
        engine: the database.
        data_dir: where the lock and the backup copies are kept.

    Returns:
        The backup copy of a SQLite file that was migrated; None where nothing had to be copied.

    Raises:
        DatabaseError: the database was written by a newer version of the program.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    with _locked(data_dir / "migration.lock"):
        with engine.connect() as connection:
            current = revision_of(connection)
        if current == REVISIONS[-1]:
            return None
        if current is None:
            _create(engine)
            return None
        if current not in REVISIONS:
            raise DatabaseError(
                f"the database is at revision {current!r}, this version of Flowfile knows up to {REVISIONS[-1]!r}",
                hint="update Flowfile, or give another data folder",
            )
        backup = _backup(engine, data_dir, current)
        upgrade(engine)
        return backup


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Run the migrations up to a revision, all in one transaction where the database can."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent.parent / "migrations"))
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def _create(engine: Engine) -> None:
    with engine.begin() as connection:
        metadata.create_all(connection)
        key = f"CONSTRAINT {_VERSION_TABLE}_pkc PRIMARY KEY (version_num)"
        connection.execute(text(f"CREATE TABLE {_VERSION_TABLE} (version_num VARCHAR(32) NOT NULL, {key})"))
        connection.execute(text(f"INSERT INTO {_VERSION_TABLE} VALUES (:revision)"), {"revision": REVISIONS[-1]})


def _backup(engine: Engine, data_dir: Path, revision: str) -> Path | None:
    """A copy of a SQLite file, made by SQLite itself: the write-ahead log is part of it."""
    if engine.dialect.name != "sqlite" or not engine.url.database:
        return None
    folder = data_dir / "backups"
    folder.mkdir(exist_ok=True)
    target = folder / f"flowfile-{revision}-{time.strftime('%Y%m%d-%H%M%S')}.db"
    source_file, copy = sqlite3.connect(engine.url.database), sqlite3.connect(target)
    try:
        source_file.backup(copy)
    finally:
        source_file.close()
        copy.close()
    return target


@contextmanager
def _locked(path: Path) -> Generator[None]:
    """Two services started at once migrate one after the other."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
