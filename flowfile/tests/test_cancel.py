"""Ctrl+C, SIGTERM and a vanished reader, at every moment: over within a second, and nothing is left."""

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_support import TYPED, Command, code, end

Flow = Callable[..., Path]

LONG_TIME = "import time\ntime.sleep(60)\nmain"
LONG_WRITE = (
    TYPED
    + code("pl.LazyFrame({'a': range(20_000)}).join(pl.LazyFrame({'b': range(20_000)}), how='cross')")
    + "- {id: written, type: write, inputs: {main: code}, settings: {path: big.parquet}}\n"
)

SOON = 5.0
"""Seconds that an end may take where other tests keep the machine busy; by itself it takes a tenth of one."""


@pytest.mark.parametrize("after", [0.1, 0.3, 0.6, 1.2, 2.0])
def test_ctrl_c_at_any_moment_leaves_nothing(command: Command, flow: Flow, after: float) -> None:
    process = command.start("run", flow(LONG_WRITE), "--mode", "performance")
    time.sleep(after)
    status, seconds = end(process, signal.SIGINT)
    assert status in (130, -signal.SIGINT, 1)  # the latter two: Python itself was still starting
    assert seconds < SOON
    assert command.processes() == []
    assert command.left_behind() == []


def test_ctrl_c_twice_leaves_nothing(command: Command, flow: Flow, folder: Path) -> None:
    process = command.start("run", flow(LONG_WRITE), "--mode", "performance")
    _wait_for_a_file(folder)
    status, seconds = end(process, signal.SIGINT, signal.SIGINT, signal.SIGINT, pause=0.01)
    assert status == 130
    assert seconds < SOON
    assert command.processes() == []
    assert command.left_behind() == []


def test_a_cancelled_run_is_one_document(command: Command, flow: Flow) -> None:
    process = command.start("run", flow(TYPED + code(f"print('begun')\n{LONG_TIME}")), "--json")
    assert process.stderr is not None
    assert "begun" in process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    run = json.loads(process.communicate(timeout=30)[0])
    assert (process.returncode, run["state"]) == (143, "cancelled")
    assert command.processes() == []


def test_ctrl_c_in_a_terminal_ends_the_picture(command: Command, flow: Flow) -> None:
    path = flow(TYPED + code(f"print('begun')\n{LONG_TIME}"))
    status, drawn = command.in_terminal("run", path, interrupt_after="begun")
    assert status == 130
    assert "Cancelled in" in drawn
    assert drawn.rfind("\x1b[?25h") > drawn.rfind("\x1b[?25l")  # the cursor is back
    assert command.processes() == []


def test_rows_can_be_cancelled(command: Command, flow: Flow) -> None:
    process = command.start("rows", flow(TYPED + code(f"print('begun')\n{LONG_TIME}")), "code")
    assert process.stderr is not None
    assert "begun" in process.stderr.readline()
    status, seconds = end(process, signal.SIGINT)
    assert (status, seconds < SOON) == (130, True)
    assert command.processes() == []


def test_a_killed_command_takes_its_child_with_it(command: Command, flow: Flow) -> None:
    process = command.start("run", flow(TYPED + code(f"print('begun')\n{LONG_TIME}")))
    assert process.stderr is not None
    assert "begun" in process.stderr.readline()
    end(process, signal.SIGKILL)
    deadline = time.monotonic() + SOON
    while command.processes() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert command.processes() == []


def test_a_reader_that_has_enough_ends_the_run(command: Command, flow: Flow) -> None:
    process = command.start("run", flow(TYPED + code(f"print('begun')\n{LONG_TIME}")), "--events")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    with process.stderr:
        assert process.wait(30) != 0
    assert command.processes() == []


def _wait_for_a_file(folder: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if any(path.suffix not in (".yaml", ".csv") for path in folder.iterdir()):
            return
        time.sleep(0.02)
    raise AssertionError("nothing was ever written")
