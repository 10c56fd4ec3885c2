"""The Worker's small parts, without processes."""

import pytest

from flowfile_engine.graph.document import FlowDocument
from flowfile_engine.run.information import StepResult
from flowfile_engine.tasks import Count, DoneEvent, FailedEvent, Ran, RunTask, StepEvent
from flowfile_worker import endings
from flowfile_worker.__main__ import parse, size
from flowfile_worker.memory import shown
from flowfile_worker.output import MAX_BYTES, MAX_LINE, MAX_LINES, PrintedLines
from flowfile_worker.settings import default_memory_limit, machine_memory

PROBLEM = endings.child_died(-9, 0, for_memory=False)


def printed(*chunks: bytes) -> list[str]:
    lines: list[str] = []
    taker = PrintedLines(lines.append)
    for chunk in chunks:
        taker.feed(chunk)
    taker.end()
    return lines


@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        ((), []),
        ((b"a\nb",), ["a", "b"]),
        ((b"a", b"b\n", b"\n", b"c\r\n"), ["ab", "", "c"]),
        ((b"\xc3", b"\xa4\n"), ["ä"]),
        ((b"\xff\n",), ["\N{REPLACEMENT CHARACTER}"]),
    ],
)
def test_printed_bytes_become_lines(chunks: tuple[bytes, ...], lines: list[str]) -> None:
    assert printed(*chunks) == lines


def test_printed_lines_are_bounded() -> None:
    assert len(printed(b"x\n" * 5 * MAX_LINES)) == MAX_LINES + 1
    assert printed(b"x\n" * 5 * MAX_LINES)[-1].startswith("... (more")
    assert sum(map(len, printed(*[b"x" * 999 + b"\n"] * 1_000))) < MAX_BYTES + 1_000
    assert all(len(line) <= MAX_LINE + 4 for line in printed(*[b"x" * 10_000] * 20))


def test_a_record_of_a_run_keeps_the_last_state_of_each_step() -> None:
    record = endings.RunRecord(RunTask(flow=FlowDocument(), run_id="r"))
    for state in ("waiting", "running", "done"):
        record.add(StepEvent(result=StepResult(node_id="a", state=state)))
    record.add(StepEvent(result=StepResult(node_id="b", state="running")))
    failed = record.answer(PROBLEM, 5).run
    assert [(result.node_id, result.state) for result in failed.results] == [("a", "done"), ("b", "failed")]
    assert (failed.state, failed.peak_memory, failed.result("b").problem) == (
        "failed",
        5,
        PROBLEM.model_copy(update={"node_id": "b"}),
    )
    cancelled = record.answer(endings.cancelled(), 0).run
    assert (cancelled.state, cancelled.result("b").state) == ("cancelled", "cancelled")


def test_peak_memory_is_added_to_what_a_child_says() -> None:
    failed = FailedEvent.model_validate_json(
        endings.with_peak_memory(FailedEvent(problem=PROBLEM).model_dump_json().encode(), 7)
    )
    assert failed.peak_memory == 7
    record = endings.RunRecord(RunTask(flow=FlowDocument(), run_id="r"))
    done = DoneEvent(answer=record.answer(PROBLEM, 9)).model_dump_json().encode()
    answer = DoneEvent.model_validate_json(endings.with_peak_memory(done, 7)).answer
    assert isinstance(answer, Ran)
    assert answer.run.peak_memory == 9


def test_events_begin_as_the_parent_expects() -> None:
    assert DoneEvent(answer=Count(rows=1)).model_dump_json().encode().startswith(endings.DONE)
    failed = FailedEvent(problem=PROBLEM.model_copy(update={"code": "internal_error"})).model_dump_json().encode()
    assert failed.startswith(endings.FAILED)
    assert endings.is_unexpected(failed)
    assert not endings.is_unexpected(FailedEvent(problem=PROBLEM).model_dump_json().encode())


def test_deaths_are_named() -> None:
    assert "SIGKILL" in PROBLEM.message
    assert "signal 99" in endings.child_died(-99, 0, for_memory=False).message
    assert "status 3; it held up to 2.0 GiB" in endings.child_died(3, 2 << 30, for_memory=False).message
    assert endings.child_died(-9, 1, for_memory=True).code == "out_of_memory"


@pytest.mark.parametrize(
    ("text", "value"), [("5", 5), ("1K", 1024), ("1.5g", 3 << 29), ("2 GiB", 2 << 30), ("800MB", 800 << 20)]
)
def test_sizes(text: str, value: int) -> None:
    assert size(text) == value


@pytest.mark.parametrize("text", ["", "G", "-1G", "0", "1X"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever argparse can turn into its own error
        size(text)


def test_settings_from_the_command_line(monkeypatch) -> None:
    monkeypatch.setenv("FLOWFILE_INTERNAL_TOKEN", "t")
    settings = parse(["--memory-limit=1G", "--parent-pid=7"])
    assert (settings.port, settings.token, settings.parent_pid) == (63579, "t", 7)
    assert settings.pool.memory_limit == 1 << 30
    with pytest.raises(SystemExit):
        parse(["--memory-limit=much"])


def test_the_default_ceiling_leaves_something_for_others() -> None:
    assert 0 < default_memory_limit() < machine_memory()
    assert shown(300 << 20) == "300 MiB"
