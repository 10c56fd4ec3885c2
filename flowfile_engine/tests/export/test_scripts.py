"""Exported scripts: readable, complete, and with the same result when they run on their own."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flowfile_engine.errors import FlowfileError
from flowfile_engine.export import export_python, variable_name
from flowfile_engine.graph.document import FlowDocument, FlowSettings, Parameter
from flowfile_engine.graph.graph import EtlGraph
from flowfile_engine.run.flow import PreparedFlow
from flowfile_engine.testing import assert_same, typed_in

ORDERS = pl.DataFrame(
    {
        "id": [1, 2, 3, 4],
        "shop": ["north", "south", "north", "O'Hara {x}"],
        "amount": [10.0, 20.5, 30.0, 40.25],
        "day": pl.Series(["2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01"]).str.to_date(),
        "paid": [True, False, True, False],
    }
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    ORDERS.write_parquet(tmp_path / "orders.parquet")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def flow(**parameters: Parameter) -> EtlGraph:
    graph = EtlGraph(FlowDocument(parameters=parameters))
    graph.add_node_step("orders", {"path": "orders.parquet"}, node_type="read")
    return graph


def add(graph: EtlGraph, node_id: Any, node_type: str, settings: dict[str, Any], source: Any = "orders", **more: Any):
    graph.add_node_step(node_id, settings, node_type=node_type, **more)
    if source is not None:
        graph.connect(source, node_id)


def export(graph: EtlGraph, folder: Path, **parameters: Any) -> str:
    code = export_python(PreparedFlow(EtlGraph(graph.document(), parameters=parameters), base_dir=folder))
    check_style(code)
    return code


def check_style(code: str) -> None:
    """What a reader, and a formatter, would say of a script."""
    ast.parse(code)
    assert max(map(len, code.splitlines())) <= 120, code
    assert not [line for line in code.splitlines() if line != line.rstrip()]
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent))
    assert ruff is not None
    command = [ruff, "check", "--isolated", "--line-length=120", "--extend-select=E501,I,B,W", "-q", "-"]
    found = subprocess.run(command, input=code, capture_output=True, text=True, check=False)
    assert found.returncode == 0, f"{found.stdout}\n{code}"


def results(code: str, **parameters: Any) -> dict[str, pl.DataFrame]:
    names: dict[str, Any] = {"__name__": "exported"}
    exec(compile(code, "exported.py", "exec"), names)
    return {name: frame.collect() for name, frame in names["make_flow"](parameters).items()}


def run_script(code: str, folder: Path, *arguments: str, **environment: str) -> str:
    path = folder / "exported.py"
    path.write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", path, *arguments],
        capture_output=True, text=True, cwd=folder, env=os.environ | environment, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stderr}\n{code}"
    return done.stdout


def run_flow(graph: EtlGraph, folder: Path, **parameters: Any) -> None:
    information = EtlGraph(graph.document(), parameters=parameters).run_graph(mode="performance", base_dir=folder)
    assert information.state == "done", information.problem


def test_a_script_reads_as_it_should(folder: Path):
    graph = flow(least=Parameter(type="number", default=15, description="Smallest amount"))
    graph.flow_settings = FlowSettings(name="Large orders", description="By shop.")
    condition = {"column": "amount", "operator": ">=", "value": "${least}"}
    add(graph, "large", "filter", {"conditions": [condition]}, title="Large ones", description="At least\nso much")
    total = {"by": ["shop"], "aggregations": [{"column": "amount", "function": "sum", "name": "total"}]}
    add(graph, "by_shop", "group_by", {**total, "maintain_order": True}, "large")
    code = export(graph, folder)
    assert code == (
        '"""Large orders\n\nBy shop.\n"""\n\nimport argparse\nfrom typing import Any\n\nimport polars as pl\n\n\n'
        "def make_flow(params: dict[str, Any]) -> dict[str, pl.LazyFrame]:\n"
        '    """Build the flow lazily: its results by name, nothing computed yet."""\n'
        "    # Read data\n"
        '    orders = pl.scan_parquet("orders.parquet")\n\n'
        "    # Large ones: At least so much\n"
        '    large_ones = orders.filter([pl.col("amount") >= params["least"]])\n\n'
        "    # Group by\n"
        '    by_shop = large_ones.group_by(["shop"], maintain_order=True).agg(\n'
        '        [pl.col("amount").sum().alias("total")],\n'
        "    )\n"
        '    return {"by_shop": by_shop}\n\n\n'
        "def main() -> None:\n"
        "    parser = argparse.ArgumentParser()\n"
        '    parser.add_argument("--least", default=15, type=float, help="Smallest amount")\n'
        "    flow = make_flow(vars(parser.parse_args()))\n"
        '    results = dict(zip(flow, pl.collect_all(list(flow.values()), engine="streaming"), strict=True))\n'
        "    for name, frame in results.items():\n"
        "        if frame.width:\n"
        '            print(name, frame, sep="\\n")\n\n\n'
        'if __name__ == "__main__":\n    main()\n'
    )


@pytest.mark.parametrize(
    ("kind", "default", "column", "operator", "given"),
    [
        ("number", 15, "amount", ">", 25.0),
        ("integer", 2, "id", "<=", 3),
        ("text", "north", "shop", "=", "O'Hara {x}"),
        ("date", "2024-02-01", "day", ">=", "2024-04-01"),
        ("boolean", True, "paid", "=", False),
        ("text", "o", "shop", "contains", "h"),
    ],
)
@pytest.mark.parametrize("use_default", [True, False])
def test_a_parameter_in_a_condition_stays_open(
    folder: Path, kind: Any, default: Any, column: str, operator: str, given: Any, use_default: bool
):
    graph = flow(p=Parameter(type=kind, default=default))
    add(graph, "out", "filter", {"conditions": [{"column": column, "operator": operator, "value": "${p}"}]})
    add(graph, "file", "write", {"path": "run.parquet"}, "out")
    code = export(graph, folder)
    value = default if use_default else given
    run_flow(graph, folder, p=value)
    expected = pl.read_parquet("run.parquet")
    assert 0 < expected.height < ORDERS.height
    (folder / "run.parquet").unlink()
    flag = f"--{'' if value else 'no-'}p" if kind == "boolean" else f"--p={value}"
    run_script(code, folder, *([] if use_default else [flag]))
    assert_same(pl.read_parquet("run.parquet"), expected, ordered=True)


def test_parameters_inside_texts_numbers_lists_and_paths(folder: Path):
    graph = flow(shop=Parameter(default="north"), n=Parameter(type="integer", default=3), name=Parameter(default="run"))
    add(graph, "first", "sample", {"n": "${n}"})
    in_list = {"conditions": [{"column": "shop", "operator": "in", "values": ["${shop}", "south"]}]}
    add(graph, "listed", "filter", in_list, "first")
    text = {"mode": "expression", "expression": "shop = '${shop}' OR amount > ${n} + 100"}
    add(graph, "said", "filter", text, "listed")
    add(graph, "file", "write", {"path": "${name}_{of}_${n}.csv"}, "said")
    code = export(graph, folder)
    for parameters in ({}, {"shop": "O'Hara", "n": 4}, {"n": 1, "name": 'a "b" \\'}):
        expected = folder / f"{parameters.get('name', 'run')}_{{of}}_{parameters.get('n', 3)}.csv"
        if "O'Hara" in parameters.values():
            continue
        run_flow(graph, folder, **parameters)
        rows = expected.read_text()
        expected.unlink()
        run_script(code, folder, *(f"--{name}={value}" for name, value in parameters.items()))
        assert expected.read_text() == rows


def test_a_secret_is_read_from_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SHOP", "south")
    graph = flow()
    add(graph, "one", "filter", {"conditions": [{"column": "shop", "operator": "=", "value": "${env:SHOP}"}]})
    add(graph, "two", "filter", {"mode": "expression", "expression": "shop = '${env:SHOP}' AND id > 0"}, "one")
    add(graph, "file", "write", {"path": "out.csv"}, "two")
    code = export(graph, folder)
    assert "south" not in code
    run_script(code, folder, SHOP="north")
    assert pl.read_csv("out.csv")["id"].to_list() == [1, 3]


def test_several_results_and_a_shared_step(folder: Path):
    graph = flow()
    add(graph, "kept", "filter", {"conditions": [{"column": "paid", "operator": "is true"}]})
    add(graph, "a", "sort", {"order_by": [{"column": "amount", "descending": True}]}, "kept")
    add(graph, "b", "record_count", {}, "kept")
    code = export(graph, folder)
    assert code.count("scan_parquet") == 1
    found = results(code)
    assert list(found) == ["a", "b"]
    assert found["a"]["id"].to_list() == [3, 1]
    assert found["b"].item() == 2
    assert "shape: (2, 5)" in run_script(code, folder)


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet", "xlsx", "json", "ndjson", "arrow", "avro"])
@pytest.mark.parametrize("if_exists", ["overwrite", "fail"])
def test_every_format_is_written(folder: Path, ending: str, if_exists: str):
    graph = flow()
    add(graph, "kept", "select", {"columns": [{"column": "id"}, {"column": "shop"}], "others": "drop"})
    add(graph, "file", "write", {"path": f"out.{ending}", "if_exists": if_exists}, "kept")
    run_flow(graph, folder)
    path = folder / f"out.{ending}"
    expected = read_back(path)
    path.unlink()
    run_script(export(graph, folder), folder)
    assert_same(read_back(path), expected, ordered=True)


def read_back(path: Path) -> pl.DataFrame:
    graph = EtlGraph()
    graph.add_node_step("file", {"path": str(path)}, node_type="read")
    return PreparedFlow(graph).scan(graph.step("file")).collect()


def test_appending_and_dividing(folder: Path):
    graph = flow()
    add(graph, "more", "write", {"path": "all.csv", "if_exists": "append"})
    add(graph, "parts", "write", {"path": "parts", "format": "parquet", "partition_by": ["paid"]})
    code = export(graph, folder)
    run_script(code, folder)
    run_script(code, folder)
    assert pl.read_csv("all.csv").height == 2 * ORDERS.height
    assert sorted(found.name for found in (folder / "parts").iterdir()) == ["paid=false", "paid=true"]


def test_steps_below_a_pivot_with_values_found_in_the_data(folder: Path):
    graph = flow()
    settings = {"on": "shop", "index": ["paid"], "values": ["amount"]}
    add(graph, "wide", "pivot", settings)
    add(graph, "sum", "formula", {"columns": [{"name": "both", "expression": "north + south"}]}, "wide")
    found = results(export(graph, folder))["sum_"]
    assert found.columns == ["paid", "O'Hara {x}", "north", "south", "both"]


def test_code_and_sql(folder: Path):
    graph = flow()
    code = "import math\n\ndef half(x):\n    return x / 2\n\nmain.with_columns(h=half(pl.col('amount')) + math.pi)"
    add(graph, "code", "polars_code", {"code": code})
    add(graph, "again", "polars_code", {"code": "df.filter(pl.col('h') > 10)"}, "code")
    graph.add_node_step(
        "sql", {"query": "SELECT o.id, c.h\nFROM o JOIN c ON o.id = c.id ORDER BY o.id"}, node_type="sql_query"
    )
    graph.connect("orders", "sql", name="o")
    graph.connect("again", "sql", name="c")
    found = results(export(graph, folder))["sql"]
    assert found["id"].to_list() == [2, 3, 4]


TITLES = [
    "class", "1st", "", "Ünïcödé ☃", "☃", "pl", "params", "os", "Any", "argparse", "main", "make_flow", "print",
    "orders", "dict", "list", "zip", "flow", "results", "name", "None", "__import__", 'say "hi"', "a\nb", "\\", "{x}",
    "# no", "_", "self", "vars", "datetime", "Decimal", "match", "frame", "expression",
]  # fmt: skip


def test_any_title_makes_a_name_that_works(folder: Path):
    graph = flow()
    previous: Any = "orders"
    for number, title in enumerate([*TITLES, *TITLES]):
        add(graph, number, "sample", {"n": 100 + number}, previous, title=title, description=title)
        previous = number
    add(graph, "day", "filter", {"conditions": [{"column": "day", "operator": ">", "value": "2024-01-15"}]}, previous)
    code = export(graph, folder)
    assert run_script(code, folder).startswith("day\nshape: (3, 5)")


def test_results_of_one_title_are_all_there(folder: Path):
    graph = flow()
    for number in range(3):
        add(graph, number, "sample", {"n": number + 1}, title="First rows")
    assert [frame.height for frame in results(export(graph, folder)).values()] == [1, 2, 3]


def test_parameter_names_and_texts_that_could_break_a_script(folder: Path):
    parameters = {
        name: Parameter(default=default, description=description)
        for name, default, description in [
            ("class", "n", "100 % sure"),
            ("self", 'quo"te', '"""'),
            ("h", "x", "{}"),
            ("with_underscore", "\\", "line\nline"),
        ]
    }
    graph = flow(**parameters)
    graph.flow_settings = FlowSettings(name='Quotes """ and \\ and \n lines', description='ends with a quote"')
    conditions = [{"column": "shop", "operator": "!=", "value": f"${{{name}}}"} for name in parameters]
    add(graph, "out", "filter", {"conditions": conditions})
    code = export(graph, folder)
    assert "shape: (4, 5)" in run_script(code, folder, "--class=z")
    assert "--with_underscore" in run_script(code, folder, "--help")


