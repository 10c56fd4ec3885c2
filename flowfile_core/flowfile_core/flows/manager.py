"""All open flows: making, opening, saving and closing them."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from flowfile_core.database.writer import Database
from flowfile_core.flows import store as records
from flowfile_core.flows.flow import OpenFlow, Publish, state_of
from flowfile_core.flows.journal import Journal
from flowfile_core.flows.schemas import SchemaStore
from flowfile_core.flows.store import FlowRecord
from flowfile_core.settings import Settings
from flowfile_engine import flow_file
from flowfile_engine.errors import (
    ConflictError,
    DiskFullError,
    FlowFileFormatError,
    NotFoundError,
    TargetError,
)
from flowfile_engine.graph.document import FlowDocument, FlowSettings
from flowfile_engine.graph.graph import EtlGraph
from flowfile_engine.io.errors import explain
from flowfile_engine.io.paths import resolve_path

_ENDINGS = (".yaml", ".yml")
_MAX_ID = 2**53


class FileExistsConflictError(ConflictError):
    """A file that would be lost."""

    code = "file_exists"


class UnsavedError(ConflictError):
    """Edits that would be lost."""

    code = "unsaved"


class FlowManager:
    """The open flows by number. Flows that were open when the service ended are opened again when asked for."""

    def __init__(self, settings: Settings, database: Database, schemas: SchemaStore, publish: Publish) -> None:
        self._roots = settings.roots
        self._folder = settings.data_dir / "flows"
        self._database = database
        self._schemas = schemas
        self._publish = publish
        self._open: dict[int, OpenFlow] = {}
        self._opening = asyncio.Lock()

    def loaded(self, user_id: int | None = None) -> list[OpenFlow]:
        """The flows in memory; of one person, or all."""
        return [flow for flow in self._open.values() if user_id is None or flow.owner_id == user_id]

    async def get(self, user_id: int, flow_id: int) -> OpenFlow:
        """A person's open flow.

        Raises:
            NotFoundError: there is none of that number, it is somebody else's, or it was closed.
        """
        flow = self._open.get(flow_id)
        if flow is None and 0 < flow_id <= _MAX_ID:
            async with self._opening:
                flow = self._open.get(flow_id) or await self._reopen(flow_id)
        if flow is None or flow.owner_id != user_id:
            raise NotFoundError(f"there is no open flow {flow_id}", hint="open it by its path")
        return flow

    async def records(self, user_id: int, limit: int) -> list[FlowRecord]:
        """A person's flows, open and closed, the one opened last first."""
        return await self._database.read(records.recent(user_id, limit))

    async def load_open(self, user_id: int) -> None:
        """Open what was open when the service ended."""
        for record in await self._database.read(records.recent(user_id, 1_000, only_open=True)):
            if record.flow_id not in self._open:
                async with self._opening:
                    if record.flow_id not in self._open:
                        await self._reopen(record.flow_id)

    async def create(self, user_id: int, name: str) -> OpenFlow:
        """A new, empty flow."""
        return await self._add(user_id, FlowDocument(flow_settings=FlowSettings(name=name)), None)

    async def import_text(self, user_id: int, text: str) -> OpenFlow:
        """A new flow of the text of a flow file.

        Raises:
            FlowFileFormatError: the text holds no flow.
        """
        return await self._add(user_id, await asyncio.to_thread(flow_file.load, text), None)

    async def open(self, user_id: int, text: str) -> OpenFlow:
        """The flow in a file; the same one, if the person has it open already.

        Raises:
            PathForbiddenError: the path may not be touched.
            NotFoundError: there is no such file.
            FlowFileFormatError: it holds no flow.
        """
        path = self._resolve(text)
        async with self._opening:
            for flow in self.loaded(user_id):
                if flow.path == path:
                    return flow
            record = await self._database.read(records.find_path(user_id, path))
            if record is not None:
                flow = await self._load(record)
                await self._database.write(records.change(record.flow_id, is_open=True, opened_at=time.time()))
                return flow
        return await self._add(user_id, await asyncio.to_thread(_read, path), path)

    async def save(self, flow: OpenFlow, *, overwrite: bool = False) -> None:
        """Write a flow to its file.

        Raises:
            TargetError: it has none, or it cannot be written.
            FileExistsConflictError: something else wrote the file since; not if `overwrite`.
        """
        if flow.path is None:
            raise TargetError("the flow has no file yet", hint="save it under a path first")
        flow.check_file()
        if flow.file_changed and not overwrite and flow.path.exists():
            raise FileExistsConflictError(
                f"{flow.path} was changed by something else", hint="save with overwrite, or under another path"
            )
        await self._write(flow, flow.path)

    async def save_as(self, flow: OpenFlow, text: str, *, overwrite: bool = False) -> None:
        """Write a flow to another file, which is its file from now on.

        Raises:
            PathForbiddenError: the path may not be touched.
            TargetError: it cannot be written.
            FileExistsConflictError: there is a file of that name; not if `overwrite`.
        """
        path = self._resolve(text)
        if path.suffix not in _ENDINGS:
            raise TargetError(f"a flow's file ends in {flow_file.ENDING}, not {path.suffix!r}", field="path")
        if path != flow.path and not overwrite and _exists(path):
            raise FileExistsConflictError(f"{path} exists already", hint="save with overwrite, or under another path")
        await self._write(flow, path)

    async def close(self, flow: OpenFlow, *, discard: bool = False) -> None:
        """Close a flow.

        Raises:
            UnsavedError: it has edits that its file lacks; not if `discard`.
            ConflictError: it is running.
        """
        if flow.run_id is not None:
            raise ConflictError("the flow is running", hint="wait for its end, or cancel the run")
        if flow.unsaved and not discard:
            raise UnsavedError("the flow has edits that are not saved", hint="save it, or close it with discard")
        async with flow.lock:
            await flow.predictor.stop()
            self._open.pop(flow.flow_id, None)
            if discard:
                flow.discard()
            flow.close()
        await self._database.write(records.change(flow.flow_id, is_open=False))
        flow.tell(closed=True)

    async def worker_came(self) -> None:
        """Ask the schemas that the Worker could not tell before."""
        for flow in self.loaded():
            await flow.predictor.ask_again()

    def close_all(self) -> None:
        """Let go of all flows; their edits stay in their logs."""
        for flow in self._open.values():
            flow.close()
        self._open.clear()

    def _resolve(self, text: str) -> Path:
        base = self._roots[0] if self._roots else Path.home()
        try:
            return resolve_path(text, base, self._roots)
        except (OSError, ValueError, RuntimeError) as error:
            raise TargetError(f"the path cannot be used: {error}", field="path") from error

    async def _write(self, flow: OpenFlow, path: Path) -> None:
        document, revision = flow.document(), flow.revision
        try:
            state = await asyncio.to_thread(_write, path, document)
        except OSError as error:
            problem = explain(error)
            if isinstance(problem, DiskFullError):
                raise problem from error
            raise TargetError(f"{path} cannot be written: {error.strerror or error}", field="path") from error
        await flow.saved(path, revision, state)
        name = flow.graph.flow_settings.name
        await self._database.write(records.change(flow.flow_id, path=str(path), name=name))

    async def _add(self, user_id: int, document: FlowDocument, path: Path | None) -> OpenFlow:
        graph = await asyncio.to_thread(EtlGraph, document)
        name = document.flow_settings.name
        flow_id = await self._database.write(records.add(user_id, document.uuid[:200], name, path))
        flow = self._make(flow_id, user_id, graph, path, Journal(self._folder / str(flow_id)), 0)
        if path is None:
            flow.begin_journal()
        self._begin(flow)
        return flow

    async def _reopen(self, flow_id: int) -> OpenFlow | None:
        record = await self._database.read(records.find(flow_id))
        return await self._load(record) if record is not None and record.is_open else None

    async def _load(self, record: FlowRecord) -> OpenFlow:
        """A flow as its file and its log have it."""
        path = Path(record.path) if record.path is not None else None
        journal = Journal(self._folder / str(record.flow_id))
        logged = await asyncio.to_thread(journal.read)
        if logged is None:
            if path is None:
                raise NotFoundError(f"flow {record.flow_id} was never saved, and its log is gone")
            graph = await asyncio.to_thread(EtlGraph, await asyncio.to_thread(_read, path))
            flow = self._make(record.flow_id, record.owner_id, graph, path, journal, 0)
        else:
            base, edits = logged
            document, revision = base.document, base.revision
            clean = not edits and base.saved_revision == base.revision
            moved_on = path is not None and state_of(path) != base.file_state
            if clean and moved_on and path is not None:
                # Nothing of ours is lost, so the file as somebody else wrote it is the flow now.
                document, revision = await asyncio.to_thread(_read, path), base.revision + 1
            graph = await asyncio.to_thread(EtlGraph, document)
            flow = self._make(record.flow_id, record.owner_id, graph, path, journal, revision)
            if clean and moved_on:
                flow.begin_journal()
            else:
                flow.replay(base, edits)
        self._begin(flow)
        return flow

    def _make(
        self, flow_id: int, user_id: int, graph: EtlGraph, path: Path | None, journal: Journal, revision: int
    ) -> OpenFlow:
        return OpenFlow(
            flow_id,
            user_id,
            graph,
            path=path,
            journal=journal,
            store=self._schemas,
            roots=self._roots,
            publish=self._publish,
            revision=revision,
        )

    def _begin(self, flow: OpenFlow) -> None:
        self._open[flow.flow_id] = flow
        flow.check_file()
        flow.predictor.start()
        flow.tell()


def _read(path: Path) -> FlowDocument:
    try:
        if not path.is_file():
            raise NotFoundError(f"there is no file {path}", field="path")
    except OSError as error:
        raise FlowFileFormatError(f"{path} cannot be read: {error.strerror or error}") from error
    return flow_file.read(path)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


def _write(path: Path, document: FlowDocument) -> str:
    """Write a flow and give the file's state; nobody can have touched it between the two without being noticed."""
    flow_file.write(path, document)
    return state_of(path)
