"""An open flow: the one owner of its graph, which serializes its edits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from pathlib import Path

from flowfile_core.flows.edits import ConflictDetails, EditAnswer, EditConflictError
from flowfile_core.flows.history import Edit, EditKind, History
from flowfile_core.flows.journal import Base, EditLine, Journal, edits_json
from flowfile_core.flows.operations import Operation, apply_all
from flowfile_core.flows.prediction import Predictor
from flowfile_core.flows.schemas import FlowSchemas, SchemaStore
from flowfile_core.flows.views import node_state
from flowfile_core.messages import EventMessage, FlowMessage, FlowSummary, NodesMessage, NodeState
from flowfile_engine.errors import ConflictError, DiskFullError, FlowfileError, NodeId
from flowfile_engine.graph.document import FlowDocument
from flowfile_engine.graph.graph import EtlGraph
from flowfile_engine.io.state import files_state

log = logging.getLogger("flowfile_core")

_SHOWN_NODES = 200
_SHOWN_EDITS = 100

Publish = Callable[[EventMessage | Callable[[], EventMessage], int], None]


class OpenFlow:
    """A flow that somebody has open.

    Attributes:
        revision: grows with each edit; also across restarts of the service.
        saved_revision: the one that the flow's file holds; None while there is no file.
        run_id: of the run that goes on.
        last_run_id: of the run begun last, whose rows of steps that read the clock are the ones to show.
    """

    def __init__(
        self,
        flow_id: int,
        owner_id: int,
        graph: EtlGraph,
        *,
        path: Path | None,
        journal: Journal,
        store: SchemaStore,
        roots: list[Path] | None,
        publish: Publish,
        revision: int = 0,
    ) -> None:
        self.flow_id = flow_id
        self.owner_id = owner_id
        self.graph = graph
        self.path = path
        self.revision = revision
        self.saved_revision: int | None = revision if path is not None else None
        self.run_id: str | None = None
        self.last_run_id = ""
        self.lock = asyncio.Lock()
        self.history = History(revision)
        self.schemas = FlowSchemas(graph, store, path.parent if path is not None else None, roots)
        self.predictor = Predictor(graph, self.schemas, self._nodes_changed)
        self._journal = journal
        self._publish = publish
        self._document_json: tuple[int, bytes] = (-1, b"")
        self._file_state = state_of(path)
        self.file_changed = False

    # Edits

    async def edit(self, revision: int, operations: list[Operation]) -> EditAnswer:
        """Make an edit that was drawn up on a revision.

        Raises:
            EditConflictError: what it touches was changed since.
            FlowfileError: an operation cannot be done; nothing of the edit is.
        """
        async with self.lock:
            await self.predictor.stop()
            self._refuse_collisions(revision, operations)
            return self._make("edit", operations)

    async def undo(self, revision: int | None = None) -> EditAnswer:
        """Take the last edit back.

        Raises:
            ConflictError: there is none, or the flow is no longer at the given revision.
        """
        return await self._back_or_forth("undo", revision)

    async def redo(self, revision: int | None = None) -> EditAnswer:
        """Make the edit again that was undone last.

        Raises:
            ConflictError: there is none, or the flow is no longer at the given revision.
        """
        return await self._back_or_forth("redo", revision)

    async def _back_or_forth(self, kind: EditKind, revision: int | None) -> EditAnswer:
        async with self.lock:
            await self.predictor.stop()
            if revision is not None:
                self._refuse_other_revision(revision)
            edit = self.history.next_undo() if kind == "undo" else self.history.next_redo()
            if edit is None:
                raise ConflictError(f"there is nothing to {kind}")
            return self._make(kind, edit.inverse)

    def _make(self, kind: EditKind, operations: list[Operation]) -> EditAnswer:
        if not self._journal.begun:
            self.begin_journal()
        inverse = apply_all(self.graph, operations)
        edit = Edit(kind, self.revision + 1, operations, inverse)
        try:
            self._journal.append(edit)
        except OSError as error:
            apply_all(self.graph, inverse)
            raise _no_room(error) from error
        self.revision = edit.revision
        self.history.record(edit)
        changed = self.predictor.start()
        self.tell()
        return EditAnswer.model_construct(
            revision=self.revision,
            changed=changed[:_SHOWN_NODES],
            changed_count=len(changed),
            predicting=self.predictor.running,
            can_undo=self.history.can_undo,
            can_redo=self.history.can_redo,
        )

    def begin_journal(self) -> None:
        """Write down the flow as it is, in place of all edits that were logged.

        Raises:
            DiskFullError: it cannot be written.
        """
        base = Base.model_construct(
            revision=self.revision,
            saved_revision=self.saved_revision,
            file_state=self._file_state,
            document=self.graph.document(),
        )
        try:
            self._journal.begin(base)
        except OSError as error:
            raise _no_room(error) from error

    def _refuse_collisions(self, revision: int, operations: list[Operation]) -> None:
        if revision > self.revision:
            raise EditConflictError(
                f"the flow is at revision {self.revision}, the edit was made on {revision}",
                ConflictDetails(revision=self.revision),
            )
        collided = self.history.collisions(revision, operations) if revision < self.revision else []
        if collided == []:
            return
        edits = self.history.since(revision)
        raise EditConflictError(
            "what the edit touches was changed in the meantime",
            ConflictDetails(
                revision=self.revision,
                collided=[list(part) for part in collided or []],
                edits=edits_json(list(edits[:_SHOWN_EDITS])),
                complete=collided is not None and len(edits) == min(self.revision - revision, _SHOWN_EDITS),
            ),
        )

    def _refuse_other_revision(self, revision: int) -> None:
        if revision != self.revision:
            raise EditConflictError(
                f"the flow is at revision {self.revision}, not {revision}", ConflictDetails(revision=self.revision)
            )

    # Recovery and files

    def replay(self, base: Base, edits: Iterable[EditLine]) -> None:
        """Make the edits again that a log holds, on the document that the log begins with."""
        self.saved_revision = base.saved_revision
        self._file_state = base.file_state
        for line in edits:
            try:
                inverse = apply_all(self.graph, line.operations)
            except FlowfileError as error:
                log.warning("flow %s: edit %s cannot be made again: %s", self.flow_id, line.revision, error)
                break
            self.revision = line.revision
            self.history.record(Edit(line.kind, line.revision, line.operations, inverse))

    async def saved(self, path: Path, revision: int, state: str) -> None:
        """Say that a revision was written to a file; the log shrinks to what came after it."""
        moved = self.path != path
        self.path = path
        self.saved_revision = revision
        self._file_state = state
        self.file_changed = False
        async with self.lock:
            if moved:
                await self.predictor.stop()
                self.schemas.base_dir = path.parent
                for step in self.graph:
                    step.validate(self.graph.parameters)
                    self.graph.mark_changed(step.node_id)
                self.predictor.start()
            self.begin_journal()
        self.tell()

    def discard(self) -> None:
        """Forget the log: its edits are not wanted."""
        self._journal.remove()

    @property
    def unsaved(self) -> bool:
        """Whether the file, if there is one, lacks edits."""
        if self.path is None and not len(self.graph):
            return False
        return self.saved_revision != self.revision

    async def check_sources(self, seconds: float) -> None:
        """Have the schemas of sources read again whose files were changed; wait for the answers, but not for ever."""
        await self.predictor.settled()
        changed = self.schemas.changed_sources()
        if changed:
            await self.predictor.again(changed)
            await asyncio.gather(*(self.predictor.answered(node_id, seconds) for node_id in changed))

    def check_file(self) -> None:
        """See whether something else wrote the file since it was read or written here."""
        self.file_changed = self.path is not None and state_of(self.path) != self._file_state

    # What is shown

    def tell(self, *, closed: bool = False) -> None:
        """Publish the flow's state."""
        self._publish(FlowMessage.model_construct(flow=self.summary(), closed=closed), self.owner_id)

    def summary(self) -> FlowSummary:
        """The flow without its contents."""
        return FlowSummary.model_construct(
            flow_id=self.flow_id,
            uuid=self.graph.uuid,
            name=self.graph.flow_settings.name,
            path=None if self.path is None else str(self.path),
            revision=self.revision,
            saved_revision=self.saved_revision,
            unsaved=self.unsaved,
            can_undo=self.history.can_undo,
            can_redo=self.history.can_redo,
            file_changed=self.file_changed,
            predicting=self.predictor.running,
            nodes=len(self.graph),
            run_id=self.run_id,
        )

    def document_json(self) -> bytes:
        """The flow as JSON; made once a revision."""
        revision, text = self._document_json
        if revision != self.revision:
            text = self.graph.document().model_dump_json().encode()
            self._document_json = (self.revision, text)
        return text

    def document(self) -> FlowDocument:
        """The flow as data, which later edits do not change."""
        return self.graph.document().model_copy(update={"layout": dict(self.graph.layout)})

    def node_states(self) -> list[NodeState]:
        """What is known of each step."""
        return [node_state(step, pending=self.predictor.pending(step.node_id)) for step in self.graph]

    async def schema_pending(self, node_id: NodeId, seconds: float) -> bool:
        """Wait for a step's prediction, and up to some seconds for the Worker; whether that still has to answer."""
        await self.predictor.settled()
        if seconds:
            await self.predictor.answered(node_id, seconds)
        return self.predictor.pending(node_id)

    def _nodes_changed(self, changed: list[NodeId]) -> None:
        def message() -> NodesMessage:
            shown = [node_id for node_id in changed[:_SHOWN_NODES] if node_id in self.graph]
            return NodesMessage.model_construct(
                flow_id=self.flow_id,
                revision=self.revision,
                nodes=[node_state(self.graph.step(key), pending=self.predictor.pending(key)) for key in shown],
                complete=len(changed) <= _SHOWN_NODES,
            )

        self._publish(message, self.owner_id)

    def close(self) -> None:
        """Let go of everything; the log stays."""
        self.predictor.close()
        self._journal.close()


def state_of(path: Path | None) -> str:
    """The state of a flow's file: other after anybody wrote it."""
    return "" if path is None else files_state([path])


def _no_room(error: OSError) -> DiskFullError:
    return DiskFullError(f"the edit cannot be written down: {error.strerror or error}", hint="free some disk space")
