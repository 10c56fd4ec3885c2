"""The commands and their options. What a command does is imported when it is called."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.exceptions import TyperException

from flowfile.cli import exits
from flowfile.cli.start import Start
from flowfile_engine.errors import CancelledRunError, FlowfileError
from flowfile_engine.graph.document import Mode

app = typer.Typer(
    name="flowfile",
    help=f"Data pipelines on Polars: run, check and export flows.\n\n{exits.DESCRIPTION}",
    rich_markup_mode="markdown",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

COMMANDS = ("run", "serve", "validate", "export", "nodes", "schema", "rows", "version")

Flow = Annotated[Path, typer.Argument(help="The flow's file.", show_default=False)]
NodeName = Annotated[str, typer.Argument(help="The node's id.", show_default=False)]
Parameters = Annotated[
    list[str] | None,
    typer.Option("--param", "-p", metavar="NAME=VALUE", help="A value for one of the flow's parameters. Repeatable."),
]
Output = Annotated[str | None, typer.Option(help="An output of the node, if it has several.")]
CacheDir = Annotated[Path | None, typer.Option(help="Where results are kept; by default where the services keep them.")]
MemoryLimit = Annotated[str | None, typer.Option(metavar="SIZE", help="What the work may take of memory, such as 4G.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


def run_command(start: Start) -> int:
    """Read the command line and do what it says; gives the exit code."""
    arguments = sys.argv[1:]
    try:
        code = app(arguments or ["--help"], prog_name="flowfile", standalone_mode=False, obj=start)
    except TyperException as error:
        command = f"flowfile {arguments[0]}" if arguments[0] in COMMANDS else "flowfile"
        sys.stderr.write(f"flowfile: {error.format_message()}\n→ `{command} --help` tells what can be said\n")
        return exits.INVALID
    except FlowfileError as error:
        return _complain(error, start, as_json="--json" in arguments)
    return code if arguments else exits.INVALID


def _complain(error: FlowfileError, start: Start, *, as_json: bool) -> int:
    from flowfile.cli import text

    problem = error.problem
    if problem.code == CancelledRunError.code:
        return start.interrupts.exit_code
    if as_json:
        sys.stdout.write(json.dumps({"problems": [problem.model_dump()]}, indent=2) + "\n")
    else:
        first, *rest = text.problem_lines(problem)
        sys.stderr.write("\n".join([f"flowfile: {first}", *rest]) + "\n")
    return exits.code_for(problem.code)


@app.command()
def run(
    context: typer.Context,
    flow: Flow,
    param: Parameters = None,
    mode: Annotated[Mode | None, typer.Option(help="By default the flow's own.", show_default=False)] = None,
    target: Annotated[
        list[str] | None,
        typer.Option("--target", "-t", metavar="NODE", help="Run only what this node needs. Repeatable."),
    ] = None,
    memory_limit: MemoryLimit = None,
    cache_dir: CacheDir = None,
    as_json: AsJson = False,
    events: Annotated[bool, typer.Option("--events", help="Each event as one line of JSON, as it comes.")] = False,
) -> int:
    """Run a flow.

    Development mode keeps the result of every node that is worth keeping, so that a second run computes only what
    changed; Performance mode makes one plan of the whole flow and keeps its outputs alone.
    """
    from flowfile.cli.run import RunOptions
    from flowfile.cli.run import run as run_flow

    options = RunOptions(param or [], mode, target, memory_limit, cache_dir, as_json, events)
    return run_flow(flow, options, _start(context))


@app.command()
def serve(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="The address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option(help="0 takes a free one.", show_default="63578")] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Where the database is kept.", show_default="~/.flowfile")
    ] = None,
) -> int:
    """Start the services: Core, which starts its Worker. Ctrl+C ends both."""
    from flowfile.cli.serve import serve as serve_core

    return serve_core(host, port, data_dir, _start(context))


@app.command()
def validate(
    flows: Annotated[list[Path], typer.Argument(help="The flows' files.", show_default=False)],
    param: Parameters = None,
    sources: Annotated[
        bool, typer.Option("--sources/--no-sources", help="Whether to read the headers of the files that it names.")
    ] = True,
    as_json: AsJson = False,
) -> int:
    """Find everything that is wrong with flows, without running them."""
    from flowfile.cli.validate import validate as validate_flows

    return validate_flows(flows, param or [], read_sources=sources, as_json=as_json)


@app.command()
def export(
    context: typer.Context,
    flow: Flow,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="By default standard output.")
    ] = None,
    format: Annotated[Literal["python", "yaml"], typer.Option()] = "python",
    param: Parameters = None,
    as_json: AsJson = False,
) -> int:
    """Write a flow as a Python script of plain Polars, or as a flow file in its usual form."""
    from flowfile.cli.ask import export as export_flow

    return export_flow(flow, output, format, param or [], _start(context), as_json)


@app.command()
def nodes(
    node_type: Annotated[str | None, typer.Argument(help="A node type to explain.")] = None,
    as_json: AsJson = False,
) -> int:
    """List the node types, or explain one: what it does, its settings, examples."""
    from flowfile.cli.nodes import explain_node, list_nodes

    return list_nodes(as_json=as_json) if node_type is None else explain_node(node_type, as_json=as_json)


@app.command()
def schema(flow: Flow, node: NodeName, output: Output = None, param: Parameters = None, as_json: AsJson = False) -> int:
    """Show the columns that a node gives, without running anything."""
    from flowfile.cli.schema import schema as show_schema

    return show_schema(flow, node, output, param or [], as_json=as_json)


@app.command()
def rows(
    context: typer.Context,
    flow: Flow,
    node: NodeName,
    number: Annotated[int, typer.Option("--number", "-n", min=0, max=100_000, help="How many rows.")] = 10,
    output: Output = None,
    param: Parameters = None,
    memory_limit: MemoryLimit = None,
    cache_dir: CacheDir = None,
    as_json: AsJson = False,
) -> int:
    """Show the first rows that a node gives, computing no more than they need."""
    from flowfile.cli.ask import Resources
    from flowfile.cli.ask import rows as show_rows

    resources = Resources(cache_dir, memory_limit)
    return show_rows(
        flow, node, output, param or [], limit=number, as_json=as_json, resources=resources, start=_start(context)
    )


@app.command()
def version(as_json: AsJson = False) -> int:
    """Show the versions of Flowfile, Polars and Python."""
    from flowfile.cli.version import version as show_version

    return show_version(as_json=as_json)


def _start(context: typer.Context) -> Start:
    start: Any = context.obj
    assert isinstance(start, Start)
    return start
