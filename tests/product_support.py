"""The product as processes: Core, which starts its Worker, and clients that speak HTTP to both."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psutil

INTERNAL_TOKEN = "between-the-services"
RUN_SECONDS = 110
"""What a run may take on a busy machine; below a test's own limit."""

_SERVE = (
    "import sys\n"
    "from flowfile_core.serve import serve\n"
    "from flowfile_core.settings import Settings\n"
    "serve(Settings.from_environment(worker_command=sys.argv[1:]))\n"
)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not waited for does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(condition: Callable[[], Any], what: str, seconds: float = 30) -> Any:
    """Wait for something that happens soon; gives what the condition found."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.02)
    return found


class Product:
    """Core with its embedded Worker. Use as a context manager.

    Args:
        folder: Core's data, the Worker's cache and the log.
        roots: the folder that flows and data must lie in; None: anywhere.
        memory_limit: of one task, as the Worker's command line takes it; None: its default.
    """

    def __init__(self, folder: Path, *, roots: Path | None = None, memory_limit: str | None = None) -> None:
        self.folder = folder
        self.cache_folder = folder / "flowfile" / "results"
        self._roots = roots
        self._memory_limit = memory_limit
        self._process: subprocess.Popen[str] | None = None
        self._url = ""

    def __enter__(self) -> Product:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            pids = self.processes()
            assert self.end() == 0, self.log()
            assert "Traceback" not in self.log(), self.log()
            wait_until(lambda: not any(map(is_alive, pids)), "the end of all processes")

    def start(self) -> None:
        """Start it, also once more after it was killed, and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        environment = {
            **os.environ,
            "HOME": str(self.folder),
            "XDG_CACHE_HOME": str(self.folder),
            "FLOWFILE_DATA_DIR": str(self.folder / "core"),
            "FLOWFILE_PORT": "0",
            "FLOWFILE_INTERNAL_TOKEN": INTERNAL_TOKEN,
        }
        if self._roots is not None:
            environment["FLOWFILE_ROOTS"] = str(self._roots)
        with (self.folder / "log").open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-W", "error", *self._command()],
                env=environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith("FLOWFILE_CORE "), self.log()
        self._url = line.split()[1]

    def _command(self) -> list[str]:
        if self._memory_limit is None:
            return ["-m", "flowfile_core"]
        worker = [sys.executable, "-m", "flowfile_worker", "--port=0", "--watch-stdin"]
        return ["-c", _SERVE, *worker, f"--memory-limit={self._memory_limit}"]

    def end(self, number: int = signal.SIGTERM) -> int:
        """End Core by a signal; gives its exit status."""
        process, self._process = self._process, None
        assert process is not None
        process.send_signal(number)
        status = process.wait(30)
        if process.stdout is not None:
            process.stdout.close()
        return status

    def log(self) -> str:
        """What Core and the Worker have written to standard error."""
        return (self.folder / "log").read_text()

    @property
    def url(self) -> str:
        """Core's address."""
        return self._url

    @property
    def pid(self) -> int:
        """Core's process."""
        assert self._process is not None
        return self._process.pid

    @property
    def headers(self) -> dict[str, str]:
        """What Core wants to see in each request."""
        token = (self.folder / "core" / "token").read_text()
        return {"Authorization": f"Bearer {token}"}

    def processes(self) -> list[int]:
        """Core, the Worker, and whatever they have started."""
        return [self.pid, *(child.pid for child in psutil.Process(self.pid).children(recursive=True))]

    def core(self) -> Client:
        """A client of Core, as a window of the Designer is one."""
        return Client(httpx.Client(base_url=self._url, headers=self.headers, timeout=RUN_SECONDS + 5, trust_env=False))

    def worker_pid(self) -> int:
        """The Worker's process, waited for."""
        return wait_until(self._find_worker, "the Worker's start").pid

    def worker(self) -> Client:
        """A client of the Worker, waited for until it answers and has a warm child."""
        found = wait_until(lambda: (worker := self._find_worker()) and _listening(worker), "the Worker's address")
        url = f"http://127.0.0.1:{found}"
        headers = {"X-Internal-Token": INTERNAL_TOKEN}
        client = Client(httpx.Client(base_url=url, headers=headers, timeout=RUN_SECONDS + 5, trust_env=False))
        wait_until(lambda: client.call("GET", "/health")["polars"], "a warm child")
        return client

    def _find_worker(self) -> psutil.Process | None:
        for child in psutil.Process(self.pid).children():
            try:
                if "flowfile_worker" in child.cmdline():
                    return child
            except (psutil.NoSuchProcess, psutil.ZombieProcess):
                pass
        return None


def _listening(process: psutil.Process) -> int | None:
    try:
        connections = process.net_connections("tcp")
    except psutil.NoSuchProcess:
        return None
    return next((at.laddr.port for at in connections if at.status == psutil.CONN_LISTEN), None)


