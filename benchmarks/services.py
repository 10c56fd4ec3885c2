"""Core and the Worker as processes of their own, and a client that speaks HTTP to them as the Designer does."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self
from urllib.parse import quote, urlencode, urlsplit

from flowfile_engine import flow_file
from flowfile_engine.errors import NodeId
from flowfile_engine.graph.document import FlowDocument
from flowfile_engine.run.cache import ResultCache
from flowfile_engine.run.information import RunInformation
from flowfile_engine.tasks import Rows

RUN_SECONDS = 600
_TOKEN = "benchmarks"


class RefusedError(Exception):
    """A service answered with a problem."""


class Api:
    """A service, over one connection that is kept."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._host = urlsplit(url).netloc
        self._headers = dict(headers)
        self._connection = http.client.HTTPConnection(self._host, timeout=RUN_SECONDS + 30)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request; gives the answer's JSON.

        Raises:
            RefusedError: the answer is a problem.
        """
        content = None if body is None else json.dumps(body)
        headers = self._headers if content is None else {**self._headers, "Content-Type": "application/json"}
        self._connection.request(method, path, content, headers)
        response = self._connection.getresponse()
        answer = response.read()
        if response.status >= 400:
            raise RefusedError(f"{method} {path}: {response.status} {answer[:500].decode()}")
        return json.loads(answer) if answer else None

    def stream(self, path: str) -> http.client.HTTPResponse:
        """Begin to read a stream, over a connection of its own."""
        connection = http.client.HTTPConnection(self._host, timeout=None)
        connection.request("GET", path, headers=self._headers)
        return connection.getresponse()


class Flow:
    """A flow that is open in Core."""

    def __init__(self, services: Services, document: FlowDocument, api: Api | None = None) -> None:
        self.services = services
        self.document = document
        self.api = api or services.core()
        opened = self.api.call("POST", "/flows/import", {"text": flow_file.dump(document)})
        self.path = f"/flows/{opened['flow_id']}"
        self.revision: int = opened["revision"]

    def run(self, mode: str, parameters: Mapping[str, Any] | None = None, **request: Any) -> RunInformation:
        """Run it, and wait for the end.

        Raises:
            RefusedError: the run did not end well.
        """
        asked = {"mode": mode, "parameters": dict(parameters or {}), **request}
        information = RunInformation.model_validate(
            self.api.call("POST", f"{self.path}/runs?wait={RUN_SECONDS}", asked)
        )
        if information.state != "done":
            raise RefusedError(f"the run is {information.state}: {information.problem}")
        return information

    def edit(self, *operations: Mapping[str, Any]) -> Any:
        """Make an edit."""
        answer = self.api.call(
            "POST", f"{self.path}/edits", {"revision": self.revision, "operations": list(operations)}
        )
        self.revision = answer["revision"]
        return answer

    def update(self, node_id: NodeId, settings: Mapping[str, Any]) -> Any:
        """Give a step other settings."""
        return self.edit({"op": "update_step", "id": node_id, "settings": dict(settings)})

    def schema(self, node_id: NodeId) -> Any:
        """The columns of a step, once they are known."""
        return self.api.call("GET", f"{self._node(node_id)}/schema?wait=60")

    def wait_for_schema(self, node_id: NodeId, seconds: float = 120) -> None:
        """Wait until the columns of a step are known.

        Raises:
            RefusedError: they are not within that time.
        """
        until = time.monotonic() + seconds
        while self.schema(node_id)["certainty"] != "known":
            if time.monotonic() > until:
                raise RefusedError(f"the columns of {node_id} stay unknown: {self.schema(node_id)}")
            time.sleep(0.01)

    def rows(self, node_id: NodeId, limit: int = 100, output: str | None = None) -> Rows:
        """The first rows of a step."""
        query = urlencode({"limit": limit} | ({"output": output} if output else {}))
        return Rows.model_validate(self.api.call("GET", f"{self._node(node_id)}/rows?{query}"))

    def count(self, node_id: NodeId, output: str | None = None) -> int:
        """The number of rows of a step."""
        query = f"?{urlencode({'output': output})}" if output else ""
        return self.api.call("GET", f"{self._node(node_id)}/count{query}")["rows"]

    def close(self) -> None:
        """Close it without saving."""
        self.api.call("DELETE", f"{self.path}?discard=true")

    def _node(self, node_id: NodeId) -> str:
        return f"{self.path}/nodes/{quote(str(node_id), safe='')}"


class Services:
    """Core and a Worker with folders of their own. Use as a context manager.

    Args:
        folder: for Core's data, the cache of results and the logs.
        memory_limit: of one task, as the Worker's command line takes it; None: its default.
    """

    def __init__(self, folder: Path, memory_limit: str | None = None) -> None:
        self.folder = folder
        self.cache_folder = folder / "results"
        self._memory_limit = memory_limit
        self._processes: list[subprocess.Popen[str]] = []
        self._core_url = self._worker_url = ""

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop()

    def _start(self) -> None:
        limit = [] if self._memory_limit is None else ["--memory-limit", self._memory_limit]
        cache = ["--cache-dir", str(self.cache_folder)]
        self._worker_url = self._launch("worker", ["flowfile_worker", "--port", "0", *cache, *limit], {})
        environment = {
            "FLOWFILE_DATA_DIR": str(self.folder / "core"),
            "FLOWFILE_PORT": "0",
            "FLOWFILE_WORKER_URL": self._worker_url,
        }
        self._core_url = self._launch("core", ["flowfile_core"], environment)

    def _launch(self, name: str, module: list[str], environment: Mapping[str, str]) -> str:
        """Start a service; gives the address that it announces."""
        with (self.folder / f"{name}.log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *module],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "FLOWFILE_INTERNAL_TOKEN": _TOKEN, **environment},
            )
        self._processes.append(process)
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("FLOWFILE_"):
                threading.Thread(target=_drain, args=(process.stdout,), daemon=True).start()
                return line.split()[1]
        raise RefusedError(f"the {name} ended before it answered: {(self.folder / f'{name}.log').read_text()[-2000:]}")

    def _stop(self) -> None:
        for process in reversed(self._processes):
            process.terminate()
        for process in self._processes:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def core(self) -> Api:
        """A new connection to Core."""
        token = (self.folder / "core" / "token").read_text().strip()
        return Api(self._core_url, {"Authorization": f"Bearer {token}"})

    def worker(self) -> Api:
        """A new connection to the Worker."""
        return Api(self._worker_url, {"X-Internal-Token": _TOKEN})

    def clear_results(self) -> None:
        """Remove every cached result, so that the next run computes all."""
        self.worker().call("DELETE", "/results")

    @property
    def cache(self) -> ResultCache:
        """The cache of results, to look into."""
        return ResultCache(self.cache_folder)


def _drain(output: IO[str]) -> None:
    for _ in output:
        pass
