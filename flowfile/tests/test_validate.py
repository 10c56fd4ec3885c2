"""`flowfile validate`: all problems of all flows, and nothing is run."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

from cli_support import BY_CITY, LEAST, READ, TYPED, Command

Cli = Callable[..., CompletedProcess[str]]
Flow = Callable[..., Path]

BROKEN = (
    READ
    + """\
- {id: strange, type: raed, settings: {}}
- id: misspelt
  type: filter
  inputs: {main: orders}
  settings: {conditions: [{column: amout, value: 3, wrong: true}]}
- {id: unfinished, type: formula, inputs: {main: orders}, settings: {}}
- {id: after, type: sort, inputs: {main: strange}, settings: {order_by: [{column: city}]}}
- {id: port, type: sort, inputs: {left: orders}, settings: {order_by: [{column: citi}]}}
- {id: alone, type: record_count, settings: {}}
- {id: lost, type: read, settings: {path: nowhere.csv}}
- {id: sorted, type: sort, inputs: {main: orders}, settings: {order_by: [{column: citi}]}}
"""
)


def test_a_valid_flow(cli: Cli, flow: Flow) -> None:
    path = flow(BY_CITY, LEAST)
    done = cli("validate", path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{path}: valid, 4 nodes\n", "")


def test_every_problem_is_found_at_once(cli: Cli, flow: Flow) -> None:
    done = cli("validate", flow(BROKEN), "--json")
    assert done.returncode == 2
    found = json.loads(done.stdout)
    problems = {(item["node_id"], item["field"]): item for item in found["flows"][0]["problems"]}
    assert not found["valid"]
    assert set(problems) == {
        ("strange", None),
        ("misspelt", "conditions.0.wrong"),
        ("unfinished", "columns"),
        ("port", "inputs.left"),
        ("alone", None),
        ("lost", "path"),
        ("sorted", "order_by.0.column"),
    }
    assert problems["strange", None]["hint"] == "did you mean 'read'?"
    assert problems["sorted", "order_by.0.column"]["hint"] == "did you mean 'city'?"
    assert problems["alone", None]["code"] == "input_missing"


def test_problems_are_told_with_node_field_and_hint(cli: Cli, flow: Flow) -> None:
    nodes = READ + "- {id: sorted, type: sort, inputs: {main: orders}, settings: {order_by: [{column: citi}]}}\n"
    path = flow(nodes)
    done = cli("validate", path)
    assert done.returncode == 2
    assert done.stdout.splitlines() == [
        f"{path}: 1 problem",
        "  node sorted, setting order_by.0.column",
        "    the input `main` has no column 'citi'",
        "    → did you mean 'city'?",
    ]


def test_several_flows_are_told_apart(cli: Cli, flow: Flow, folder: Path) -> None:
    good = flow(TYPED, name="good.flow.yaml")
    done = cli("validate", good, folder / "missing.flow.yaml", "--json")
    assert done.returncode == 2
    assert [(Path(item["path"]).name, item["valid"]) for item in json.loads(done.stdout)["flows"]] == [
        ("good.flow.yaml", True),
        ("missing.flow.yaml", False),
    ]


def test_sources_need_not_be_there(cli: Cli, flow: Flow) -> None:
    path = flow(BY_CITY.replace("orders.csv", "elsewhere.csv"), LEAST)
    assert cli("validate", path).returncode == 2
    assert cli("validate", path, "--no-sources").returncode == 0


def test_nothing_is_run(cli: Cli, command: Command, flow: Flow) -> None:
    writes = "- {id: written, type: write, inputs: {main: typed}, settings: {path: out.csv}}\n"
    assert cli("validate", flow(TYPED + writes)).returncode == 0
    assert command.left_behind() == []
    assert not (command.folder / "cache").exists()


def test_a_flow_of_5000_nodes(cli: Cli, flow: Flow) -> None:
    chain = [TYPED, "- {id: 0, type: record_id, inputs: {main: typed}, settings: {}}\n"]
    settings = "{conditions: [{column: a, value: 1}]}"
    chain += [
        f"- {{id: {i}, type: filter, inputs: {{main: {i - 1}}}, settings: {settings}}}\n" for i in range(1, 5_000)
    ]
    path = flow("".join(chain))
    begun = time.monotonic()
    done = cli("validate", path)
    assert (done.returncode, done.stdout) == (0, f"{path}: valid, 5,001 nodes\n")
    assert time.monotonic() - begun < 30  # a quadratic search takes minutes
    broken = flow(
        "".join([*chain, "- {id: end, type: sort, inputs: {side: 17}, settings: {order_by: [{column: b}]}}\n"])
    )
    done = cli("validate", broken, "--json")
    assert [item["node_id"] for item in json.loads(done.stdout)["flows"][0]["problems"]] == ["end"]
