"""What the subjects of one invocation share: the scale, the data, the services."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console

from benchmarks.figures import Figure, print_figures
from benchmarks.services import Services
from benchmarks.tpch.data import make


class Session:
    """One invocation of the benchmarks. Use as a context manager: it ends the services and removes what was made."""

    def __init__(self, scale: float = 1, tables: Path | None = None, console: Console | None = None) -> None:
        self.scale = scale
        self.console = console or Console()
        self.figures: list[Figure] = []
        self._tables = tables
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    @cached_property
    def tables(self) -> Path:
        """The folder of the TPC-H tables."""
        return make(self.scale, self._tables)

    @cached_property
    def folder(self) -> Path:
        """A folder that is removed at the end."""
        return Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="flowfile-bench-")))

    @cached_property
    def services(self) -> Services:
        """Core and a Worker as they are by default, started once."""
        return self._stack.enter_context(Services(self.folder / "services"))

    def show(self, title: str, figures: list[Figure]) -> None:
        """Print figures, and remember them for the summary."""
        self.figures += figures
        print_figures(title, figures, self.console)
