"""The Worker's HTTP routes, asked of a service in a process of its own."""

import json
import socket
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from worker_support import Service, count, is_alive, run, wait_until

from flowfile_engine.run.cache import ResultCache
from flowfile_engine.tasks import EVENT, DoneEvent, FailedEvent, Ran, Task


def body(task: Task) -> bytes:
    return task.model_dump_json(indent=1).encode()


def events(service: Service, task: Task) -> list[Any]:
    response = service.client.post("/tasks", content=body(task))
    assert response.status_code == 200, response.text
    return [EVENT.validate_json(line) for line in response.text.splitlines()]


class Asking(threading.Thread):
    """Reads a task's events in the background."""

    def __init__(self, service: Service, task: Task, task_id: str) -> None:
        super().__init__()
        self.service, self.task, self.task_id = service, task, task_id
        self.lines: list[str] = []
        self.start()
        wait_until(lambda: task_id in running(service))

    def run(self) -> None:
        headers = {"X-Task-Id": self.task_id}
        with self.service.client.stream("POST", "/tasks", content=body(self.task), headers=headers) as response:
            self.lines += response.iter_lines()


def running(service: Service) -> dict[str, dict[str, Any]]:
    return {task["task_id"]: task for task in service.client.get("/tasks").json() if task["state"] == "running"}


def cancelled_counts(service: Service) -> int:
    lines = service.client.get("/metrics").text.splitlines()
    name = 'flowfile_worker_tasks_total{kind="count",outcome="cancelled"} '
    return sum(int(line.removeprefix(name)) for line in lines if line.startswith(name))


def problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert response.headers["content-type"] == "application/problem+json"
    said = response.json()
    assert (response.status_code, said["status"], said["code"]) == (status, status, code)
    assert said["detail"]
    return said


def test_a_task_is_answered_with_events(service: Service) -> None:
    response = service.client.post("/tasks", content=body(run()))
    assert response.headers["content-type"].startswith("application/x-ndjson")
    assert response.headers["x-task-id"]
    kinds = [json.loads(line)["kind"] for line in response.text.splitlines()]
    assert kinds == ["step"] * 5 + ["done"]


def test_events_come_as_they_happen(service: Service) -> None:
    with service.client.stream("POST", "/tasks", content=body(count(do="sleep"))) as response:
        assert "sleeping" in next(response.iter_lines())


def test_the_caller_may_name_the_task(service: Service) -> None:
    asking = Asking(service, count(do="sleep"), "my-task.1")
    again = service.client.post("/tasks", content=body(count()), headers={"X-Task-Id": "my-task.1"})
    problem(again, 409, "conflict")
    service.client.delete("/tasks/my-task.1")
    asking.join()
    bad = service.client.post("/tasks", content=body(count()), headers={"X-Task-Id": "../x"})
    problem(bad, 422, "bad_task")


def test_a_task_is_cancelled(service: Service) -> None:
    asking = Asking(service, run(do="hold_the_gil"), "mine")
    assert running(service)["mine"]["kind"] == "run"
    start = time.monotonic()
    assert service.client.delete("/tasks/mine").status_code == 204
    assert time.monotonic() - start < 2
    asking.join()
    last = EVENT.validate_json(asking.lines[-1])
    assert isinstance(last, DoneEvent)
    assert isinstance(last.answer, Ran)
    assert last.answer.run.state == "cancelled"
    problem(service.client.delete("/tasks/mine"), 404, "not_found")


def test_a_person_who_goes_cancels_a_preview_but_not_a_run(service: Service) -> None:
    wait_until(lambda: not running(service))
    before = cancelled_counts(service)
    for task in (count(do="sleep", seconds=60), run(do="sleep", seconds=2)):
        with service.client.stream("POST", "/tasks", content=body(task)) as response:
            next(response.iter_lines())
    wait_until(lambda: [task["kind"] for task in running(service).values()] == ["run"], 1.5)
    wait_until(lambda: not running(service))
    assert cancelled_counts(service) == before + 1


def test_failures_are_events(service: Service) -> None:
    last = events(service, count(do="fail"))[-1]
    assert isinstance(last, FailedEvent)
    assert last.problem.code == "bad_data"


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (b"", None),
        (b"{", None),
        (b"[]", None),
        (b"null", None),
        (b"\xff\xfe", None),
        (b'"\\ud800"', None),
        (b'{"kind":"no such"}', None),
        (b'{"kind":"count"}', "count.flow"),
        (b'{"kind":"ping","more":1}', "ping.more"),
        (b"[" * 100_000, None),
        (b'{"kind":"rows","flow":{},"node_id":1,"limit":1e400}', "rows.limit"),
    ],
)
def test_a_bad_body_is_refused(service: Service, content: bytes, field: str | None) -> None:
    said = problem(service.client.post("/tasks", content=content), 422, "bad_task")
    assert said.get("field") == field


