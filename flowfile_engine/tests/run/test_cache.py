"""The cache of results, shared by processes that come and go."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from flowfile_engine.errors import DiskFullError, NotFoundError
from flowfile_engine.run.cache import CachedResult, ResultCache, file_ref, is_file_ref
from flowfile_engine.run.disk import disk_full, disk_full_explained

HOLDER = """
import sys, time
from pathlib import Path
from flowfile_engine.run.cache import ResultCache
cache = ResultCache(Path(sys.argv[1]))
held = cache.open(sys.argv[2]) if sys.argv[3] == "lease" else cache.new(sys.argv[2])
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def cache(tmp_path: Path) -> ResultCache:
    return ResultCache(tmp_path / "cache", min_free_bytes=0)


def put(cache: ResultCache, fingerprint: str, size: int = 10, *, whole: bool = True, **columns: str) -> CachedResult:
    with cache.new(fingerprint) as writing:
        writing.path.write_bytes(b"x" * size)
        return writing.commit(columns=columns or {"a": "Int64"}, whole=whole, rows=size)


def used_at(result: CachedResult, second: int) -> None:
    os.utime(result.path, (second, second))


def names(cache: ResultCache) -> list[str]:
    return sorted(
        str(p.relative_to(cache.folder)) for p in cache.folder.rglob("*") if p.is_file() and p.name != ".lock"
    )


@pytest.fixture
def other_process(cache: ResultCache):
    """Starts a process that leases or writes a result, and gives it once it does."""
    started: list[subprocess.Popen[str]] = []

    def start(fingerprint: str, what: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(cache.folder), fingerprint, what], stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_what_was_committed_is_found(cache: ResultCache) -> None:
    with cache.new("f1", "left") as writing:
        assert writing.path.is_relative_to(cache.folder / "tmp")
        assert str(os.getpid()) in writing.path.name
        writing.path.write_bytes(b"12345")
        assert cache.find("f1", "left") is None
        result = writing.commit(columns={"a": "Int64", "b": "String"}, whole=False, rows=7)
    assert cache.find("f1", "left") == result
    assert ResultCache(cache.folder).find("f1", "left") == result
    assert (result.file_ref, result.rows, result.bytes, result.whole) == ("f1-left", 7, 5, False)
    assert list(result.columns) == ["a", "b"]
    assert result.path.read_bytes() == b"12345"
    assert cache.find("f1") is None
    assert cache.usage() == {"bytes": 5, "results": 1}


def test_what_was_not_committed_leaves_nothing(cache: ResultCache) -> None:
    with cache.new("f1") as writing:
        writing.path.write_bytes(b"12345")
    writing.discard()
    assert names(cache) == []


def test_a_failure_while_writing_discards(cache: ResultCache) -> None:
    with pytest.raises(RuntimeError), cache.new("f1"):
        raise RuntimeError
    assert names(cache) == []


def test_a_wider_result_replaces_a_narrower_one_under_its_readers(cache: ResultCache) -> None:
    narrow = put(cache, "f1", size=5, whole=False, a="Int64")
    with cache.lease(narrow):
        wide = put(cache, "f1", size=9, a="Int64", b="Int64")
        assert cache.find("f1") == wide
        assert narrow.path.read_bytes() == b"xxxxx"
    cache.sweep()
    assert not narrow.path.exists()
    assert len(names(cache)) == 2


def test_a_result_replaced_without_readers_goes_at_once(cache: ResultCache) -> None:
    put(cache, "f1", whole=False, a="Int64")
    put(cache, "f1", whole=False, a="Int64", b="Int64")
    assert len(names(cache)) == 2


@pytest.mark.parametrize("columns", [{"a": "Int64"}, {"a": "Int64", "b": "Int64"}])
def test_a_result_that_holds_as_much_stays(cache: ResultCache, columns: dict[str, str]) -> None:
    first = put(cache, "f1", whole=False, a="Int64", b="Int64")
    assert put(cache, "f1", 10, whole=False, **columns) == first
    assert len(names(cache)) == 2


