"""Frames that stand for cached results."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from flowfile_engine.dtypes import parse_dtype
from flowfile_engine.frames import POLARS_ERRORS
from flowfile_engine.run.cache import CachedResult, Lease, ResultCache

COMPRESSION = "lz4"
"""Of cached results: half again as slow to write as none, but a third of the size; zstd takes a third longer."""


def scan(result: CachedResult, schema: pl.Schema | None) -> pl.LazyFrame:
    """A scan of a cached result, with the columns of the output's schema.

    Columns that were not kept are null: nothing reads them, but the steps between may name them.
    """
    frame = pl.scan_ipc(result.path, glob=False)
    if result.whole or schema is None:
        return frame
    return frame.select(
        [pl.col(name) if name in result.columns else pl.lit(None, dtype).alias(name) for name, dtype in schema.items()]
    )


def kept_schema(result: CachedResult) -> pl.Schema:
    """The schema of the columns that a result holds."""
    return pl.Schema({name: parse_dtype(text) for name, text in result.columns.items()})


def count_rows(path: Path, schema: pl.Schema) -> int:
    """The number of rows of an Arrow IPC file, from its metadata."""
    if not schema:
        return 0
    return pl.scan_ipc(path, glob=False).select(pl.len()).collect().item()


def is_readable(result: CachedResult) -> bool:
    """Whether a cached result can be read from its beginning to its end."""
    try:
        pl.scan_ipc(result.path, glob=False).sink_batches(forget, engine="streaming")
    except POLARS_ERRORS:
        return False
    return True


def forget(batch: pl.DataFrame) -> None:
    """Takes rows that are computed to see whether they can be."""


class Leases:
    """Keeps the cached results that a task reads from being evicted, until closed."""

    def __init__(self, cache: ResultCache) -> None:
        self._cache = cache
        self._held: list[Lease] = []

    def open(self, fingerprint: str, output: str) -> CachedResult | None:
        """A cached result, leased; None if there is none."""
        if not fingerprint:
            return None
        lease = self._cache.open(fingerprint, output)
        if lease is None:
            return None
        self._held.append(lease)
        return lease.result

    def keep(self, lease: Lease) -> CachedResult:
        """Hold a lease that was got elsewhere."""
        self._held.append(lease)
        return lease.result

    @property
    def results(self) -> list[CachedResult]:
        """All that is held."""
        return [lease.result for lease in self._held]

    def close(self) -> None:
        """Let go of all."""
        held, self._held = self._held, []
        for lease in held:
            lease.close()

    def __enter__(self) -> Leases:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def in_order(columns: Iterable[str], schema: pl.Schema) -> list[str]:
    """Columns in the schema's order."""
    chosen = set(columns)
    return [name for name in schema if name in chosen]
