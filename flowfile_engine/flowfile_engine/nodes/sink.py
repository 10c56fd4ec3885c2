"""Nodes that write: what the runner asks of them, whatever they write to.

Nothing that was there is lost, and nothing half done is seen: the data goes to a temporary place beside the target
and takes the target's name in the end.
"""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from flowfile_engine.nodes.base import Frame, Node, PolarsNamespace

if TYPE_CHECKING:
    import polars


IfExists = Literal["overwrite", "append", "fail"]


class OutputNode(Node):
    """Base of node types that write.

    The runner calls `check_target` before anything runs, then `sink_plan`; if that gives None, it collects the input
    and calls `write_whole`. In the end either `commit` or `discard` is called with the same temporary path.

    Attributes:
        if_exists: what happens to a target that exists: it is replaced, the rows go behind those that it has, or the
            run fails.
    """

    if TYPE_CHECKING:
        if_exists: IfExists

    @abstractmethod
    def check_target(self) -> None:
        """Refuse a target that cannot or must not be written, before work is spent on it.

        Raises:
            TargetError: it exists and must not, its folder is missing, or it may not be written.
        """

    @abstractmethod
    def temporary_path(self, run_id: str) -> Path:
        """A path beside the target that nothing else uses, for all that this run writes. Another one at each call."""

    @abstractmethod
    def sink_plan(self, pl: PolarsNamespace, main: Frame, temporary_path: Path) -> Frame | None:
        """A lazy sink of the input into the temporary path, for `collect_all`; None if it is written as a whole.

        Raises:
            DataError: a column that the format cannot hold, or that does not fit what is appended to.
        """

    @abstractmethod
    def write_whole(self, frame: polars.DataFrame, temporary_path: Path) -> None:
        """Write the collected input into the temporary path."""

    @abstractmethod
    def commit(self, temporary_path: Path) -> None:
        """Give what was written the target's name, once it is safe on the disk."""

    @abstractmethod
    def discard(self, temporary_path: Path) -> None:
        """Remove what was written. Never fails on what is not there."""

    @abstractmethod
    def written_rows(self, temporary_path: Path) -> int | None:
        """How many rows a lazy sink wrote, before the commit; None where counting them would mean reading them."""

    @abstractmethod
    def written_bytes(self) -> int:
        """How much the last `commit` wrote."""

    @abstractmethod
    def written_files(self) -> list[Path]:
        """The files at the target, as they are now."""