def test_which_columns_a_result_covers(cache: ResultCache) -> None:
    pruned, whole = put(cache, "f1", whole=False, a="Int64"), put(cache, "f2", a="Int64")
    assert pruned.covers({"a": "Int64"})
    assert not pruned.covers({"b": "Int64"})
    assert not pruned.covers(None)
    assert whole.covers(None)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: "[1]",
        lambda text: json.dumps(json.loads(text) | {"bytes": 11}),
        lambda text: json.dumps(json.loads(text) | {"data": "../../outside.arrow"}),
        lambda text: json.dumps(json.loads(text) | {"data": "f2.00.arrow"}),
        lambda text: "\udcff\udcfe",
    ],
)
def test_damaged_metadata_is_no_result(cache: ResultCache, damage) -> None:
    put(cache, "f1")
    metadata = cache.folder / "f1.json"
    metadata.write_text(damage(metadata.read_text()), errors="surrogateescape")
    assert cache.find("f1") is None
    assert cache.open("f1") is None
    cache.sweep()
    assert names(cache) == []


def test_damaged_metadata_is_replaced_by_the_next_result(cache: ResultCache) -> None:
    put(cache, "f1")
    (cache.folder / "f1.json").write_text("{")
    assert put(cache, "f1") == cache.find("f1")


def test_metadata_without_its_data_is_no_result(cache: ResultCache) -> None:
    put(cache, "f1").path.unlink()
    assert cache.find("f1") is None
    cache.sweep()
    assert names(cache) == []


def test_what_was_not_used_for_longest_is_evicted(cache: ResultCache) -> None:
    old, newer, newest = put(cache, "f1"), put(cache, "f2"), put(cache, "f3")
    for second, result in enumerate((old, newer, newest)):
        used_at(result, second)
    cache.max_bytes = 25
    assert cache.evict() == 10
    assert cache.find("f1") is None
    cache.lease(newer).close()
    assert cache.evict(room=10) == 10
    assert cache.find("f2") == newer
    assert cache.find("f3") is None


def test_room_is_made_on_the_disk(cache: ResultCache) -> None:
    put(cache, "f1")
    cache.evict()
    assert cache.find("f1") is not None
    cache.min_free_bytes = 1 << 60
    cache.evict()
    assert cache.find("f1") is None


def test_half_written_files_count_but_stay(cache: ResultCache) -> None:
    put(cache, "f1")
    cache.max_bytes = 15
    with cache.new("f2") as writing:
        writing.path.write_bytes(b"x" * 10)
        cache.evict()
        assert cache.find("f1") is None
        assert writing.path.exists()


def test_leased_results_are_passed_by(cache: ResultCache) -> None:
    first, second = put(cache, "f1"), put(cache, "f2")
    cache.max_bytes = 0
    with cache.lease(first, second) as lease:
        cache.evict()
        cache.clear()
        assert not cache.remove("f1")
        assert lease.results == (first, second)
        assert cache.find("f1") is not None
    lease.close()
    cache.evict()
    assert names(cache) == []


def test_leasing_what_is_gone(cache: ResultCache) -> None:
    result, other = put(cache, "f1"), put(cache, "f2")
    assert cache.remove("f1")
    with pytest.raises(NotFoundError, match="f1 is gone"):
        cache.lease(other, result)
    assert cache.open("f1") is None
    assert cache.remove("f2"), "the lease that failed holds nothing"
    assert not cache.remove("f2")


def test_a_commit_can_keep_its_result_leased(cache: ResultCache) -> None:
    cache.max_bytes = 0
    with cache.new("f1") as writing:
        writing.path.write_bytes(b"x")
        lease = writing.commit_leased(columns={}, whole=True, rows=0)
    cache.evict()
    assert cache.find("f1") == lease.result
    lease.close()
    cache.evict()
    assert cache.find("f1") is None