class Client:
    """Requests whose answers are checked for what every answer must be."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def call(self, method: str, path: str, body: Any = None, *, status: int | tuple[int, ...] = (200, 201)) -> Any:
        """Send a request; gives the answer's JSON."""
        answer = self.http.request(method, path, json=body)
        wanted = (status,) if isinstance(status, int) else status
        assert answer.status_code in wanted, (method, path, answer.status_code, answer.text[:2_000])
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
        return answer.json() if answer.content else None

    def text(self, path: str) -> str:
        """Get an answer that is no JSON."""
        answer = self.http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def new_flow(self, *operations: Mapping[str, Any]) -> Flow:
        """Make a flow with some operations done."""
        flow = Flow(self, self.call("POST", "/flows", {}, status=201))
        if operations:
            flow.edit(*operations)
        return flow

    def open_flow(self, path: Path) -> Flow:
        """Open a flow's file."""
        return Flow(self, self.call("POST", "/flows/open", {"path": str(path)}))

    def flow(self, flow_id: int) -> Flow:
        """A flow that is open already."""
        return Flow(self, self.call("GET", f"/flows/{flow_id}"))


class Flow:
    """A flow that is open in Core, as one client sees it.

    Attributes:
        revision: the one that this client saw last.
    """

    def __init__(self, client: Client, summary: Mapping[str, Any]) -> None:
        self.client = client
        self.flow_id: int = summary["flow_id"]
        self.revision: int = summary["revision"]
        self.path = f"/flows/{self.flow_id}"

    def edit(self, *operations: Mapping[str, Any], status: int = 200) -> Any:
        """Make an edit on the revision that was seen last."""
        body = {"revision": self.revision, "operations": list(operations)}
        answer = self.client.call("POST", f"{self.path}/edits", body, status=status)
        if status == 200:
            self.revision = answer["revision"]
        return answer

    def update(self, node_id: int | str, **settings: Any) -> Any:
        """Give a step other settings."""
        return self.edit({"op": "update_step", "id": node_id, "settings": settings})

    def state(self) -> Any:
        """The flow whole."""
        return self.client.call("GET", self.path)

    def document(self) -> Any:
        """The flow as it would be saved."""
        return self.state()["document"]

    def node(self, node_id: int | str) -> Any:
        """A step whole, with its columns known."""
        return self.client.call("GET", f"{self._node(node_id)}?wait=60")

    def rows(self, node_id: int | str, **query: Any) -> Any:
        """Rows of a step."""
        answer = self.client.http.get(f"{self._node(node_id)}/rows", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def start(self, mode: str = "development", **request: Any) -> str:
        """Start a run; gives its id."""
        return self.client.call("POST", f"{self.path}/runs", {"mode": mode, **request}, status=202)["run_id"]

    def run(self, mode: str = "development", *, state: str = "done", **request: Any) -> Any:
        """Run it to its end."""
        information = self.client.call("POST", f"{self.path}/runs?wait={RUN_SECONDS}", {"mode": mode, **request})
        assert information["state"] == state, information
        return information

    def step_state(self, run_id: str, node_id: int | str) -> str | None:
        """How far a step of a run is; None before it is known."""
        return states_of(self.client.call("GET", f"/runs/{run_id}")).get(node_id)

    def end_of(self, run_id: str) -> Any:
        """Wait for the end of a run."""

        def ended() -> Any:
            information = self.client.call("GET", f"/runs/{run_id}")
            return information if information["state"] != "running" else None

        return wait_until(ended, "the run's end", RUN_SECONDS)

    def _node(self, node_id: int | str) -> str:
        return f"{self.path}/nodes/{quote(str(node_id), safe='')}"


def result_of(information: Mapping[str, Any], node_id: int | str) -> Any:
    """How a step fared in a run."""
    return next(result for result in information["results"] if result["node_id"] == node_id)


def states_of(information: Mapping[str, Any]) -> dict[int | str, str]:
    """How each step of a run ended."""
    return {result["node_id"]: result["state"] for result in information["results"]}


class EventReader:
    """Reads the event stream.

    Attributes:
        seen: pairs of id and message, as they came.
    """

    def __init__(self, response: httpx.Response) -> None:
        self.seen: list[tuple[str, Any]] = []
        self._lines = response.iter_lines()

    def wait_for(self, condition: Callable[[Any], bool]) -> Any:
        """Read up to the next message that a condition holds for; gives it."""
        number = ""
        for line in self._lines:
            if line.startswith("id: "):
                number = line[4:]
            elif line.startswith("data: "):
                message = json.loads(line[6:])
                self.seen.append((number, message))
                if condition(message):
                    return message
        raise AssertionError("the stream ended before")


@contextmanager
def events(product: Product, last_id: str | None = None) -> Generator[EventReader]:
    """The event stream, for a while."""
    headers = product.headers | ({} if last_id is None else {"Last-Event-ID": last_id})
    with (
        httpx.Client(base_url=product.url, headers=headers, timeout=30, trust_env=False) as http,
        http.stream("GET", "/events") as response,
    ):
        assert response.status_code == 200
        yield EventReader(response)


def add(node_id: int | str, node_type: str, **settings: Any) -> dict[str, Any]:
    """The operation that adds a step."""
    return {"op": "add_step", "id": node_id, "type": node_type, "settings": settings}


def connect(source: int | str, target: int | str, **ports: str) -> dict[str, Any]:
    """The operation that draws an edge."""
    return {"op": "connect", "source": source, "target": target, **ports}


def chain(*steps: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The operations that add steps, each reading the one before it."""
    yield from steps
    for above, below in pairwise(steps):
        yield connect(above["id"], below["id"])


def table(node_id: int | str, rows: int = 3, *columns: str) -> dict[str, Any]:
    """The operation that adds a small table of whole numbers."""
    names = columns or ("a",)
    return add(
        node_id,
        "manual_input",
        columns=[{"name": name, "dtype": "Int64"} for name in names],
        rows=[[row] * len(names) for row in range(rows)],
    )
