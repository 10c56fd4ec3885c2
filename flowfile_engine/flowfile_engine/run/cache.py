"""Cached results: a folder of Arrow IPC files that several processes share. Knows nothing of Polars.

A result is two files: its data, `{file_ref}.{nonce}.arrow`, and its metadata, `{file_ref}.json`, which names the data
file and is renamed into place last. A result that is replaced gets a new data file: who reads the old one goes on.

Whoever needs a file to stay holds a shared `flock` on it, which ends with its process, however that ends; whoever wants
to remove a file must first get the exclusive one.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TypedDict

from pydantic import BaseModel, ConfigDict, ValidationError

from flowfile_engine.errors import NotFoundError
from flowfile_engine.run.disk import EXCLUSIVE, SHARED, disk_full_explained, files_in, lock, remove_unlocked

GIB = 1 << 30
_FINGERPRINT = re.compile(r"[A-Za-z0-9_]{1,128}", re.ASCII)
_PLAIN_OUTPUT = re.compile(r"[a-z0-9_]{1,64}", re.ASCII)
_FILE_REF = re.compile(r"[A-Za-z0-9_]{1,128}(-[a-z0-9_~]{1,64})?", re.ASCII)


def file_ref(fingerprint: str, output: str = "main") -> str:
    """The name of a result: the fingerprint, followed by the output unless that is `main`.

    Outputs that a file name cannot safely hold are written as a digest.

    Raises:
        ValueError: the fingerprint is not made of letters, digits and underscores.
    """
    if not _FINGERPRINT.fullmatch(fingerprint):
        raise ValueError(f"a fingerprint is letters, digits and underscores, not {fingerprint!r}")
    if output == "main":
        return fingerprint
    if not _PLAIN_OUTPUT.fullmatch(output):
        output = "~" + hashlib.sha256(output.encode("utf-8", "surrogatepass")).hexdigest()[:24]
    return f"{fingerprint}-{output}"


def is_file_ref(text: str) -> bool:
    """Whether a text has the form of a `file_ref`; nothing else may become part of a path."""
    return _FILE_REF.fullmatch(text) is not None


class CachedResult(BaseModel):
    """A materialized output of a step.

    Attributes:
        path: the Arrow IPC file; stays only while a lease on it is held.
        columns: the columns kept, as `{column: type}`.
        whole: whether these are all the columns that the output has.
        bytes: the file's size.
    """

    model_config = ConfigDict(frozen=True)

    file_ref: str
    path: Path
    columns: dict[str, str]
    whole: bool
    rows: int
    bytes: int

    def covers(self, columns: dict[str, str] | None) -> bool:
        """Whether it holds these columns; None asks for all that the output has."""
        return self.whole or (columns is not None and columns.keys() <= self.columns.keys())


class _Metadata(BaseModel):
    """What a result's JSON file holds."""

    model_config = ConfigDict(extra="ignore")

    data: str
    columns: dict[str, str]
    whole: bool
    rows: int
    bytes: int


class CacheUsage(TypedDict):
    """How full a cache is."""

    bytes: int
    results: int


class Lease:
    """Keeps results from being evicted, by any process, until closed; usable as a context manager."""

    def __init__(self, results: tuple[CachedResult, ...], locks: tuple[int, ...]) -> None:
        self.results = results
        self._locks = locks

    @property
    def result(self) -> CachedResult:
        """The first (often only) result leased."""
        return self.results[0]

    def close(self) -> None:
        """Let go. Closing twice does nothing."""
        locks, self._locks = self._locks, ()
        for held in locks:
            os.close(held)

    def __enter__(self) -> Lease:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