def test_a_lease_of_another_process_holds_until_it_dies(cache: ResultCache, other_process) -> None:
    put(cache, "f1")
    process = other_process("f1", "lease")
    cache.max_bytes = 0
    cache.evict()
    assert cache.find("f1") is not None
    process.send_signal(signal.SIGKILL)
    process.wait()
    cache.evict()
    assert cache.find("f1") is None


def test_a_sweep_removes_what_dead_processes_began(cache: ResultCache, other_process) -> None:
    process = other_process("f1", "write")
    with cache.new("f2") as mine:
        cache.sweep()
        assert len(names(cache)) == 2
        process.kill()
        process.wait()
        cache.sweep()
        assert names(cache) == [str(mine.path.relative_to(cache.folder))]


def test_the_files_of_a_process_known_to_be_dead_are_removed(cache: ResultCache, other_process) -> None:
    process = other_process("f1", "write")
    process.kill()
    process.wait()
    with cache.new("f2"):
        cache.remove_temporary(process.pid)
        assert len(names(cache)) == 1


def test_a_deleted_folder_is_made_again(cache: ResultCache) -> None:
    put(cache, "f1")
    shutil.rmtree(cache.folder)
    assert cache.find("f1") is None
    assert cache.usage() == {"bytes": 0, "results": 0}
    assert put(cache, "f1") == cache.find("f1")


@pytest.mark.parametrize(
    ("fingerprint", "output", "expected"),
    [("abc", "main", "abc"), ("abc", "left_2", "abc-left_2"), ("abc", "../x", None), ("abc", "Linke Seite", None)],
)
def test_file_refs_are_safe_names(fingerprint: str, output: str, expected: str | None) -> None:
    ref = file_ref(fingerprint, output)
    assert is_file_ref(ref)
    assert expected is None or ref == expected
    assert ref == file_ref(fingerprint, output)


@pytest.mark.parametrize("text", ["", "..", "../etc/passwd", "a/b", "a.json", "a\n", "a\0", "a-", "-a", "ä", "a" * 300])
def test_what_is_no_file_ref(cache: ResultCache, text: str) -> None:
    assert not is_file_ref(text)
    with pytest.raises(ValueError, match="no name of a result"):
        cache.find_ref(text)
    with pytest.raises(ValueError, match="a fingerprint is"):
        cache.new(text if text not in {"a-"} else "a-b")


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), True),
        (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), True),
        (OSError("No space left on device (os error 28)"), True),
        (ValueError("parquet: underlying IO error: No space left on device (os error 28)"), True),
        (OSError(errno.EACCES, os.strerror(errno.EACCES)), False),
    ],
)
def test_a_full_disk_is_told_from_other_errors(error: Exception, full: bool) -> None:
    assert (disk_full(error, "/data") is not None) == full


def test_a_full_disk_is_explained() -> None:
    with pytest.raises(DiskFullError, match="/data"), disk_full_explained("/data"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(PermissionError), disk_full_explained("/data"):
        raise PermissionError


def test_many_at_once_never_see_half_a_result(cache: ResultCache) -> None:
    """Writers, readers and evictors on few results: a leased file always has the size that its metadata says."""
    cache.max_bytes = 3_000
    wrong: list[str] = []

    def work(seed: int) -> None:
        for turn in range(60):
            fingerprint = f"f{(seed + turn) % 5}"
            width = 1 + turn % 4
            put(cache, fingerprint, 100 * width, whole=False, **{f"c{i}": "Int64" for i in range(width)})
            if (lease := cache.open(fingerprint)) is not None:
                with lease:
                    cache.evict()
                    if lease.result.path.stat().st_size != 100 * len(lease.result.columns):
                        wrong.append(fingerprint)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    cache.sweep()
    assert wrong == []
    assert len(names(cache)) == 2 * cache.usage()["results"]
