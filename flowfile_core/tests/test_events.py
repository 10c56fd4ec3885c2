"""The live stream: what it tells, and how it goes on after a gap."""

from __future__ import annotations

import asyncio
from typing import Any

from core_support import Core, connect, events_of, formula, manual

from flowfile_core.events import EventHub
from flowfile_core.messages import EVENT_MESSAGE, ResetMessage, WorkerMessage

START = (manual(1, "a"), formula(2, b="a + 1"), connect(1, 2))


async def until(core: Core, done: Any, *, last_id: str | None = None) -> list[tuple[int, dict[str, Any]]]:
    """Messages up to the first one that is looked for."""
    found: list[tuple[int, dict[str, Any]]] = []
    async with asyncio.timeout(10):
        stream = events_of(core, last_id=last_id)
        async for number, message in stream:
            EVENT_MESSAGE.validate_python(message)
            found.append((number, message))
            if done(message):
                await stream.aclose()
                return found
    raise AssertionError(found)


def run_ended(message: dict[str, Any]) -> bool:
    return message["kind"] == "run" and message["run"]["state"] == "done"


async def test_a_stream_begins_with_everything_and_tells_what_follows(core: Core) -> None:
    flow_id = await core.flow(*START)
    listening = asyncio.create_task(until(core, run_ended))
    await asyncio.sleep(0.1)
    await core.edit(flow_id, 1, {"op": "update_step", "id": 1, "title": "t"})
    await core.call("POST", f"/flows/{flow_id}/runs?wait=20")
    found = await listening
    numbers = [number for number, _ in found]
    assert numbers == sorted(numbers)
    messages = [message for _, message in found]
    assert messages[0]["kind"] == "reset"
    assert messages[0]["flows"][0]["flow_id"] == flow_id
    kinds = {message["kind"] for message in messages}
    assert {"reset", "flow", "run", "step"} <= kinds
    assert any(message["kind"] == "flow" and message["flow"]["revision"] == 2 for message in messages)


async def test_a_dropped_stream_goes_on_where_it_was(core: Core) -> None:
    flow_id = await core.flow(*START)
    (number, _), *_ = await until(core, lambda message: message["kind"] == "reset")
    await core.edit(flow_id, 1, {"op": "update_step", "id": 1, "title": "t"})
    found = await until(core, lambda message: message["kind"] == "flow", last_id=str(number))
    assert [message["kind"] for _, message in found] == ["flow"]
    assert found[0][1]["flow"]["revision"] == 2


async def test_unknown_ids_begin_anew(core: Core) -> None:
    for last_id in ("1", "99999999999999999", "nonsense", "-5"):
        found = await until(core, lambda _: True, last_id=last_id)
        assert found[0][1]["kind"] == "reset"


async def collect(hub: EventHub, user_id: int, last_id: int | None, count: int) -> list[bytes]:
    found: list[bytes] = []
    async for text in hub.stream(user_id, last_id, lambda: ResetMessage(worker="ready", flows=[], runs=[])):
        found.append(text)
        if len(found) == count:
            return found
    return found


def number_of(text: bytes) -> int:
    return int(text.split(b"\n")[0].removeprefix(b"id: "))


async def test_a_gap_is_filled_by_a_reset() -> None:
    hub = EventHub(size=3)
    (first,) = await collect(hub, 1, None, 1)
    for _ in range(3):
        hub.publish(WorkerMessage(state="ready"), None)
    assert b"reset" not in b"".join(await collect(hub, 1, number_of(first), 3))
    hub.publish(WorkerMessage(state="ready"), None)
    assert b"event: reset" in (await collect(hub, 1, number_of(first), 1))[0]


async def test_only_a_persons_own_events_are_told() -> None:
    hub = EventHub()
    (first,) = await collect(hub, 1, None, 1)
    hub.publish(WorkerMessage(state="lost"), 2)
    hub.publish(WorkerMessage(state="ready"), 1)
    (text,) = await collect(hub, 1, number_of(first), 1)
    assert b"ready" in text


async def test_a_silent_stream_shows_that_it_lives() -> None:
    hub = EventHub(heartbeat=0.01)
    found = await collect(hub, 1, None, 2)
    assert found[1].startswith(b":")


async def test_closing_ends_the_streams() -> None:
    hub = EventHub()
    listening = asyncio.create_task(collect(hub, 1, None, 100))
    await asyncio.sleep(0.01)
    hub.close()
    assert len(await asyncio.wait_for(listening, 5)) == 1
