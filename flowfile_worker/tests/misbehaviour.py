"""What a child performs in these tests: the parameter `do` says which of the functions below, most of them bad."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from flowfile_engine.errors import DataError
from flowfile_engine.run.cache import ResultCache
from flowfile_engine.run.information import RunInformation, StepResult
from flowfile_engine.tasks import (
    Answer,
    Count,
    Event,
    LogEvent,
    NodeSchemaTask,
    PartialFileEvent,
    Pong,
    Ran,
    RunTask,
    StepEvent,
    Task,
)

Parameters = dict[str, Any]
Emit = Callable[[Event], None]
Act = Callable[[Parameters, ResultCache, Emit], int | None]


def perform(task: Task, cache: ResultCache, emit: Emit) -> Answer:
    if isinstance(task, NodeSchemaTask):
        return Pong(polars=pl.__version__)
    parameters = dict(getattr(task, "parameters", {}))
    act: Act = globals()[str(parameters.get("do", "answer"))]
    if isinstance(task, RunTask):
        for number in (1, 2, 3):
            emit(StepEvent(result=StepResult(node_id=number, state="waiting")))
        emit(StepEvent(result=StepResult(node_id=1, state="done", rows=5)))
        emit(StepEvent(result=StepResult(node_id=2, state="running")))
    rows = act(parameters, cache, emit) or 0
    if isinstance(task, RunTask):
        run = RunInformation(run_id=task.run_id, state="done", results=[StepResult(node_id=1, state="done")])
        return Ran(run=run)
    return Count(rows=rows)


def answer(p: Parameters, cache: ResultCache, emit: Emit) -> int:
    return int(p.get("rows", 7))


def pid(p: Parameters, cache: ResultCache, emit: Emit) -> int:
    return os.getpid()


def nice(p: Parameters, cache: ResultCache, emit: Emit) -> int:
    return os.getpriority(os.PRIO_PROCESS, 0)


def sleep(p: Parameters, cache: ResultCache, emit: Emit) -> None:
    emit(LogEvent(message="sleeping"))
    time.sleep(p.get("seconds", 3600))


def hold_the_gil(p: Parameters, cache: ResultCache, emit: Emit) -> None:
    emit(LogEvent(message="holding"))
    ctypes.PyDLL(None).sleep(3600)


def query(p: Parameters, cache: ResultCache, emit: Emit) -> None:
    emit(LogEvent(message="querying"))
    end = time.monotonic() + p.get("seconds", 3600)
    while time.monotonic() < end:
        frame = pl.LazyFrame({"a": range(100_000)}).join(pl.LazyFrame({"b": range(50)}), how="cross")
        frame.group_by((pl.col("a") * pl.col("b")) % 1000).agg(pl.len()).collect(engine="streaming")


def ignore_signals(p: Parameters, cache: ResultCache, emit: Emit) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sleep(p, cache, emit)


def allocate(p: Parameters, cache: ResultCache, emit: Emit) -> None:
    kept = []
    for _ in range(int(p.get("mib", 100_000)) // 8):
        kept.append(b"\1" * (8 << 20))
        time.sleep(0.002)
    time.sleep(p.get("seconds", 3600))


def allocate_in_a_grandchild(p: Parameters, cache: ResultCache, emit: Emit) -> None:
    code = "import time; kept = b'\\1' * (400 << 20); time.sleep(3600)"
    subprocess.run([sys.executable, "-c", code], start_new_session=True, check=False)


def segfault(p: Parameters, cache: ResultCache, emit: Emit) -> None:
    time.sleep(0.1)
    ctypes.string_at(0)


def leave(p: Parameters, cache: ResultCache, emit: Emit) -> None:
    os._exit(3)


def kill_itself(p: Parameters, cache: ResultCache, emit: Emit) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def exit_politely(p: Parameters, cache: ResultCache, emit: Emit) -> None:
    sys.exit(4)


def fail(p: Parameters, cache: ResultCache, emit: Emit) -> None:
    raise DataError("the key is not unique", hint="use Unique first", node_id=2, field="on")


def crash(p: Parameters, cache: ResultCache, emit: Emit) -> None:
    raise ZeroDivisionError("a secret detail")


def fill_the_disk(p: Parameters, cache: ResultCache, emit: Emit) -> None:
    raise OSError("No space left on device (os error 28)")


def _grandchild(session: bool) -> int:
    return subprocess.Popen(["/bin/sleep", "3600"], start_new_session=session).pid


def fork_and_answer(p: Parameters, cache: ResultCache, emit: Emit) -> int:
    return _grandchild(session=bool(p.get("session")))


def fork_and_sleep(p: Parameters, cache: ResultCache, emit: Emit) -> None:
    emit(LogEvent(message=f"{_grandchild(False)} {_grandchild(True)}"))
    time.sleep(3600)


def fork_and_leave(p: Parameters, cache: ResultCache, emit: Emit) -> None:
    emit(LogEvent(message=f"{_grandchild(False)} {_grandchild(True)}"))
    time.sleep(0.1)
    os._exit(3)


def talk(p: Parameters, cache: ResultCache, emit: Emit) -> None:
    print("to standard output")
    print("to standard error", file=sys.stderr)
    os.write(1, b"without an end")


def print_much(p: Parameters, cache: ResultCache, emit: Emit) -> None:
    line = b"x" * 199 + b"\n"
    for _ in range(200):
        data = memoryview(line * 5_000)
        while data:
            data = data[os.write(1, data) :]


def print_a_long_line(p: Parameters, cache: ResultCache, emit: Emit) -> None:
    sys.stdout.write("\N{SNOWMAN}" * 100_000 + "\n")
    os.write(1, b"\xff\xfe\n")


def many_events(p: Parameters, cache: ResultCache, emit: Emit) -> int:
    for number in range(int(p.get("events", 100))):
        emit(LogEvent(message=f"{number}"))
    return int(p.get("events", 100))


def big_event(p: Parameters, cache: ResultCache, emit: Emit) -> None:
    emit(LogEvent(message="x" * (20 << 20)))


def write_files(p: Parameters, cache: ResultCache, emit: Emit) -> None:
    """Writes an output and a result under temporary names, for ever, in the order of a real run."""
    folder = Path(str(p["folder"]))
    for number in range(1_000_000):
        emit(PartialFileEvent(path=str(folder / f"{number}.part")))
        (folder / f"{number}.part").mkdir()
        (folder / f"{number}.part" / "data").write_bytes(b"x" * 1000)
        with cache.new(f"f{number}") as writing:
            writing.path.write_bytes(b"x" * 1000)
            writing.commit(columns={"a": "Int64"}, whole=True, rows=1)
        (folder / f"{number}.part").rename(folder / f"{number}.done")
        if number == p.get("leave_after"):
            emit(PartialFileEvent(path=str(folder / "last.part")))
            (folder / "last.part").write_bytes(b"x")
            return


def speak_nonsense(p: Parameters, cache: ResultCache, emit: Emit) -> None:
    emit(StepEvent.model_construct(kind="step", result=StepResult.model_construct(node_id=1.5)))
    time.sleep(3600)


def small_query(p: Parameters, cache: ResultCache, emit: Emit) -> None:
    frame = pl.LazyFrame({"a": range(20_000)}).with_columns(b=pl.col("a") * 2 % 17)
    frame.group_by("b").agg(pl.col("a").sum()).collect(engine="streaming")
