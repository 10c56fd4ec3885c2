"""Measures Core over HTTP with its real Worker: `python flowfile_core/tests/measure.py`.

Prints the wall time of each thing beside the processor time that Core took for it, which a busy machine changes less.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Measured:
    """A Core in a process of its own, and one connection to it."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        began = time.perf_counter()
        environment = {**os.environ, "FLOWFILE_DATA_DIR": folder, "FLOWFILE_PORT": "0"}
        command = [sys.executable, "-m", "flowfile_core"]
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self.process.stdout is not None
        address = self.process.stdout.readline().split()[1]
        print(f"answers after {time.perf_counter() - began:.2f} s, {self.cpu() / 1e3:.2f} s of processor")
        self.connection = http.client.HTTPConnection(address.removeprefix("http://"))
        self.connection.connect()
        self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        token = (self.folder / "token").read_text()
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def call(self, method: str, path: str, body: Any = None) -> Any:
        self.connection.request(method, path, None if body is None else json.dumps(body), self.headers)
        answer = self.connection.getresponse()
        text = answer.read()
        assert answer.status < 300, (answer.status, text[:500])
        return json.loads(text) if text else None

    def cpu(self) -> float:
        """Processor time of Core so far, in ms."""
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e6

    def memory(self) -> float:
        """PSS of Core in MB."""
        lines = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024

    def median(self, what: str, times: int, work: Callable[[int], Any]) -> None:
        taken: list[float] = []
        before = self.cpu()
        for number in range(times):
            began = time.perf_counter()
            work(number)
            taken.append((time.perf_counter() - began) * 1e3)
        cpu = (self.cpu() - before) / times
        taken.sort()
        print(
            f"{what:52} median {statistics.median(taken):7.1f}  least {taken[0]:7.1f}  most {taken[-1]:7.1f} ms;"
            f"  Core's processor {cpu:6.1f} ms"
        )

    def edit(self, flow: dict[str, Any], *operations: dict[str, Any]) -> None:
        body = {"revision": flow["revision"], "operations": operations}
        flow["revision"] = self.call("POST", f"/flows/{flow['flow_id']}/edits", body)["revision"]

    def chain(self, length: int, width: int) -> tuple[dict[str, Any], str]:
        """A flow of one long chain; it and the path of its last node's schema."""
        flow = self.call("POST", "/flows", {})
        names = [f"c{number}" for number in range(width)]
        table = {"columns": [{"name": name, "dtype": "Int64"} for name in names], "rows": [[1] * width]}
        steps: list[dict[str, Any]] = [{"op": "add_step", "id": "in", "type": "manual_input", "settings": table}]
        for number in range(length):
            kind = ("formula", "filter", "select")[number % 3]
            settings: Any = {
                "formula": columns("new" if number == 0 else f"c{number % width}", "c0 + 1"),
                "filter": {"conditions": [{"column": "c1", "operator": ">", "value": 0}]},
                "select": {"columns": [{"column": "c1"}]},
            }[kind]
            steps.append({"op": "add_step", "id": number, "type": kind, "settings": settings})
            steps.append({"op": "connect", "source": number - 1 if number else "in", "target": number})
        self.edit(flow, *steps)
        path = f"/flows/{flow['flow_id']}/nodes/{length - 1}/schema"
        assert self.call("GET", path)["certainty"] == "known"
        return flow, path


def columns(name: str, expression: str) -> dict[str, Any]:
    return {"columns": [{"name": name, "expression": expression}]}


def first(name: str, expression: str) -> dict[str, Any]:
    return {"op": "update_step", "id": 0, "settings": columns(name, expression)}


def measure_prediction(core: Measured) -> None:
    for length, width, times in ((20, 20, 40), (100, 20, 40), (300, 20, 40), (300, 100, 20), (5_000, 20, 3)):
        flow, path = core.chain(length, width)

        def other(number: int, flow: dict[str, Any] = flow, path: str = path) -> None:
            core.edit(flow, first(f"n{number}", "c0 + 1"))
            assert any(column["name"] == f"n{number}" for column in core.call("GET", path)["outputs"]["main"])

        def same(number: int, flow: dict[str, Any] = flow, path: str = path) -> None:
            core.edit(flow, first("same", f"c0 + {number}"))
            core.call("GET", path)

        core.median(f"{length} nodes, {width} columns: another schema", times, other)
        core.edit(flow, first("same", "c0"))
        core.call("GET", path)
        core.median(f"{length} nodes, {width} columns: the same schema", 40, same)
        if length == 5_000:
            measure_files(core, flow)


def measure_files(core: Measured, flow: dict[str, Any]) -> None:
    where, path = f"/flows/{flow['flow_id']}", str(core.folder / "long.flow.yaml")
    core.median("5000 nodes: the flow whole", 5, lambda _: core.call("GET", where))
    core.median("5000 nodes: save", 1, lambda _: core.call("POST", f"{where}/save-as", {"path": path}))
    core.median("5000 nodes: list", 5, lambda _: core.call("GET", "/flows"))
    core.call("DELETE", where)
    core.median("5000 nodes: open", 1, lambda _: core.call("POST", "/flows/open", {"path": path}))


def measure_runs(core: Measured) -> None:
    flow, _ = core.chain(2, 2)
    path = f"/flows/{flow['flow_id']}/runs?wait=30"

    def run(_: int) -> None:
        assert core.call("POST", path, {"mode": "performance"})["state"] == "done"

    for number in range(10):
        run(number)
    core.median("a trivial run in Performance mode", 100, run)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        core = Measured(folder)
        time.sleep(3)
        print(f"{core.memory():.0f} MB of PSS when idle")
        core.median("GET /health", 200, lambda _: core.call("GET", "/health"))
        measure_runs(core)
        measure_prediction(core)
        core.process.terminate()
        assert core.process.wait() == 0


if __name__ == "__main__":
    main()
