"""`flowfile serve`: Core and its Worker, from start to Ctrl+C."""

import json
import signal
import time
import urllib.request
from collections.abc import Callable
from subprocess import CompletedProcess, Popen

from cli_support import Command, end


def started(command: Command) -> tuple[Popen[str], str]:
    """A service on a free port, and its address."""
    process = command.start("serve", "--port", "0", "--data-dir", command.folder / "data")
    assert process.stdout is not None
    line = process.stdout.readline()
    address = next((word for word in line.split() if word.startswith("http://")), "")
    assert address, (line, process.stderr and process.stderr.read())
    return process, address


def test_serve_answers_and_ends_with_its_worker(command: Command) -> None:
    process, address = started(command)
    with urllib.request.urlopen(f"{address}/health", timeout=10) as answer:
        assert json.load(answer)["status"] == "ok"
    status, seconds = end(process, signal.SIGINT)
    assert (status, seconds < 10) == (0, True)
    deadline = time.monotonic() + 5
    while command.processes() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert command.processes() == []


def test_a_port_that_is_taken_is_told(command: Command, cli: Callable[..., CompletedProcess[str]]) -> None:
    process, address = started(command)
    port = address.rpartition(":")[2]
    done = cli("serve", "--port", port, "--data-dir", command.folder / "other")
    end(process, signal.SIGTERM)
    assert done.returncode == 2
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
