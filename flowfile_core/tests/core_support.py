"""A Core on a free port with a Worker in the same process, which does tasks with the real engine in threads."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from flowfile_core.app import create_app
from flowfile_core.serve import prepare
from flowfile_core.services import Services
from flowfile_core.settings import Settings
from flowfile_engine.errors import FlowfileError
from flowfile_engine.run.cache import ResultCache
from flowfile_engine.run.perform import perform
from flowfile_engine.tasks import TASK, DoneEvent, FailedEvent

INTERNAL = "internal"


class WorkerDouble:
    """The Worker's routes over the real engine; a test can put a behaviour of its own in the place of a task's kind."""

    def __init__(self, folder: Path) -> None:
        self.cache = ResultCache(folder)
        self.instead: dict[str, Callable[[Any], Any]] = {}
        self.seen: list[Any] = []
        self.cancelled: dict[str, asyncio.Event] = {}
        self.url = ""
        self.came = asyncio.Event()
        """Set when a task came that is done as the test says."""
        self.app = FastAPI()
        self.app.post("/tasks")(self._post)
        self.app.delete("/tasks/{task_id}", status_code=204)(self._cancel)
        self.app.get("/health")(self._health)
        self.app.get("/results/{ref}")(self._result)

    def count(self, kind: str) -> int:
        """How many tasks of a kind came."""
        return sum(task.kind == kind for task in self.seen)

    async def _health(self) -> dict[str, str]:
        return {"status": "ok"}

    async def _post(self, request: Request) -> Response:
        assert request.headers["X-Internal-Token"] == INTERNAL
        task = TASK.validate_json(await request.body())
        task_id = request.headers.get("X-Task-Id") or f"task-{len(self.seen)}"
        self.seen.append(task)
        self.cancelled[task_id] = asyncio.Event()
        if task.kind in self.instead:
            self.came.set()
        events = self._own(task, task_id) if task.kind in self.instead else self._real(task)
        return StreamingResponse(events, media_type="application/x-ndjson", headers={"X-Task-Id": task_id})

    async def _own(self, task: Any, task_id: str) -> AsyncGenerator[bytes]:
        async for event in self.instead[task.kind](task):
            if event == "wait":
                await self.cancelled[task_id].wait()
            elif event == "die":
                raise ConnectionResetError
            else:
                yield event.model_dump_json().encode() + b"\n"

    async def _real(self, task: Any) -> AsyncGenerator[bytes]:
        loop, queue = asyncio.get_running_loop(), asyncio.Queue[Any]()

        def emit(event: Any) -> None:
            loop.call_soon_threadsafe(queue.put_nowait, event)

        def work() -> None:
            try:
                emit(DoneEvent(answer=perform(task, self.cache, emit)))
            except FlowfileError as error:
                emit(FailedEvent(problem=error.problem))

        working = asyncio.ensure_future(asyncio.to_thread(work))
        while True:
            event = await queue.get()
            yield event.model_dump_json().encode() + b"\n"
            if event.kind in ("done", "failed"):
                break
        await working

    async def _cancel(self, task_id: str) -> None:
        self.cancelled[task_id].set()

    async def _result(self, ref: str) -> Response:
        found = self.cache.find_ref(ref)
        if found is None:
            return Response(status_code=404)
        return Response(found.model_dump_json(), media_type="application/json")


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncGenerator[str]:
    """The app on a free port of loopback."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            app, http="h11", ws="none", loop="asyncio", log_config=None, access_log=False, timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        config.load()
        # Started and stopped by hand: uvicorn's own loop looks only every 100 ms whether it should end.
        server.lifespan = config.lifespan_class(config)
        await server.startup([listening])
        assert server.started
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            state = getattr(app.state, "services", None)
            if state is not None:
                state.events.close()
            await server.shutdown([listening])


class Core:
    """A client of a Core under test."""

    def __init__(self, url: str, services: Services, token: str) -> None:
        self.url = url
        self.services = services
        self.token = token
        self.http = httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30)

    async def call(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        answer = await self.http.request(method, path, json=body)
        assert answer.status_code == status, (answer.status_code, answer.text)
        if status >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["status"] == status
        return answer.json() if answer.content else None

    async def flow(self, *operations: dict[str, Any]) -> int:
        """A new flow with some operations done."""
        flow_id = (await self.call("POST", "/flows", {}, status=201))["flow_id"]
        if operations:
            await self.edit(flow_id, 0, *operations)
        return flow_id

    async def edit(self, flow_id: int, revision: int, *operations: dict[str, Any], status: int = 200) -> Any:
        body = {"revision": revision, "operations": list(operations)}
        return await self.call("POST", f"/flows/{flow_id}/edits", body, status=status)

    async def document(self, flow_id: int) -> Any:
        return (await self.call("GET", f"/flows/{flow_id}"))["document"]

    async def columns(self, flow_id: int, node_id: Any, wait: float = 10) -> Any:
        """Names of a step's output columns; None where they are not known."""
        view = await self.call("GET", f"/flows/{flow_id}/nodes/{node_id}/schema?wait={wait}")
        return [column["name"] for column in view["outputs"]["main"]] if view["outputs"] else None


@asynccontextmanager
async def running_core(settings: Settings) -> AsyncGenerator[Core]:
    prepare(settings)
    app = create_app(settings)
    async with serving(app) as url:
        core = Core(url, app.state.services, app.state.gate.token)
        try:
            yield core
        finally:
            await core.http.aclose()


def manual(node_id: Any, *columns: str, rows: int = 2) -> dict[str, Any]:
    """A step that holds whole numbers."""
    return {
        "op": "add_step",
        "id": node_id,
        "type": "manual_input",
        "settings": {
            "columns": [{"name": name, "dtype": "Int64"} for name in columns],
            "rows": [[row] * len(columns) for row in range(rows)],
        },
    }


def formula(node_id: Any, **columns: str) -> dict[str, Any]:
    """A step that computes columns."""
    return {"op": "add_step", "id": node_id, "type": "formula", "settings": formula_settings(**columns)}


def formula_settings(**columns: str) -> dict[str, Any]:
    return {"columns": [{"name": name, "expression": expression} for name, expression in columns.items()]}


def connect(source: Any, target: Any, **more: Any) -> dict[str, Any]:
    """An edge."""
    return {"op": "connect", "source": source, "target": target, **more}


async def events_of(core: Core, *, last_id: str | None = None) -> AsyncGenerator[tuple[int, dict[str, Any]]]:
    """The event stream as pairs of id and message."""
    headers = {} if last_id is None else {"Last-Event-ID": last_id}
    async with core.http.stream("GET", "/events", headers=headers) as answer:
        assert answer.status_code == 200
        number = 0
        async for line in answer.aiter_lines():
            if line.startswith("id: "):
                number = int(line[4:])
            elif line.startswith("data: "):
                yield number, json.loads(line[6:])
