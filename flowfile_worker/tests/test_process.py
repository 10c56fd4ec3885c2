"""How the service starts and ends, and what ends with it."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable

import httpx
import pytest
from worker_support import Service, count, is_alive, run, wait_until

StartService = Callable[..., Service]


def busy(service: Service, do: str, *, preview: bool = False) -> list[int]:
    """Have a task at work; gives the children, and what they started."""
    task = (count if preview else run)(do=do)
    with service.client.stream("POST", "/tasks", content=task.model_dump_json()) as response:
        for line in response.iter_lines():
            if '"log"' in line:
                grandchildren = [
                    int(word) for word in line.split('"message":"')[1].split('"')[0].split() if word.isdigit()
                ]
                return [*service.children, *grandchildren]
    raise AssertionError


def test_it_announces_where_it_answers(start_service: StartService) -> None:
    service = start_service()
    assert service.announced[0] == "FLOWFILE_WORKER"
    assert httpx.get(f"{service.announced[1]}/health", trust_env=False).status_code == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_in_good_order(start_service: StartService, number: int) -> None:
    service = start_service().warm()
    pids = busy(service, "hold_the_gil")
    service.process.send_signal(number)
    service.process.wait(10)
    assert not [pid for pid in pids if is_alive(pid)]
    assert "Traceback" not in service.log


def test_requests_are_answered_when_it_ends(start_service: StartService) -> None:
    service = start_service().warm()
    answers: list[httpx.Response] = []
    body = run(do="sleep").model_dump_json()
    asking = threading.Thread(target=lambda: answers.append(service.client.post("/tasks", content=body)))
    asking.start()
    wait_until(lambda: httpx.get(f"{service.url}/health", trust_env=False).json()["running"])
    service.process.terminate()
    asking.join(10)
    assert '"state":"cancelled"' in answers[0].text.splitlines()[-1]


@pytest.mark.parametrize("do", ["hold_the_gil", "ignore_signals", "query"])
def test_its_children_end_with_it_when_it_is_killed(start_service: StartService, do: str) -> None:
    service = start_service().warm()
    pids = busy(service, do)
    service.process.kill()
    service.process.wait()
    wait_until(lambda: not [pid for pid in pids if is_alive(pid)])


def test_grandchildren_end_with_it_when_it_is_killed(start_service: StartService) -> None:
    service = start_service().warm()
    *pids, in_group, out_of_group = busy(service, "fork_and_sleep")
    service.process.kill()
    service.process.wait()
    wait_until(lambda: not [pid for pid in (*pids, in_group) if is_alive(pid)])
    if is_alive(out_of_group):  # the one thing that is not promised
        os.kill(out_of_group, signal.SIGKILL)


def test_it_ends_with_its_parent(start_service: StartService) -> None:
    parent = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    service = start_service(f"--parent-pid={parent.pid}").warm()
    pids = service.children
    parent.kill()
    parent.wait()
    service.process.wait(10)
    assert not [pid for pid in pids if is_alive(pid)]


def test_it_ends_at_once_if_its_parent_is_gone_already(start_service: StartService) -> None:
    parent = subprocess.Popen(["/bin/true"])
    parent.wait()
    service = start_service(f"--parent-pid={parent.pid}")
    service.process.wait(10)


def test_it_ends_with_its_standard_input(start_service: StartService) -> None:
    service = start_service("--watch-stdin", stdin=subprocess.PIPE).warm()
    assert service.process.stdin is not None
    service.process.stdin.close()
    service.process.wait(10)


def test_without_a_token_it_serves_loopback_only(start_service: StartService) -> None:
    service = start_service(token=None)
    assert service.client.get("/tasks").status_code == 200
    done = subprocess.run(
        [sys.executable, "-m", "flowfile_worker", "--host=0.0.0.0", "--port=0"],
        env={**os.environ, "FLOWFILE_INTERNAL_TOKEN": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 2
    assert "loopback only" in done.stderr
    assert "Traceback" not in done.stderr


def test_with_a_token_it_may_serve_others_by_any_name(start_service: StartService) -> None:
    service = start_service("--host=0.0.0.0")
    port = service.url.rpartition(":")[2]
    url = f"http://127.0.0.1:{port}"
    assert httpx.get(f"{url}/health", headers={"Host": "worker"}, trust_env=False).status_code == 200
    assert httpx.get(f"{url}/tasks", headers={"Host": "worker"}, trust_env=False).status_code == 401


def test_a_port_that_is_taken_is_an_error(start_service: StartService) -> None:
    service = start_service()
    done = subprocess.run(
        [sys.executable, "-m", "flowfile_worker", f"--port={service.url.rpartition(':')[2]}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 2
    assert "is a Worker running already?" in done.stderr


def test_what_a_killed_worker_left_half_written_is_swept(start_service: StartService) -> None:
    first = start_service().warm()
    left = first.folder / "cache" / "tmp" / "1-dead.arrow"
    left.write_bytes(b"x")
    start_service()
    wait_until(lambda: not left.exists())
