"""The commands that show something: nodes, schema, rows, export, version."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from cli_support import BY_CITY, LEAST, READ, TYPED, code

from flowfile_engine.nodes.registry import builtin_registry

Cli = Callable[..., CompletedProcess[str]]
Flow = Callable[..., Path]


def test_every_node_type_is_listed_in_its_group(cli: Cli) -> None:
    done = cli("nodes")
    assert done.returncode == 0
    groups = re.split(r"\n\n", done.stdout)
    assert [group.split()[0] for group in groups] == ["input", "transform", "combine", "aggregate", "output"]
    listed = {line.split()[0] for group in groups for line in group.splitlines()[1:]}
    assert listed == {found.type_name() for found in builtin_registry()}


def test_a_node_type_is_explained(cli: Cli) -> None:
    done = cli("nodes", "group_by")
    assert done.returncode == 0
    assert done.stdout.startswith("Group by (group_by) · aggregate\n")
    assert re.search(r"^aggregations\[\]\.function +sum \| mean", done.stdout, re.MULTILINE)
    assert "Example: Sales per shop" in done.stdout


@pytest.mark.parametrize("node_type", [found.type_name() for found in builtin_registry()])
def test_every_node_type_can_be_explained(node_type: str, capsys: pytest.CaptureFixture[str]) -> None:
    from flowfile.cli.nodes import explain_node

    explain_node(node_type, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["type"] == node_type
    assert found["documentation"]
    assert found["examples"]
    explain_node(node_type, as_json=False)
    shown = capsys.readouterr().out
    assert all(setting["name"] in shown for setting in found["settings"])


def test_an_unknown_node_type(cli: Cli) -> None:
    done = cli("nodes", "gruop_by")
    assert done.returncode == 2
    assert "did you mean 'group_by'?" in done.stderr


def test_the_columns_of_a_node(cli: Cli, flow: Flow) -> None:
    done = cli("schema", flow(BY_CITY, LEAST), "by_city")
    assert (done.returncode, done.stdout) == (0, "column  type\ncity    String\ntotal   Int64\n")


def test_columns_as_json(cli: Cli, flow: Flow) -> None:
    done = cli("schema", flow(BY_CITY, LEAST), "by_city", "--json")
    assert json.loads(done.stdout) == {
        "node_id": "by_city",
        "output": "main",
        "certainty": "known",
        "columns": [{"name": "city", "dtype": "String"}, {"name": "total", "dtype": "Int64"}],
    }


def test_columns_that_only_a_run_can_tell(cli: Cli, flow: Flow) -> None:
    pivot = "- {id: wide, type: pivot, inputs: {main: orders}, settings: {'on': city, values: [amount]}}\n"
    path = flow(READ + pivot)
    assert cli("schema", path, "wide").stdout == "unknown until the flow has run: only the data can tell\n"
    assert json.loads(cli("schema", path, "wide", "--json").stdout)["columns"] is None


def test_columns_below_a_mistake_name_the_mistake(cli: Cli, flow: Flow) -> None:
    path = flow(BY_CITY.replace("by: [city]", "by: [citi]"), LEAST)
    done = cli("schema", path, "sorted")
    assert done.returncode == 2
    assert "node by_city, setting by.0" in done.stderr


def test_an_output_that_is_not_there(cli: Cli, flow: Flow) -> None:
    done = cli("schema", flow(TYPED), "typed", "--output", "rest")
    assert done.returncode == 2
    assert "→ it has: main" in done.stderr


def test_rows(cli: Cli, flow: Flow) -> None:
    path = flow(BY_CITY, LEAST)
    done = cli("rows", path, "sorted", "-n", "2")
    assert done.returncode == 0
    assert done.stdout.splitlines()[:4] == ["city    total", "String  Int64", "Leiden     20", "Delft      30"]
    page = json.loads(cli("rows", path, "sorted", "--param", "least=40", "--json").stdout)
    assert page["rows"] == [["Gouda", 40]]


def test_rows_of_a_node_that_cannot_work(cli: Cli, flow: Flow) -> None:
    done = cli("rows", flow(TYPED + code("1 / 0")), "code", "--json")
    assert done.returncode != 0
    assert json.loads(done.stdout)["problems"][0]["node_id"] == "code"


def test_an_exported_script_gives_what_the_run_gives(cli: Cli, flow: Flow, folder: Path) -> None:
    path = flow(BY_CITY, LEAST)
    script = folder / "by_city.py"
    done = cli("export", path, "-o", script)
    assert (done.returncode, done.stdout) == (0, "")
    assert cli("export", path).stdout == script.read_text()
    assert json.loads(cli("export", path, "--json").stdout)["code"] == script.read_text()
    ran = subprocess.run(
        [sys.executable, script, "--least", "35"], capture_output=True, text=True, cwd=folder, check=True
    )
    assert "Gouda" in ran.stdout
    assert "Leiden" not in ran.stdout


def test_export_as_yaml_is_the_usual_form(cli: Cli, flow: Flow, folder: Path) -> None:
    path = flow(BY_CITY, LEAST)
    usual = folder / "usual.flow.yaml"
    assert cli("export", path, "--format", "yaml", "--output", usual).returncode == 0
    assert cli("export", usual, "--format", "yaml").stdout == usual.read_text()
    assert list(folder.glob(".*")) == []


def test_export_of_an_unfinished_flow(cli: Cli, flow: Flow) -> None:
    done = cli("export", flow(TYPED + "- {id: sorted, type: sort, inputs: {main: typed}, settings: {}}\n"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "node sorted" in done.stderr


def test_export_to_a_folder_that_is_not_there(cli: Cli, flow: Flow) -> None:
    done = cli("export", flow(TYPED), "-o", "nowhere/script.py")
    assert done.returncode == 1
    assert "nowhere/script.py cannot be written" in done.stderr


def test_version(cli: Cli) -> None:
    assert cli("version").stdout.startswith("flowfile ")
    assert set(json.loads(cli("version", "--json").stdout)) == {"flowfile", "polars", "python", "platform"}


def test_help_tells_the_exit_codes_and_every_command(cli: Cli) -> None:
    shown = cli("--help")
    assert shown.returncode == 0
    for word in ("130", "run", "serve", "validate", "export", "nodes", "schema", "rows", "version"):
        assert word in shown.stdout
    assert cli().returncode == 2