class Writing:
    """A result being written: write an Arrow IPC file to `path`, then `commit`. Leaving the context discards the rest.

    The file is there from the start, empty and locked: write into it rather than rename another one over it.
    """

    def __init__(self, cache: ResultCache, ref: str) -> None:
        self.file_ref = ref
        self._cache = cache
        self._lock: int | None = None
        self.path = cache.temporary_folder / f"{os.getpid()}-{secrets.token_hex(8)}.arrow"
        with disk_full_explained(self.path):
            while self._lock is None:  # a sweep may take the file for a dead process's before it is locked
                cache.make_folders()
                self.path.touch()
                self._lock = lock(self.path, SHARED)

    def commit(self, *, columns: dict[str, str], whole: bool, rows: int) -> CachedResult:
        """Make the result visible in place of an earlier one, and let go of it. See `commit_leased`."""
        with self.commit_leased(columns=columns, whole=whole, rows=rows) as lease:
            return lease.result

    def commit_leased(self, *, columns: dict[str, str], whole: bool, rows: int) -> Lease:
        """Make the result visible in place of an earlier one, and lease it.

        Where another process has committed a result that holds at least these columns in the meantime, that one stays
        and is returned.

        Raises:
            DiskFullError: no room for the metadata.
        """
        with disk_full_explained(self.path):
            lease = self._cache.adopt(self.file_ref, self.path, columns=columns, whole=whole, rows=rows)
        self._release()
        return lease

    def discard(self) -> None:
        """Remove what was written, unless it was committed."""
        self.path.unlink(missing_ok=True)
        self._release()

    def _release(self) -> None:
        held, self._lock = self._lock, None
        if held is not None:
            os.close(held)

    def __enter__(self) -> Writing:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.discard()

    def __del__(self) -> None:  # removes nothing: this may be a fork's copy. A sweep finds the file
        self._release()


