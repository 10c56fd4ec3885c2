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


@pytest.fixture(scope="session")
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the commands keep compiled modules, so that each starts as quickly as an installed one."""
    return tmp_path_factory.mktemp("bytecode")


@pytest.fixture
def command(tmp_path: Path, bytecode: Path) -> Command:
    """Starts commands whose results are kept in `cache` in the temporary folder. Any warning is an error."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONPYCACHEPREFIX": str(bytecode)}
    return Command(COMMAND, tmp_path, environment | {"PYTHONWARNINGS": "error", "NO_COLOR": "1"})


@pytest.fixture
def cli(command: Command) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a command to its end."""
    return command.run
