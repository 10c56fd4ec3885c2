"""The parts of a running Core, put together."""

from __future__ import annotations

import asyncio
import time
from functools import cached_property

from sqlalchemy import Connection, insert, select

from flowfile_core import palette
from flowfile_core.database.engine import make_engine
from flowfile_core.database.migrate import REVISIONS, DatabaseError, revision_of
from flowfile_core.database.tables import users
from flowfile_core.database.writer import Database
from flowfile_core.events import EventHub
from flowfile_core.flows.manager import FlowManager
from flowfile_core.flows.schemas import SchemaStore
from flowfile_core.messages import ResetMessage, WorkerMessage, WorkerState
from flowfile_core.runs import store as run_records
from flowfile_core.runs.manager import RunManager
from flowfile_core.security import Gate, User, load_token
from flowfile_core.settings import Settings
from flowfile_core.worker.link import WorkerLink

LOCAL_USER = "local"


class Services:
    """Everything that routes work with. Made inside the event loop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.database = Database(make_engine(settings.database))
        self.events = EventHub()
        self.worker = WorkerLink(settings, self._worker_changed)
        schemas = SchemaStore(self.worker.client)
        self.flows = FlowManager(settings, self.database, schemas, self.events.publish)
        self.runs = RunManager(self.database, self.worker.client, self.events.publish)
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> Gate:
        """Begin to work; gives whom to admit.

        Raises:
            DatabaseError: the database was not migrated.
        """
        with self.database.engine.connect() as connection:
            if revision_of(connection) != REVISIONS[-1]:
                raise DatabaseError("the database is not at the newest revision", hint="run its migration first")
        self.database.start()
        user = await self.database.write(_local_user)
        await self.database.write(run_records.fail_interrupted)
        self.worker.start()
        return Gate(load_token(self.settings.data_dir), user)

    async def stop(self) -> None:
        """End in good order: streams, runs, the Worker, the flows' logs, the database."""
        self.events.close()
        for task in self._tasks:
            task.cancel()
        await self.runs.stop()
        await self.worker.stop()
        self.flows.close_all()
        await asyncio.to_thread(self.database.close)

    def snapshot(self, user_id: int) -> ResetMessage:
        """Everything of a person's as it stands."""
        return ResetMessage.model_construct(
            worker=self.worker.state,
            flows=[flow.summary() for flow in self.flows.loaded(user_id)],
            runs=[run.active() for run in self.runs.active(user_id)],
        )

    @cached_property
    def palette(self) -> palette.Cached:
        """All node types."""
        return palette.palette()

    @cached_property
    def functions(self) -> palette.Cached:
        """The function catalogue."""
        return palette.functions()

    def _worker_changed(self, state: WorkerState) -> None:
        self.events.publish(WorkerMessage(state=state), None)
        if state == "ready":
            task = asyncio.create_task(self.flows.worker_came())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


def _local_user(connection: Connection) -> User:
    """The person of single-user mode."""
    found = connection.execute(select(users.c.id).where(users.c.name == LOCAL_USER)).scalar_one_or_none()
    if found is None:
        key = connection.execute(insert(users).values(name=LOCAL_USER, created_at=time.time())).inserted_primary_key
        assert key is not None
        found = key[0]
    return User(int(found), LOCAL_USER)
