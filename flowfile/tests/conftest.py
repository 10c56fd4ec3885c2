"""The command line as a process of its own, over small flows in a temporary folder."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))  # `cli_support`, for tests that are imported by path

from cli_support import ORDERS, Command

COMMAND = [sys.executable, "-m", "flowfile"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where flows are written; beside them lie `orders.csv` and nothing else."""
    folder = tmp_path / "flows"
    folder.mkdir()
    (folder / "orders.csv").write_text(ORDERS)
    return folder


@pytest.fixture
def flow(folder: Path) -> Callable[..., Path]:
    """Writes a flow's nodes into a file."""

    def write(nodes: str, head: str = "name: Orders by city", name: str = "orders.flow.yaml") -> Path:
        path = folder / name
        path.write_text(f"flowfile: 1\n{head}\nnodes:\n{nodes}")
        return path

    return write


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Starts commands whose results are kept in `cache` in the temporary folder. Any warning is an error."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONWARNINGS": "error", "NO_COLOR": "1"}
    return Command(COMMAND, tmp_path, environment)


@pytest.fixture
def cli(command: Command) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a command to its end."""
    return command.run
