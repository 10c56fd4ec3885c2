"""Tasks and children: who works on what, and how tasks end."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from worker_support import MakePool, begun, count, events_of, is_alive, run, wait_for

from flowfile_engine.errors import ConflictError, NodeId, WorkerLostError
from flowfile_engine.run.information import RunInformation
from flowfile_engine.tasks import Count, DoneEvent, FailedEvent, LogEvent, NodeSchemaTask, Pong, Ran
from flowfile_worker.pool import Pool

# ruff: noqa: ASYNC240 - small local files


async def answer(pool: Pool, **parameters):
    last = (await events_of(pool, count(**parameters)))[-1]
    assert isinstance(last, DoneEvent), last
    assert isinstance(last.answer, Count)
    return last.answer.rows


async def failure(pool: Pool, **parameters) -> FailedEvent:
    last = (await events_of(pool, count(**parameters)))[-1]
    assert isinstance(last, FailedEvent), last
    return last


async def ran(pool: Pool, **parameters):
    last = (await events_of(pool, run(**parameters)))[-1]
    assert isinstance(last, DoneEvent), last
    assert isinstance(last.answer, Ran)
    return last.answer.run


def states(information: RunInformation) -> dict[NodeId, str]:
    return {result.node_id: result.state for result in information.results}


async def test_a_task_is_answered(pool: Pool) -> None:
    assert await answer(pool, rows=12) == 12
    schema = await events_of(pool, NodeSchemaTask(node_type="x", settings={}))
    assert isinstance(schema[-1], DoneEvent)
    assert isinstance(schema[-1].answer, Pong)


async def test_children_are_warm_and_used_again(pool: Pool) -> None:
    pids = {await answer(pool, do="pid") for _ in range(3)}
    assert len(pids) == 1
    assert os.getpid() not in pids
    assert pool.roster.polars is not None


async def test_events_come_in_order_and_whole(pool: Pool) -> None:
    events = await events_of(pool, count(do="many_events", events=5000))
    assert [event.message for event in events[:-1] if isinstance(event, LogEvent)] == [str(i) for i in range(5000)]
    big = await events_of(pool, count(do="big_event"))
    assert [len(event.message) for event in big[:-1] if isinstance(event, LogEvent)] == [20 << 20]


async def test_a_run_tells_of_its_peak_memory(pool: Pool) -> None:
    information = await ran(pool)
    assert information.peak_memory is not None
    assert 10 << 20 < information.peak_memory < 1 << 30


async def test_an_error_for_a_person_arrives_as_it_is(pool: Pool) -> None:
    problem = (await failure(pool, do="fail")).problem
    assert problem.model_dump() == {
        "code": "bad_data",
        "message": "the key is not unique",
        "hint": "use Unique first",
        "node_id": 2,
        "field": "on",
    }


async def test_an_unexpected_error_goes_to_the_log_under_a_number(pool: Pool, caplog) -> None:
    before = await answer(pool, do="pid")
    problem = (await failure(pool, do="crash")).problem
    assert problem.code == "internal_error"
    assert "secret" not in problem.message
    number = problem.message.rpartition("error ")[2].rstrip(")")
    assert f"internal error {number}" in caplog.text
    assert "ZeroDivisionError: a secret detail" in caplog.text
    assert await answer(pool, do="pid") != before, "a process in which that happened is replaced"


@pytest.mark.parametrize(
    ("do", "code"), [("fill_the_disk", "disk_full"), ("exit_politely", "internal_error"), ("no_such", "internal_error")]
)
async def test_other_errors(pool: Pool, do: str, code: str) -> None:
    assert (await failure(pool, do=do)).problem.code == code


@pytest.mark.parametrize(("do", "words"), [("segfault", "SIGSEGV"), ("leave", "status 3"), ("kill_itself", "SIGKILL")])
async def test_a_child_that_dies_is_an_error_with_its_reason(pool: Pool, do: str, words: str) -> None:
    failed = await failure(pool, do=do)
    assert failed.problem.code == "worker_lost"
    assert words in failed.problem.message
    assert await answer(pool) == 7


async def test_where_a_segfault_happened_is_in_the_log(pool: Pool) -> None:
    events = await events_of(pool, count(do="segfault"))
    assert "in segfault" in "\n".join(event.message for event in events if isinstance(event, LogEvent))


async def test_a_kill_by_the_system_for_memory_is_told_from_others(pool: Pool, monkeypatch) -> None:
    monkeypatch.setattr("flowfile_worker.processes.kills_for_memory", lambda: 10**9)
    assert (await failure(pool, do="kill_itself")).problem.code == "out_of_memory"


async def test_a_run_whose_child_dies_is_answered(pool: Pool) -> None:
    information = await ran(pool, do="leave")
    assert (information.run_id, information.flow_uuid, information.state) == ("run", "flow", "failed")
    assert states(information) == {1: "done", 2: "failed", 3: "waiting"}
    assert information.result(1).rows == 5
    assert information.problem is not None
    assert information.problem.code == "worker_lost"
    problem = information.result(2).problem
    assert problem is not None
    assert (problem.code, problem.node_id) == ("worker_lost", 2)
    assert information.ended_at is not None


@pytest.mark.parametrize("do", ["allocate", "allocate_in_a_grandchild"])
async def test_a_task_over_its_ceiling_is_killed(make_pool: MakePool, do: str) -> None:
    pool = await make_pool(memory_limit=300 << 20)
    failed = await failure(pool, do=do)
    assert failed.problem.code == "out_of_memory"
    assert "300 MiB" in failed.problem.message
    assert failed.problem.hint
    assert failed.peak_memory is not None
    assert failed.peak_memory > 300 << 20
    assert await answer(pool) == 7


async def test_a_run_over_its_ceiling_is_answered(make_pool: MakePool) -> None:
    pool = await make_pool(memory_limit=300 << 20)
    information = await ran(pool, do="allocate")
    assert states(information) == {1: "done", 2: "failed", 3: "waiting"}
    assert information.peak_memory is not None
    assert information.peak_memory > 300 << 20


async def test_a_task_below_its_ceiling_is_left_alone(make_pool: MakePool) -> None:
    pool = await make_pool(memory_limit=400 << 20)
    assert await answer(pool, do="allocate", mib=100, seconds=0.2) == 0
    information = await ran(pool, do="allocate", mib=100, seconds=0.2)
    assert information.peak_memory is not None
    assert information.peak_memory > 100 << 20


@pytest.mark.parametrize("do", ["sleep", "hold_the_gil", "ignore_signals", "query"])
async def test_whatever_runs_is_cancelled(pool: Pool, do: str) -> None:
    async with begun(pool, count(do=do), "mine") as reading:
        child = next(iter(pool.roster.lent)).pid
        async with asyncio.timeout(2):
            assert await pool.cancel("mine")
        assert not is_alive(child)
        last = (await reading)[-1]
        assert isinstance(last, FailedEvent)
        assert last.problem.code == "cancelled"
    assert not await pool.cancel("mine")
    assert pool.tasks() == []


async def test_a_cancelled_run_is_answered(pool: Pool) -> None:
    async with begun(pool, run(do="sleep"), "mine", events=6) as reading:
        await pool.cancel("mine")
        last = (await reading)[-1]
    assert isinstance(last, DoneEvent)
    assert isinstance(last.answer, Ran)
    assert last.answer.run.state == "cancelled"
    assert states(last.answer.run) == {1: "done", 2: "cancelled", 3: "waiting"}


async def test_what_waits_can_be_cancelled(make_pool: MakePool) -> None:
    pool = await make_pool(max_runs=1)
    async with begun(pool, run(do="sleep"), "first"):
        second = pool.submit(run(), task_id="second")
        assert [task.state for task in pool.tasks()] == ["running", "queued"]
        await pool.cancel("second")
        lines = [line async for lines in second.lines() for line in lines.splitlines()]
        assert b'"state":"cancelled"' in lines[-1]
        assert [task.task_id for task in pool.tasks()] == ["first"]


async def test_whoever_stops_reading_cancels(pool: Pool) -> None:
    events = pool.run(run(do="sleep"))
    await anext(events)
    await events.aclose()
    await wait_for(lambda: not pool.tasks())


@pytest.mark.parametrize("delay", [0, 0.001, 0.003, 0.01, 0.02, 0.05, 0.1, 0.3])
async def test_a_cancelled_task_leaves_no_file(pool: Pool, tmp_path: Path, delay: float) -> None:
    await wait_for(lambda: pool.roster.idle)
    job = pool.submit(count(do="write_files", folder=str(tmp_path)), task_id="mine")
    await asyncio.sleep(delay)
    await pool.cancel("mine")
    assert job.ended.is_set()
    assert list(tmp_path.glob("*.part")) == []
    assert list(pool.cache.temporary_folder.iterdir()) == []
    pool.cache.sweep()
    found = [pool.cache.find(f"f{number}") for number in range(pool.cache.usage()["results"])]
    assert all(result is not None and result.bytes == 1000 for result in found)


async def test_what_a_task_leaves_half_written_is_removed(pool: Pool, tmp_path: Path) -> None:
    assert await answer(pool, do="write_files", folder=str(tmp_path), leave_after=2) == 0
    assert sorted(path.name for path in tmp_path.glob("*.*")) == ["0.done", "1.done", "2.done"]


@pytest.mark.parametrize("do", ["fork_and_sleep", "fork_and_leave"])
async def test_grandchildren_end_with_their_child(pool: Pool, do: str) -> None:
    async with begun(pool, count(do=do), "mine") as reading:
        if do == "fork_and_sleep":
            await pool.cancel("mine")
        first = (await reading)[0]
        assert isinstance(first, LogEvent)
        for pid in map(int, first.message.split()[: 2 if do == "fork_and_sleep" else 1]):
            assert not is_alive(pid)
            await wait_for(lambda pid=pid: not is_alive(pid))
    if do == "fork_and_leave":  # left its group, and its parent: only a Worker that adopts orphans finds it
        os.kill(int(first.message.split()[1]), signal.SIGKILL)


@pytest.mark.parametrize("session", [False, True])
async def test_what_a_task_leaves_running_is_ended(pool: Pool, session: bool) -> None:
    grandchild = await answer(pool, do="fork_and_answer", session=session)
    await wait_for(lambda: not is_alive(grandchild))
    assert await answer(pool) == 7


async def test_what_is_printed_goes_to_the_log(pool: Pool) -> None:
    events = await events_of(pool, count(do="talk"))
    assert [event.message for event in events if isinstance(event, LogEvent)] == [
        "to standard output",
        "to standard error",
        "without an end",
    ]
    assert len(await events_of(pool, count())) == 1


async def test_printing_gigabytes_is_cut_and_holds_nobody_up(pool: Pool) -> None:
    events = await events_of(pool, count(do="print_much"))
    lines = [event.message for event in events if isinstance(event, LogEvent)]
    assert 900 < len(lines) < 1_100
    assert lines[-1].startswith("... (more")
    assert isinstance(events[-1], DoneEvent)


async def test_a_long_line_is_cut(pool: Pool) -> None:
    events = await events_of(pool, count(do="print_a_long_line"))
    lines = [event.message for event in events if isinstance(event, LogEvent)]
    assert all(len(line) < 2_100 for line in lines)
    assert lines[0].startswith("\N{SNOWMAN}")
    assert len(lines) < 200


async def test_a_reader_that_stalls_holds_up_its_task_alone(pool: Pool) -> None:
    job = pool.submit(count(do="many_events", events=200_000), task_id="slow")
    await wait_for(lambda: len(job._lines) >= 1_000)
    await asyncio.sleep(0.2)
    assert len(job._lines) < 2_000
    assert await answer(pool) == 7
    async with asyncio.timeout(2):
        await pool.cancel("slow")


async def test_a_child_that_speaks_nonsense_is_ended(pool: Pool, caplog) -> None:
    last = (await events_of(pool, run(do="speak_nonsense")))[-1]
    assert isinstance(last, DoneEvent)
    assert isinstance(last.answer, Ran)
    assert last.answer.run.state == "failed"
    assert "speaks nonsense" in caplog.text


async def test_a_previews_child_stays_free_while_runs_wait(pool: Pool) -> None:
    for number in range(4):
        pool.submit(run(do="query"), task_id=str(number))
    await wait_for(lambda: sum(task.state == "running" for task in pool.tasks()) == 2)
    assert await answer(pool) == 7
    assert [task.task_id for task in pool.tasks() if task.state == "running"] == ["0", "1"]
    await pool.cancel("0")
    await wait_for(lambda: [t.task_id for t in pool.tasks() if t.state == "running"] == ["1", "2"])
    for number in range(1, 4):
        await pool.cancel(str(number))


async def test_runs_yield_to_people(pool: Pool) -> None:
    own = os.getpriority(os.PRIO_PROCESS, 0)
    async with begun(pool, run(do="sleep"), "mine"):
        (child,) = pool.roster.lent
        for thread in Path(f"/proc/{child.pid}/task").iterdir():
            assert os.getpriority(os.PRIO_PROCESS, int(thread.name)) == own + pool.settings.run_nice
    assert await answer(pool, do="nice") == own


async def test_a_long_preview_does_not_hold_up_the_next(pool: Pool) -> None:
    async with begun(pool, count(do="sleep"), "long"):
        assert await answer(pool) == 7


async def test_spare_children_are_let_go_when_idle(make_pool: MakePool) -> None:
    pool = await make_pool(idle_seconds=0.3)
    await wait_for(lambda: len(pool.roster.idle) == 1)
    await ran(pool)
    assert len(pool.roster.children) > 1
    await wait_for(lambda: len(pool.roster.children) == 1 and pool.roster.idle)
    assert not pool.roster.idle[0].for_runs


async def test_an_idle_child_that_holds_much_memory_is_replaced(make_pool: MakePool) -> None:
    pool = await make_pool(idle_seconds=0.3, recycle_bytes=1)
    first = await answer(pool, do="pid")
    await wait_for(lambda: pool.roster.idle and pool.roster.idle[0].pid != first)


async def test_an_idle_child_that_is_killed_is_replaced(make_pool: MakePool, caplog) -> None:
    pool = await make_pool()
    await wait_for(lambda: pool.roster.idle)
    first = pool.roster.idle[0].pid
    assert pool.roster.lent == set()
    os.kill(first, signal.SIGKILL)
    await wait_for(lambda: pool.roster.idle and pool.roster.idle[0].pid != first)
    assert "while it was idle" in caplog.text
    assert await answer(pool) == 7


async def test_a_command_that_only_runs_needs_one_child(make_pool: MakePool) -> None:
    pool = await make_pool(keep_for_people=False, max_runs=1)
    assert (await ran(pool)).state == "done"
    assert len(pool.roster.children) == 1


async def test_children_that_cannot_start_are_an_error(make_pool: MakePool, caplog) -> None:
    pool = await make_pool(perform="no_such_module:perform")
    for _ in range(2):
        problem = (await failure(pool)).problem
        assert problem.code == "worker_lost"
        assert "no_such_module" in problem.hint


async def test_a_name_is_used_once_at_a_time(pool: Pool) -> None:
    async with begun(pool, count(do="sleep"), "mine"):
        with pytest.raises(ConflictError):
            pool.submit(count(), task_id="mine")
    assert len(await events_of(pool, count(), "mine")) == 1


async def test_a_pool_that_stops_cancels_what_runs(make_pool: MakePool) -> None:
    pool = await make_pool()
    async with begun(pool, run(do="sleep"), "mine") as reading:
        await pool.stop()
        assert b'"cancelled"' in (await reading)[-1].model_dump_json().encode()
        with pytest.raises(WorkerLostError):
            pool.submit(count())


async def test_status_of_tasks(pool: Pool) -> None:
    async with begun(pool, run(do="sleep"), "mine"):
        (status,) = pool.tasks()
    assert (status.task_id, status.kind, status.state, status.run_id) == ("mine", "run", "running", "run")
    assert status.memory is not None
    assert status.memory > 1 << 20


async def test_children_do_not_see_the_token(make_pool: MakePool, monkeypatch) -> None:
    monkeypatch.setenv("FLOWFILE_INTERNAL_TOKEN", "secret-token")
    pool = await make_pool()
    pid = await answer(pool, do="pid")
    assert b"secret-token" not in Path(f"/proc/{pid}/environ").read_bytes()
