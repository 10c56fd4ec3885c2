"""The database: migration, backup, refusal of newer ones, and the first release's as a file."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from core_support import running_core
from sqlalchemy import Connection, Engine, insert, inspect, select, text
from sqlalchemy.exc import IntegrityError

import flowfile_core
from flowfile_core.database.engine import make_engine
from flowfile_core.database.migrate import REVISIONS, DatabaseError, migrate, upgrade
from flowfile_core.database.tables import metadata, users
from flowfile_core.database.writer import Database
from flowfile_core.settings import Settings

FIRST_RELEASE = Path(__file__).parent / "data" / "database-0001.db"


@pytest.fixture
def engine(tmp_path: Path) -> Any:
    engine = make_engine(f"sqlite:///{tmp_path / 'f.db'}")
    yield engine
    engine.dispose()


def tables_of(engine: Engine) -> dict[str, Any]:
    found = inspect(engine)
    return {
        name: (
            [(column["name"], str(column["type"]), column["nullable"]) for column in found.get_columns(name)],
            sorted(str(index) for index in found.get_indexes(name)),
            found.get_pk_constraint(name),
            sorted(str(key) for key in found.get_foreign_keys(name)),
            sorted(str(key) for key in found.get_unique_constraints(name)),
        )
        for name in found.get_table_names()
    }


def test_the_revisions_are_those_of_the_scripts() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(flowfile_core.__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config).walk_revisions()
    assert tuple(script.revision for script in scripts)[::-1] == REVISIONS


def test_new_tables_are_those_of_all_migrations(engine: Engine, tmp_path: Path) -> None:
    upgrade(engine)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    fresh = make_engine(f"sqlite:///{tmp_path / 'fresh.db'}")
    assert migrate(fresh, tmp_path) is None
    assert tables_of(fresh) == tables_of(engine)
    fresh.dispose()


def test_migrating_twice_does_nothing(engine: Engine, tmp_path: Path) -> None:
    migrate(engine, tmp_path)
    assert migrate(engine, tmp_path) is None


def test_an_older_database_is_copied_first(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate(engine, tmp_path)
    monkeypatch.setattr("flowfile_core.database.migrate.REVISIONS", ("0001", "0002"))
    backup = migrate(engine, tmp_path)
    assert backup is not None
    copy = sqlite3.connect(backup)
    assert copy.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
    copy.close()


def test_a_newer_database_is_refused(engine: Engine, tmp_path: Path) -> None:
    migrate(engine, tmp_path)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseError, match=r"9999.*update Flowfile"):
        migrate(engine, tmp_path)


async def test_the_first_releases_database_is_taken_over(settings: Settings) -> None:
    settings.data_dir.mkdir()
    shutil.copy(FIRST_RELEASE, settings.data_dir / "flowfile.db")
    async with running_core(settings) as core:
        (flow,) = (await core.call("GET", "/flows"))["recent"]
        assert flow["name"] == "From the first release"
        (run,) = await core.call("GET", f"/flows/{flow['flow_id']}/runs")
        assert run["state"] == "done"
        assert (await core.call("GET", f"/runs/{run['run_id']}"))["results"][0]["rows"] == 3
        (line,) = await core.call("GET", f"/runs/{run['run_id']}/logs")
        assert line["message"] == "hello"


def test_work_that_fails_does_not_take_other_work_with_it(engine: Engine, tmp_path: Path) -> None:
    migrate(engine, tmp_path)
    database = Database(engine)

    def add(name: str) -> Any:
        def work(connection: Connection) -> None:
            connection.execute(insert(users).values(name=name, created_at=0))

        return work

    futures = [database.submit(add(name)) for name in ("ann", "ann", "bob")]
    database.start()
    assert futures[0].exception(10) is None
    assert isinstance(futures[1].exception(10), IntegrityError)
    assert futures[2].exception(10) is None
    names = database.read_now(lambda connection: connection.execute(select(users.c.name)).scalars().all())
    assert sorted(names) == ["ann", "bob"]
    database.close()