def test_a_body_without_end_is_refused(service: Service) -> None:
    chunk = b" " * (1 << 20)
    problem(service.client.post("/tasks", content=(chunk for _ in range(65))), 413, "too_large")


def test_health(service: Service) -> None:
    health = httpx.get(f"{service.url}/health", trust_env=False).json()
    assert (health["status"], health["running"]) == ("ok", 0)
    assert health["polars"].startswith("2.")
    assert health["memory"] > 20 << 20
    assert health["memory_limit"] > 100 << 20
    assert {child["state"] for child in health["children"]} <= {"idle", "starting"}


def test_metrics(service: Service) -> None:
    events(service, count())
    response = service.client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    lines = response.text.splitlines()
    assert all(line.startswith(("# TYPE flowfile_worker_", "flowfile_worker_")) for line in lines)
    assert "flowfile_worker_tasks_running 0" in lines
    assert any(line.startswith('flowfile_worker_tasks_total{kind="count",outcome="done"}') for line in lines)


def test_results(service: Service) -> None:
    cache = ResultCache(service.folder / "cache")
    with cache.new("abc", "left") as writing:
        writing.path.write_bytes(b"12345")
        writing.commit(columns={"a": "Int64"}, whole=True, rows=3)
    usage = service.client.get("/results").json()
    assert (usage["bytes"], usage["results"]) == (5, 1)
    known = service.client.get("/results/abc-left").json()
    assert (known["file_ref"], known["rows"], known["columns"]) == ("abc-left", 3, {"a": "Int64"})
    held = cache.open("abc", "left")
    assert held is not None
    with held:
        problem(service.client.delete("/results/abc-left"), 409, "conflict")
        assert service.client.delete("/results").json() == {"bytes": 0}
    assert service.client.delete("/results/abc-left").status_code == 204
    problem(service.client.get("/results/abc-left"), 404, "not_found")
    problem(service.client.delete("/results/abc-left"), 404, "not_found")


@pytest.mark.parametrize("name", ["..%2f..%2fetc%2fpasswd", "%2e%2e", "abc.json", ".lock", "a%00b", "x" * 5000, "%ff"])
def test_names_that_are_no_results(service: Service, name: str) -> None:
    assert service.client.get(f"/results/{name}").status_code == 404
    assert service.client.delete(f"/results/{name}").status_code in {404, 405}


def test_other_paths_and_methods_are_problems(service: Service) -> None:
    problem(service.client.get("/nothing"), 404, "not_found")
    problem(service.client.put("/tasks"), 405, "method_not_allowed")


@pytest.mark.parametrize("token", ["", "wrong", "secret2", "s\u00e9cret"])
def test_the_token_is_needed(service: Service, token: str) -> None:
    headers = [(b"X-Internal-Token", token.encode("latin-1"))]
    for method, path in (("GET", "/tasks"), ("POST", "/tasks"), ("GET", "/metrics"), ("GET", "/nothing")):
        problem(httpx.request(method, service.url + path, headers=headers, trust_env=False), 401, "unauthorized")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "", "127.0.0.1.evil.example", "[::2]"])
def test_foreign_host_names_are_refused(service: Service, host: str) -> None:
    problem(service.client.get("/health", headers={"Host": host}), 421, "bad_host")


@pytest.mark.parametrize("host", ["localhost", "LocalHost:5", "127.0.0.1", "[::1]:80"])
def test_loopback_host_names_are_served(service: Service, host: str) -> None:
    assert service.client.get("/health", headers={"Host": host}).status_code == 200


def test_broken_requests_do_no_harm(service: Service) -> None:
    address = ("127.0.0.1", int(service.url.rpartition(":")[2]))
    for sent in (b"\0\0\0\r\n\r\n", b"POST /tasks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{", b""):
        with socket.create_connection(address) as connection:
            connection.sendall(sent)
    assert events(service, count())[-1].kind == "done"
    assert "Traceback" not in service.log


def test_orphans_of_a_child_that_died_are_ended(service: Service) -> None:
    first = events(service, count(do="fork_and_leave"))[0]
    for pid in map(int, first.message.split()):
        wait_until(lambda pid=pid: not is_alive(pid))
    assert events(service, count())[-1].kind == "done"


def test_the_parent_never_imports_polars(service: Service) -> None:
    events(service, run())
    assert "polars" not in Path(f"/proc/{service.process.pid}/maps").read_text()
