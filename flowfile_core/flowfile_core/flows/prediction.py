"""Predicting a flow's schemas beside its edits: a moment on the event loop, the remainder in a thread."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from contextlib import suppress
from typing import cast

from flowfile_core.flows.schemas import FlowSchemas, Question
from flowfile_engine.errors import FlowfileError, NodeId
from flowfile_engine.graph.graph import EtlGraph
from flowfile_engine.graph.prediction import predicting

log = logging.getLogger("flowfile_core")

_MOMENT = 0.005
"""Seconds that a prediction may hold up everybody else."""

Steps = Iterator[NodeId | None]


class Predictor:
    """Keeps the predictions of one graph up to date.

    The graph may be edited only between `stop` and `start`.

    Args:
        changed: called on the event loop with the steps whose prediction changed, when a prediction ends.
    """

    def __init__(self, graph: EtlGraph, schemas: FlowSchemas, changed: Callable[[list[NodeId]], None]) -> None:
        self._graph = graph
        self._schemas = schemas
        self._changed = changed
        self._stopping = False
        self._rest: asyncio.Task[None] | None = None
        self._pending: dict[NodeId, str] = {}
        self._asking: set[asyncio.Task[None]] = set()
        self._answered = asyncio.Event()
        self._closed = False

    @property
    def running(self) -> bool:
        """Whether a prediction goes on in the thread."""
        return self._rest is not None

    def pending(self, node_id: NodeId) -> bool:
        """Whether a step's schema was asked of the Worker and is not there yet."""
        return node_id in self._pending

    @property
    def any_pending(self) -> bool:
        """Whether the Worker has yet to answer."""
        return bool(self._pending)

    def start(self) -> list[NodeId]:
        """Predict what is open. What takes longer than a moment goes on in a thread.

        Returns:
            The steps that changed so far.
        """
        open_steps = self._open_steps()
        for node_id in open_steps:
            self._schemas.resolve_paths(self._graph.step(node_id))
        for node_id in self._schemas.shown_below(open_steps):
            self._graph.mark_changed(node_id)
        steps = predicting(self._graph, self._schemas)
        changed: list[NodeId] = []
        if _exhaust(steps, changed, time.perf_counter() + _MOMENT):
            self._finish(changed)
        else:
            self._rest = asyncio.create_task(self._predict_rest(steps, changed))
        return list(changed)

    async def stop(self) -> None:
        """Make the graph free to be edited; what was not predicted yet stays open."""
        while self._rest is not None:  # another one may have begun before this waiter had its turn
            self._stopping = True
            await asyncio.shield(self._rest)
            self._stopping = False

    async def settled(self) -> None:
        """Wait until nothing is being predicted here. What was asked of the Worker may still be open."""
        while self._rest is not None:
            await asyncio.shield(self._rest)

    async def answered(self, node_id: NodeId, seconds: float) -> None:
        """Wait until a step's schema is not pending, or for so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.settled()
                while node_id in self._pending or self._asked_above(node_id):
                    await self._answered.wait()
                    await self.settled()

    async def again(self, node_ids: list[NodeId]) -> None:
        """Predict steps again: what they read from outside may have changed."""
        await self.stop()
        for node_id in node_ids:
            if node_id in self._graph:
                self._graph.mark_changed(node_id)
        self.start()

    async def ask_again(self) -> None:
        """Ask what the Worker has not answered: it is there again."""
        waiting = list(self._pending)
        if waiting:
            self._pending.clear()
            await self.again(waiting)

    def close(self) -> None:
        """Ask nothing more."""
        self._closed = True
        self._stopping = True
        for task in self._asking:
            task.cancel()

    def _asked_above(self, node_id: NodeId) -> bool:
        return bool(self._pending) and not self._pending.keys().isdisjoint(self._graph.upstream([node_id]))

    def _open_steps(self) -> set[NodeId]:
        open_steps = self._graph.take_changed()
        for node_id in open_steps:
            self._graph.mark_changed(node_id)
        return open_steps

    async def _predict_rest(self, steps: Steps, changed: list[NodeId]) -> None:
        try:
            await _in_thread(lambda: self._exhaust_unless_stopped(steps, changed))
        finally:
            cast("Generator[NodeId | None]", steps).close()
            self._rest = None
        self._finish(changed)

    def _exhaust_unless_stopped(self, steps: Steps, changed: list[NodeId]) -> None:
        while not self._stopping:
            if _exhaust(steps, changed, time.perf_counter() + _MOMENT):
                return

    def _finish(self, changed: list[NodeId]) -> None:
        wanted, self._schemas.wanted = self._schemas.wanted, {}
        for node_id, question in wanted.items():
            if self._pending.get(node_id) != question.key and not self._closed:
                self._pending[node_id] = question.key
                task = asyncio.create_task(self._ask(node_id, question))
                self._asking.add(task)
                task.add_done_callback(self._asking.discard)
        told = list(dict.fromkeys([*changed, *wanted]))
        if told:
            self._changed(told)

    async def _ask(self, node_id: NodeId, question: Question) -> None:
        try:
            await self._schemas.store.ask(question)
        except FlowfileError as error:
            # The step stays pending: it is asked again when the Worker is back.
            log.info("the schema of node %s could not be asked: %s", node_id, error)
            return
        if self._pending.get(node_id) == question.key:
            self._schemas.fresh.add(question.key)
            await self.again([node_id])
            # Pending until the prediction goes on from the answer: whoever waits must not slip in between.
            if self._pending.get(node_id) == question.key:
                del self._pending[node_id]
            await self.settled()
            self._schemas.fresh.discard(question.key)
            if node_id in self._graph and node_id not in self._pending:
                self._changed([node_id])
        answered, self._answered = self._answered, asyncio.Event()
        answered.set()


def _exhaust(steps: Steps, changed: list[NodeId], until: float) -> bool:
    """Predict until a time; whether nothing is left."""
    for node_id in steps:
        if node_id is not None:
            changed.append(node_id)
        if time.perf_counter() > until:
            return False
    return True


async def _in_thread(work: Callable[[], None]) -> None:
    """Do work in a thread to its end, whatever becomes of the waiting task: it owns the graph meanwhile."""
    future: Future[None] = asyncio.get_running_loop().run_in_executor(None, work)  # pyright: ignore[reportAssignmentType]
    while True:
        try:
            return await asyncio.shield(asyncio.wrap_future(future))
        except asyncio.CancelledError:
            if future.done():
                raise