def test_an_unfinished_flow_is_refused_with_the_step(folder: Path):
    graph = flow()
    add(graph, "late", "filter", {})
    with pytest.raises(FlowfileError) as caught:
        export(graph, folder)
    assert (caught.value.node_id, caught.value.field) == ("late", "conditions")
    graph = flow()
    add(graph, "late", "filter", {"conditions": [{"column": "amuont", "operator": "is null"}]})
    with pytest.raises(FlowfileError, match="no column 'amuont'") as caught:
        export(graph, folder)
    assert caught.value.node_id == "late"


def test_a_parameter_that_decides_how_a_step_works_is_refused_by_name(folder: Path):
    graph = flow(how=Parameter(default="first"))
    add(graph, "some", "sample", {"method": "${how}"})
    with pytest.raises(FlowfileError) as caught:
        export(graph, folder)
    assert (caught.value.node_id, caught.value.field) == ("some", "method")
    assert "${how}" in caught.value.message


def test_an_empty_flow_is_a_script_too(folder: Path):
    assert run_script(export(EtlGraph(), folder), folder) == ""


def test_typed_tables_and_long_lists_are_broken_into_lines(folder: Path):
    graph = EtlGraph()
    wide = pl.DataFrame({f"a rather long column name {index}": [index] * 30 for index in range(30)})
    graph.add_node_step("typed", typed_in(wide), node_type="manual_input")
    columns = [{"column": name, "rename": f"{name} renamed"} for name in wide.columns]
    add(graph, "renamed", "select", {"columns": columns}, "typed")
    nested = " + ".join(f'"a rather long column name {index} renamed" * ({index} + 1)' for index in range(30))
    add(graph, "sums", "formula", {"columns": [{"name": "s", "expression": nested}]}, "renamed")
    add(graph, "many", "filter", {"match": "any", "conditions": [
        {"column": "s", "operator": "in", "values": list(range(200))},
        {"column": "s", "operator": "between", "values": [1, 10**9]},
    ]}, "sums")  # fmt: skip
    assert results(export(graph, folder))["many"].shape == (30, 31)


def test_variable_names_are_identifiers():
    graph = EtlGraph()
    for number, title in enumerate(TITLES):
        graph.add_node_step(number, {}, node_type="unique", title=title)
    names = [variable_name(step) for step in graph]
    assert all(name.isidentifier() for name in names)
