"""`flowfile run`: results, reports, exit codes."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from cli_support import BY_CITY, LEAST, READ, TYPED, Command, code

Cli = Callable[..., CompletedProcess[str]]
Flow = Callable[..., Path]

WRITE = (
    "- {id: written, type: write, inputs: {main: sorted}, settings: {path: out/by_city.csv, create_folders: true}}\n"
)


def test_a_run_writes_beside_the_flow_and_reports_each_node(cli: Cli, flow: Flow, folder: Path) -> None:
    done = cli("run", flow(BY_CITY + WRITE, LEAST))
    assert (done.returncode, done.stderr) == (0, "")
    assert (folder / "out/by_city.csv").read_text() == "city,total\nLeiden,20\nDelft,30\nGouda,40\n"
    *lines, closing = done.stdout.splitlines()
    assert sorted(line.partition(":")[0] for line in lines) == ["By city", "large", "orders", "sorted", "written"]
    assert any(line.startswith("By city: done, 3 rows") for line in lines)
    assert closing.startswith("Done in ")
    assert "5 nodes" in closing


def test_a_second_run_computes_nothing(cli: Cli, flow: Flow) -> None:
    path = flow(BY_CITY, LEAST)
    cli("run", path)
    run = json.loads(cli("run", path, "--json").stdout)
    assert {result["state"] for result in run["results"]} == {"cached"}


def test_json_is_one_document_with_every_node(cli: Cli, flow: Flow) -> None:
    done = cli("run", flow(BY_CITY, LEAST), "--json", "--mode", "performance", "--param", "least=25")
    run = json.loads(done.stdout)
    assert (done.returncode, run["state"], run["mode"]) == (0, "done", "performance")
    rows = {result["node_id"]: result["rows"] for result in run["results"]}
    assert rows == {"orders": None, "large": None, "by_city": None, "sorted": 2}


def test_events_are_lines_of_json_that_end_with_the_run(cli: Cli, flow: Flow) -> None:
    done = cli("run", flow(TYPED + code("print('hello')\nmain")), "--events")
    *events, last = map(json.loads, done.stdout.splitlines())
    assert {event["kind"] for event in events} >= {"step", "log"}
    assert "hello" in [event["message"] for event in events if event["kind"] == "log"]
    assert last["answer"]["run"]["state"] == "done"


def test_the_flow_says_the_mode_unless_the_command_does(cli: Cli, flow: Flow) -> None:
    path = flow(TYPED, "name: Quick\nmode: performance")
    assert json.loads(cli("run", path, "--json").stdout)["mode"] == "performance"
    assert json.loads(cli("run", path, "--json", "--mode", "development").stdout)["mode"] == "development"


def test_a_target_runs_only_what_it_needs(cli: Cli, flow: Flow) -> None:
    run = json.loads(cli("run", flow(BY_CITY + WRITE, LEAST), "--target", "by_city", "--json").stdout)
    states = {result["node_id"]: result["state"] for result in run["results"]}
    assert states == {"orders": "done", "large": "done", "by_city": "done", "sorted": "skipped", "written": "skipped"}


def test_number_ids_can_be_named(cli: Cli, flow: Flow) -> None:
    path = flow(
        TYPED.replace("id: typed", "id: 1") + "- {id: 2, type: record_count, inputs: {main: 1}, settings: {}}\n"
    )
    run = json.loads(cli("run", path, "--target", "2", "--json").stdout)
    assert [(result["node_id"], result["rows"]) for result in run["results"]] == [(1, 3), (2, 1)]


def test_a_failed_node_is_named_with_its_setting_and_a_hint(cli: Cli, flow: Flow) -> None:
    nodes = READ + "- {id: shown, type: sort, inputs: {main: orders}, settings: {order_by: [{column: amout}]}}\n"
    done = cli("run", flow(nodes))
    assert done.returncode == 1
    assert "shown: failed" in done.stdout
    assert "Failed in " in done.stdout
    assert "node shown, setting order_by.0.column" in done.stderr
    assert "has no column 'amout'" in done.stderr
    assert "did you mean 'amount'?" in done.stderr


def test_a_failed_run_is_still_one_document(cli: Cli, flow: Flow) -> None:
    done = cli("run", flow(TYPED + code("1 / 0")), "--json")
    run = json.loads(done.stdout)
    assert (done.returncode, run["state"]) == (1, "failed")
    assert run["problem"]["node_id"] == "code"


def test_memory_above_the_limit_fails_the_run(cli: Cli, flow: Flow) -> None:
    hungry = "import time\nheld = bytearray(600 << 20)\ntime.sleep(30)\nmain"
    done = cli("run", flow(TYPED + code(hungry)), "--memory-limit", "400M", "--json")
    run = json.loads(done.stdout)
    assert (done.returncode, run["problem"]["code"]) == (1, "out_of_memory")
    assert run["peak_memory"] > 400 << 20


def test_a_child_that_is_killed_fails_the_run(cli: Cli, flow: Flow) -> None:
    done = cli("run", flow(TYPED + code("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\nmain")))
    assert done.returncode == 1
    assert "ended by SIGSEGV" in done.stderr


def test_secrets_come_from_the_environment(cli: Cli, flow: Flow) -> None:
    path = flow(
        TYPED + "- {id: f, type: formula, inputs: {main: typed}, settings: {columns: [{name: b, "
        "expression: \"'${env:FLOWFILE_TEST_SECRET}'\"}]}}\n"
    )
    assert cli("run", path).returncode == 1
    assert cli("run", path, FLOWFILE_TEST_SECRET="hidden").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--param", "leats=3"], "the flow has no parameter 'leats'\n→ it has: least"),
        (["--mode", "quick"], "'quick' is not one of 'development', 'performance'"),
        (["--colour"], "No such option: --colour"),
    ],
)
def test_wrong_usage_is_told_and_nothing_is_run(cli: Cli, flow: Flow, arguments: list[str], message: str) -> None:
    done = cli("run", flow(BY_CITY, LEAST), *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_an_invalid_flow_is_not_run(cli: Cli, flow: Flow) -> None:
    done = cli("run", flow("- {id: a, type: sort, inputs: {main: a}, settings: {}}\n"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "cycle" in done.stderr


def test_a_missing_flow_as_json(cli: Cli) -> None:
    done = cli("run", "nowhere.flow.yaml", "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["problems"][0]["code"] == "bad_flow_file"


def test_a_cache_folder_that_cannot_be_used_is_told(cli: Cli, flow: Flow, folder: Path) -> None:
    done = cli("run", flow(TYPED), "--cache-dir", folder / "orders.csv" / "below")
    assert done.returncode == 1
    assert "--cache-dir" in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_is_left_behind(cli: Cli, command: Command, flow: Flow) -> None:
    cli("run", flow(BY_CITY, LEAST))
    assert command.processes() == []
    assert command.left_behind() == []


def test_a_terminal_shows_the_graph_and_the_last_picture(command: Command, flow: Flow) -> None:
    nodes = BY_CITY + "- {id: count, type: record_count, inputs: {main: large}, settings: {}}\n"
    status, drawn = command.in_terminal("run", flow(nodes, LEAST))
    last = drawn.rpartition("Orders by city · development mode")[2]
    assert status == 0
    assert "By city" in last
    assert "3 rows" in last
    assert "├─●" in last
    assert "Done in" in last
