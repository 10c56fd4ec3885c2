"""Starting, following and cancelling runs. One run at a time a flow; a run goes on without the client that asked."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from sqlalchemy.exc import SQLAlchemyError

from flowfile_core.database.writer import Database
from flowfile_core.flows.flow import OpenFlow, Publish
from flowfile_core.messages import LogLevel, LogLine, LogMessage, RunMessage, RunSummary, StepMessage
from flowfile_core.runs import store as records
from flowfile_core.runs.learning import learn
from flowfile_core.runs.requests import RunRequest, places, refuse_unready, task_json
from flowfile_core.runs.run import Run
from flowfile_core.worker.client import TaskStream, WorkerClient, lost
from flowfile_engine.errors import CancelledRunError, ConflictError, FlowfileError, NodeId, NotFoundError, Problem
from flowfile_engine.graph.document import FlowDocument
from flowfile_engine.tasks import DoneEvent, Event, FailedEvent, LogEvent, Ran, RunTask, StepEvent

log = logging.getLogger("flowfile_core")

_SOURCE_SECONDS = 10.0
_NO_FLOW = FlowDocument(uuid="")


class RunInProgressError(ConflictError):
    """A flow that is running already."""

    code = "run_in_progress"


class RunManager:
    """The runs that go on, and the way to those that ended."""

    def __init__(self, database: Database, worker: Callable[[], Awaitable[WorkerClient]], publish: Publish) -> None:
        self._database = database
        self._worker = worker
        self._publish = publish
        self._active: dict[str, Run] = {}
        self._background: set[asyncio.Task[None]] = set()

    def active(self, user_id: int) -> list[Run]:
        """A person's runs that go on."""
        return [run for run in self._active.values() if run.owner_id == user_id]

    async def start(self, flow: OpenFlow, request: RunRequest) -> Run:
        """Start a run.

        Raises:
            RunInProgressError: the flow is running already.
            RefusedError: a step that it needs is not ready.
        """
        if flow.run_id is not None:
            raise RunInProgressError(
                f"the flow is running already ({flow.run_id})", hint="wait for its end, or cancel that run"
            )
        run = Run(flow, request.mode or flow.graph.flow_settings.mode)
        flow.run_id = run.run_id
        try:
            await flow.check_sources(_SOURCE_SECONDS)
            targets: list[NodeId] | None = None if request.targets is None else list(request.targets)
            refuse_unready(flow, targets, request.parameters)
        except BaseException:
            flow.run_id = None
            raise
        learnable = {} if request.parameters else flow.schemas.learnable()
        task = RunTask.model_construct(
            flow=_NO_FLOW,
            run_id=run.run_id,
            mode=run.information.mode,
            targets=targets,
            parameters=request.parameters,
            **places(flow),
        )
        self._active[run.run_id] = run
        flow.last_run_id = run.run_id
        self._database.submit(records.began(flow.flow_id, run.owner_id, run.information))
        self._publish(RunMessage.model_construct(run=run.summary()), run.owner_id)
        run.task = asyncio.create_task(self._follow(run, task_json(flow, task), learnable))
        return run

    async def cancel(self, user_id: int, run_id: str) -> Run:
        """Cancel a run, and wait for its end.

        Raises:
            NotFoundError: no such run of this person's goes on.
        """
        run = self._find_active(user_id, run_id)
        if run is None:
            await self.information(user_id, run_id)
            raise ConflictError("the run has ended already")
        run.cancelled = True
        if run.at_worker:
            await (await self._worker()).cancel(run_id)
        elif run.task is not None and not run.sent:
            run.task.cancel()
        # Else it is on its way to the Worker, which would do it without us: it is cancelled as soon as it is there.
        await run.ended.wait()
        return run

    async def information(self, user_id: int, run_id: str) -> bytes:
        """A run as the JSON of its `RunInformation`.

        Raises:
            NotFoundError: there is no such run of this person's.
        """
        run = self._find_active(user_id, run_id)
        if run is not None:
            return run.current().model_dump_json().encode()
        found = await self._database.read(records.find(user_id, run_id))
        if found is None:
            raise NotFoundError(f"there is no run {run_id!r}")
        return found.encode()

    async def listing(self, user_id: int, flow_id: int | None, limit: int, offset: int) -> list[RunSummary]:
        """A person's runs, the newest first."""
        return await self._database.read(records.listing(user_id, flow_id, limit, offset))

    async def log_lines(self, user_id: int, run_id: str, after: int, limit: int) -> list[LogLine]:
        """Lines of a run's log.

        Raises:
            NotFoundError: there is no such run of this person's.
        """
        await self.information(user_id, run_id)
        # In turn with the writing, so that a line that was published can be read.
        return await self._database.write(records.lines(run_id, after, limit))

    async def stop(self) -> None:
        """Break off what goes on: the service ends."""
        tasks = [run.task for run in self._active.values() if run.task is not None]
        for task in [*tasks, *self._background]:
            task.cancel()
        await asyncio.gather(*tasks, *self._background, return_exceptions=True)

    def _find_active(self, user_id: int, run_id: str) -> Run | None:
        run = self._active.get(run_id)
        return run if run is not None and run.owner_id == user_id else None

    async def _follow(self, run: Run, task: bytes, learnable: dict[NodeId, str]) -> None:
        try:
            await self._at_worker(run, task)
        except asyncio.CancelledError:
            problem = Problem(code="cancelled", message="the run was cancelled")
            run.break_off("cancelled", problem if run.cancelled else _core_stops())
        except FlowfileError as error:
            run.break_off("cancelled" if error.code == CancelledRunError.code else "failed", error.problem)
        except Exception as error:
            log.exception("run %s broke off", run.run_id)
            run.break_off("failed", Problem(code="unexpected", message=f"{type(error).__name__}: {error}"))
        await self._end(run)
        if learnable:
            learning = asyncio.create_task(learn(run, learnable, self._worker))
            self._background.add(learning)
            learning.add_done_callback(self._background.discard)

    async def _at_worker(self, run: Run, task: bytes) -> None:
        client = await self._worker()
        run.sent = True
        try:
            async with client.task(task, task_id=run.run_id) as stream:
                run.at_worker = True
                if run.cancelled:
                    await client.cancel(run.run_id)
                await self._events(run, stream)
        except asyncio.CancelledError:
            await client.cancel_quietly(run.run_id)  # nobody would follow it any more
            raise
        if run.information.state == "running":
            raise lost("the answer is not whole")

    async def _events(self, run: Run, stream: TaskStream) -> None:
        async for event in stream.events():
            self._take(run, event)

    def _take(self, run: Run, event: Event) -> None:
        match event:
            case StepEvent(result=result):
                run.step(result)
                message = StepMessage.model_construct(run_id=run.run_id, flow_id=run.flow.flow_id, result=result)
                self._publish(message, run.owner_id)
            case LogEvent(level=level, message=text, node_id=node_id):
                self._log(run, level, text, node_id)
            case DoneEvent(answer=Ran(run=information)):
                run.end(information)
            case FailedEvent(problem=problem, peak_memory=peak):
                run.break_off("cancelled" if problem.code == CancelledRunError.code else "failed", problem, peak)
            case _:
                pass

    def _log(self, run: Run, level: LogLevel, text: str, node_id: NodeId | None) -> None:
        line = run.line(level, text, node_id)
        if line is not None:
            self._database.submit(records.log_lines(run.run_id, [line]))
            message = LogMessage.model_construct(run_id=run.run_id, flow_id=run.flow.flow_id, line=line)
            self._publish(message, run.owner_id)

    async def _end(self, run: Run) -> None:
        """Store the record, and only then say that the run has ended."""
        if run.information.state == "running":
            run.break_off("failed", lost("the answer is not whole").problem)
        try:
            await self._database.write(records.ended(run.flow.flow_id, run.owner_id, run.information))
        except SQLAlchemyError:
            log.exception("the record of run %s could not be stored", run.run_id)
        del self._active[run.run_id]
        run.flow.run_id = None
        self._publish(RunMessage.model_construct(run=run.summary()), run.owner_id)
        run.ended.set()


def _core_stops() -> Problem:
    return Problem(code="core_lost", message="the service ended before the run did", hint="run the flow again")
