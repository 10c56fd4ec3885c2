"""Core as a process, with the real Worker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flowfile_core.serve import ANNOUNCEMENT

Start = Callable[..., "Process"]


@pytest.fixture(autouse=True, scope="module")
def _compile_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What the processes import is compiled by the first of them, not by each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        patch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path_factory.mktemp("pycache")))
        yield


class Process:
    """A Core of its own."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.popen = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "flowfile_core"],
            env={**os.environ, "FLOWFILE_DATA_DIR": str(folder), "FLOWFILE_PORT": "0", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.url = ""

    def address(self) -> str:
        assert self.popen.stdout is not None
        line = self.popen.stdout.readline()
        assert line.startswith(ANNOUNCEMENT), self.popen.communicate()
        self.url = line.split()[1]
        return self.url

    def call(self, method: str, path: str, body: Any = None) -> Any:
        token = (self.folder / "token").read_text()
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        self.popen.send_signal(number)
        _, errors = self.popen.communicate(timeout=30)
        return self.popen.returncode, errors


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Process] = []

    def begin(**environment: str) -> Process:
        process = Process(tmp_path / "data", **environment)
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.popen.poll() is None:
            process.popen.kill()
        process.popen.communicate()


def children_of(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


def until(condition: Callable[[], Any], seconds: float = 30) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come")


def test_core_runs_a_flow_and_outlives_its_worker(start: Start) -> None:
    core = start()
    core.address()
    assert core.call("GET", "/health")["status"] == "ok"
    flow_id = core.call("POST", "/flows", {})["flow_id"]
    step = {
        "op": "add_step",
        "id": 1,
        "type": "manual_input",
        "settings": {"columns": [{"name": "a"}], "rows": [["x"]]},
    }
    core.call("POST", f"/flows/{flow_id}/edits", {"revision": 0, "operations": [step]})
    assert core.call("POST", f"/flows/{flow_id}/runs?wait=60", {})["state"] == "done"
    (worker,) = children_of(core.popen.pid)
    os.kill(worker, signal.SIGKILL)
    until(lambda: core.call("GET", "/health")["worker"] != "ready")
    until(lambda: core.call("GET", "/health")["worker"] == "ready")
    assert core.call("POST", f"/flows/{flow_id}/runs?wait=60", {})["state"] == "done"
    (second,) = children_of(core.popen.pid)
    code, errors = core.end()
    assert code == 0, errors
    assert "Traceback" not in errors
    assert not Path(f"/proc/{second}").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_in_good_order(start: Start, number: int) -> None:
    core = start(FLOWFILE_WORKER_URL="http://127.0.0.1:9")
    core.address()
    token = (core.folder / "token").read_text()
    stream = urllib.request.Request(core.url + "/events", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(stream, timeout=30) as answer:
        assert answer.readline().startswith(b"id: ")
        began = time.monotonic()
        code, errors = core.end(number)
    assert code == 0, errors
    assert time.monotonic() - began < 3
    assert "Traceback" not in errors


def test_a_taken_port_is_said(start: Start) -> None:
    first = start(FLOWFILE_WORKER_URL="http://127.0.0.1:9")
    port = first.address().rpartition(":")[2]
    second = start(FLOWFILE_WORKER_URL="http://127.0.0.1:9", FLOWFILE_PORT=port)
    _, errors = second.popen.communicate(timeout=30)
    assert second.popen.returncode == 2
    assert "cannot listen" in errors


@pytest.mark.parametrize(("name", "value"), [("FLOWFILE_PORT", "many"), ("FLOWFILE_PORT", "70000")])
def test_bad_settings_are_said(start: Start, name: str, value: str) -> None:
    process = start(**{name: value})
    _, errors = process.popen.communicate(timeout=30)
    assert process.popen.returncode == 2
    assert name in errors


def test_alembic_is_not_loaded_for_a_current_database(tmp_path: Path) -> None:
    code = (
        "import sys; from flowfile_core.serve import prepare; from flowfile_core.settings import Settings;"
        f"prepare(Settings(data_dir={str(tmp_path)!r})); sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