class ResultCache:
    """A folder of results, bounded in size, shared by any number of processes.

    Args:
        folder: made if missing.
        max_bytes: what `evict` keeps the data below.
        min_free_bytes: what `evict` keeps free on the disk.
    """

    def __init__(self, folder: Path, max_bytes: int = 20 * GIB, min_free_bytes: int = GIB) -> None:
        self.folder = Path(folder).absolute()
        self.temporary_folder = self.folder / "tmp"
        self.max_bytes = max_bytes
        self.min_free_bytes = min_free_bytes
        self.make_folders()

    def make_folders(self) -> None:
        """Make the cache's folders, at the start and where somebody deleted them since."""
        self.temporary_folder.mkdir(parents=True, exist_ok=True)

    def find(self, fingerprint: str, output: str = "main") -> CachedResult | None:
        """The result of a step's output, if it is there. It may be evicted at any time: see `open`."""
        return self.find_ref(file_ref(fingerprint, output))

    def find_ref(self, ref: str) -> CachedResult | None:
        """The result of that `file_ref`; None where it is not there, or its files are damaged or half written.

        Raises:
            ValueError: the text is no `file_ref`.
        """
        if not is_file_ref(ref):
            raise ValueError(f"{ref!r} is no name of a result")
        try:
            known = _Metadata.model_validate_json((self.folder / f"{ref}.json").read_bytes())
            path = self.folder / known.data
            if _ref_of(known.data) != ref or path.stat().st_size != known.bytes:
                return None
        except (OSError, ValidationError):
            return None
        return CachedResult(
            file_ref=ref, path=path, columns=known.columns, whole=known.whole, rows=known.rows, bytes=known.bytes
        )

    def open(self, fingerprint: str, output: str = "main") -> Lease | None:
        """Find and lease a result in one go; None where it is not there."""
        while (result := self.find(fingerprint, output)) is not None:
            with suppress(NotFoundError):  # evicted or replaced between the two: look again
                return self.lease(result)
        return None

    def lease(self, *results: CachedResult) -> Lease:
        """Keep results where they are, and count them as just used.

        Raises:
            NotFoundError: one of them was evicted.
        """
        locks: list[int] = []
        for result in results:
            held = lock(result.path, SHARED)
            if held is None:
                Lease(results, tuple(locks)).close()
                raise NotFoundError(f"the cached result {result.file_ref} is gone", hint="compute it again")
            os.utime(held)
            locks.append(held)
        return Lease(results, tuple(locks))

    def new(self, fingerprint: str, output: str = "main") -> Writing:
        """Begin to write a result.

        Raises:
            DiskFullError: no room for another file.
        """
        return Writing(self, file_ref(fingerprint, output))

    def adopt(self, ref: str, written: Path, *, columns: dict[str, str], whole: bool, rows: int) -> Lease:
        """Move a written file into the cache; how `Writing` commits."""
        data = self.folder / f"{ref}.{secrets.token_hex(6)}.arrow"
        known = _Metadata(data=data.name, columns=columns, whole=whole, rows=rows, bytes=written.stat().st_size)
        metadata = written.with_suffix(".json")
        with self._exclusive():
            earlier = self.find_ref(ref)
            if earlier is not None and earlier.covers(None if whole else columns):
                written.unlink()
                return self.lease(earlier)
            try:
                metadata.write_text(known.model_dump_json())
                written.rename(data)
                metadata.rename(self.folder / f"{ref}.json")
            finally:
                metadata.unlink(missing_ok=True)
            result = CachedResult(file_ref=ref, path=data, **known.model_dump(exclude={"data"}))
            lease = self.lease(result)
            if earlier is not None:
                self._remove_data(earlier.path)
        return lease

    def evict(self, room: int = 0) -> int:
        """Remove the results that were not used for longest until there is room; never one that is leased.

        Args:
            room: bytes that somebody is about to write.

        Returns:
            The bytes removed.
        """
        removed = 0
        with self._exclusive():
            files = self._data_files()
            total = sum(size for _, size, _ in files) + sum(size for _, size, _ in files_in(self.temporary_folder))
            for _, size, path in sorted(files):
                free = shutil.disk_usage(self.folder).free
                if total + room <= self.max_bytes and free >= self.min_free_bytes + room:
                    break
                if self._remove_data(path):
                    total -= size
                    removed += size
        return removed

    def remove(self, ref: str) -> bool:
        """Remove one result; False where it is leased or not there.

        Raises:
            ValueError: the text is no `file_ref`.
        """
        with self._exclusive():
            result = self.find_ref(ref)
            return result is not None and self._remove_data(result.path)

    def clear(self) -> int:
        """Remove every result that is not leased; gives the bytes removed."""
        with self._exclusive():
            removed = sum(size for _, size, path in self._data_files() if self._remove_data(path))
        self.sweep()
        return removed

    def usage(self) -> CacheUsage:
        """How many results there are, and their size."""
        sizes = [size for _, size, _ in self._data_files()]
        return CacheUsage(bytes=sum(sizes), results=len(sizes))

    def sweep(self) -> None:
        """Remove what processes that no longer live left behind: half-written files, data that no metadata names."""
        with self._exclusive():
            for _, _, path in files_in(self.temporary_folder):
                if path.suffix == ".arrow":
                    remove_unlocked(path)
                else:  # metadata is written under the lock that we hold
                    path.unlink(missing_ok=True)
            named: set[str] = set()
            for metadata in self.folder.glob("*.json"):
                result = self.find_ref(metadata.stem) if is_file_ref(metadata.stem) else None
                if result is None:
                    metadata.unlink(missing_ok=True)
                else:
                    named.add(result.path.name)
            for _, _, path in self._data_files():
                if path.name not in named:
                    remove_unlocked(path)

    def remove_temporary(self, pid: int) -> None:
        """Remove the half-written files of one process, which must have ended."""
        for path in self.temporary_folder.glob(f"{pid}-*"):
            path.unlink(missing_ok=True)

    def _data_files(self) -> list[tuple[int, int, Path]]:
        return [entry for entry in files_in(self.folder) if entry[2].suffix == ".arrow"]

    def _remove_data(self, path: Path) -> bool:
        """Remove a data file unless it is leased, and its metadata if that still names it."""
        if not remove_unlocked(path):
            return False
        if (ref := _ref_of(path.name)) is not None and self.find_ref(ref) is None:
            (self.folder / f"{ref}.json").unlink(missing_ok=True)
        return True

    @contextmanager
    def _exclusive(self) -> Generator[None]:
        """One process at a time changes which results there are. Finding and leasing need no turn."""
        with disk_full_explained(self.folder):
            self.make_folders()
            (self.folder / ".lock").touch()
        held = lock(self.folder / ".lock", EXCLUSIVE)
        try:
            yield
        finally:
            if held is not None:
                os.close(held)


def _ref_of(data: str) -> str | None:
    """The `file_ref` in a data file's name."""
    match data.split("."):
        case [ref, _, "arrow"] if is_file_ref(ref):
            return ref
        case _:
            return None
