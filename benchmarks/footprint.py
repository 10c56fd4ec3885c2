"""What the product takes before it does anything: time to start, memory when idle, room on the disk."""

from __future__ import annotations

import importlib.metadata
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psutil
from packaging.requirements import Requirement

from benchmarks.figures import Figure
from benchmarks.services import Api
from benchmarks.session import Session

_STARTS = 5
_IDLE_SECONDS = 5.0
_MB = 1e6


def measure_start(session: Session) -> None:
    """`flowfile serve` until it answers, and the memory of all its processes when it is idle."""
    first, _ = _serve_once(session.folder / "start")
    starts = [_serve_once(session.folder / "start")[0] for _ in range(_STARTS)]
    _, memory = _serve_once(session.folder / "start", idle_seconds=_IDLE_SECONDS)
    children = f"{len(memory)} processes: " + ", ".join(f"{size / _MB:.0f}" for size in memory)
    session.show(
        "Start and idle memory of `flowfile serve`",
        [
            Figure("answers after", statistics.median(starts), "s", 1.5, f"median of {_STARTS} starts"),
            Figure("the very first start", first, "s", None, "makes the data folder and the database"),
            Figure("idle memory", sum(memory) / _MB, "MB", 220, f"sum of PSS; {children}"),
        ],
    )


def _serve_once(data_dir: Path, idle_seconds: float = 0) -> tuple[float, list[int]]:
    """Seconds until a first answer; the PSS of each process after some idle seconds."""
    started = time.perf_counter()
    with _serving(data_dir) as (process, url):
        token = (data_dir / "token").read_text().strip()
        Api(url, {"Authorization": f"Bearer {token}"}).call("GET", "/flows")
        seconds = time.perf_counter() - started
        if not idle_seconds:
            return seconds, []
        time.sleep(idle_seconds)
        everyone = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        return seconds, [one.memory_full_info().pss for one in everyone]


@contextmanager
def _serving(data_dir: Path) -> Generator[tuple[subprocess.Popen[str], str]]:
    command = [str(Path(sys.executable).parent / "flowfile"), "serve"]
    environment = {**os.environ, "FLOWFILE_DATA_DIR": str(data_dir), "FLOWFILE_PORT": "0"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    try:
        assert process.stdout is not None
        found = None
        for line in process.stdout:
            found = re.search(r"http://\S+", line)
            if found:
                break
        if found is None:
            raise RuntimeError(f"{' '.join(command)} ended with {process.wait()}")
        yield process, found[0]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def measure_installation(session: Session) -> None:
    """The room that the package and what it needs take on the disk, without extras and development tools."""
    sizes = {name: _size(name) for name in _needed("flowfile")}
    largest = sorted(sizes, key=lambda name: -sizes[name])[:4]
    note = f"{len(sizes)} packages, compiled; " + ", ".join(f"{name} {sizes[name] / _MB:.0f}" for name in largest)
    session.show("Base installation", [Figure("size on the disk", sum(sizes.values()) / _MB, "MB", 550, note)])


def _needed(root: str) -> set[str]:
    """The distributions that one needs here, itself included; extras only where one asks for them."""
    found: set[str] = set()
    seen: set[tuple[str, str]] = set()
    pending: list[tuple[str, str]] = [(root, "")]
    while pending:
        name, extra = pending.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        found.add(name)
        for text in importlib.metadata.requires(name) or []:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                needed = re.sub(r"[-_.]+", "-", requirement.name).lower()
                pending += [(needed, ""), *((needed, wanted) for wanted in requirement.extras)]
    return found


def _size(name: str) -> int:
    """Bytes of a distribution's files and of what Python compiles them to."""
    distribution = importlib.metadata.distribution(name)
    paths = {Path(str(distribution.locate_file(file))) for file in distribution.files or []}
    if any(path.name.endswith(".pth") or "_editable_" in path.name for path in paths):
        paths |= _own_files()
    compiled = {
        path.parent / "__pycache__" / f"{path.stem}.{sys.implementation.cache_tag}.pyc"
        for path in paths
        if path.suffix == ".py"
    }
    return sum(path.stat().st_size for path in paths | compiled if path.is_file())


def _own_files() -> set[Path]:
    """This repository's packages: an editable installation holds only where they are."""
    root = Path(__file__).parent.parent
    names = ("flowfile", "flowfile_core", "flowfile_engine", "flowfile_worker")
    return {path for name in names for path in (root / name / name).rglob("*") if "__pycache__" not in path.parts}
