"""Which outputs in a person's folders are still as a flow wrote them."""

from __future__ import annotations

from contextlib import suppress

from flowfile_engine.io.state import files_state
from flowfile_engine.nodes.sink import OutputNode
from flowfile_engine.run.cache import ResultCache


class WrittenMarks:
    """One small file a written output: its step's fingerprint names it, it holds the state of what was written."""

    def __init__(self, cache: ResultCache) -> None:
        self._folder = cache.folder / "written"

    def is_current(self, fingerprint: str, node: OutputNode) -> bool:
        """Whether an output stands as this very step wrote it, and writing it again would change nothing."""
        if node.if_exists != "overwrite":
            return False
        try:
            return (self._folder / fingerprint).read_text() == files_state(node.written_files())
        except OSError:
            return False

    def put(self, fingerprint: str, node: OutputNode) -> None:
        """Note the state of what was just written. Not being able to costs the next run a repetition, no more."""
        with suppress(OSError):
            self._folder.mkdir(exist_ok=True)
            (self._folder / fingerprint).write_text(files_state(node.written_files()))
