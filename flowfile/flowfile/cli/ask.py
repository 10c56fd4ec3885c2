"""`flowfile rows` and `flowfile export`: questions that a child process answers, since they may compute data."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from flowfile.cli import exits, text
from flowfile.cli.flows import memory_size, open_flow
from flowfile.cli.reports import log_line
from flowfile.cli.start import Start
from flowfile.cli.tables import print_table
from flowfile.cli.work import Work, pool_settings
from flowfile_engine import flow_file
from flowfile_engine.errors import TargetError
from flowfile_engine.tasks import Answer, Code, Event, ExportTask, LogEvent, Rows, RowsTask, Task

Format = Literal["python", "yaml"]


@dataclass(frozen=True)
class Resources:
    """Where and with how much memory a child works."""

    cache_dir: Path | None = None
    memory_limit: str | None = None


def rows(
    path: Path,
    node: str,
    output: str | None,
    parameters: list[str],
    *,
    limit: int,
    as_json: bool,
    resources: Resources,
    start: Start,
) -> int:
    """Print the first rows of a node; gives the exit code."""
    flow = open_flow(path, parameters)
    task = RowsTask(
        flow=flow.document,
        parameters=flow.parameters,
        base_dir=str(flow.base_dir),
        node_id=flow.node(node),
        output=output,
        limit=limit,
    )
    page = _ask(task, resources, start)
    assert isinstance(page, Rows)
    if as_json:
        sys.stdout.write(page.model_dump_json(indent=2) + "\n")
        return exits.FINE
    numbers = [place for place, column in enumerate(page.columns) if column.dtype.startswith(("Int", "UInt", "Float"))]
    headings = [f"{column.name}\n{column.dtype}" for column in page.columns]
    print_table(headings, [[_cell(value) for value in row] for row in page.rows], right=numbers)
    total = f" of {page.total:,}" if page.total is not None else ""
    sys.stdout.write(f"\n{len(page.rows):,}{total} {'row' if (page.total or len(page.rows)) == 1 else 'rows'}\n")
    return exits.FINE


def export(
    path: Path, target: Path | None, kind: Format, parameters: list[str], start: Start, as_json: bool = False
) -> int:
    """Write a flow as a Python script, or as the text of a flow file; gives the exit code."""
    flow = open_flow(path, parameters)
    if kind == "yaml":
        written = flow_file.dump(flow.document)
    else:
        task = ExportTask(flow=flow.document, parameters=flow.parameters, base_dir=str(flow.base_dir))
        code = _ask(task, Resources(), start)
        assert isinstance(code, Code)
        written = code.code
    if target is not None:
        _write(target, written)
    if as_json:
        sys.stdout.write(Code(code=written).model_dump_json(indent=2) + "\n")
    elif target is None:
        sys.stdout.write(written)
    else:
        sys.stderr.write(f"{target}: {text.count(len(written.splitlines()), 'line')}\n")
    return exits.FINE


def _ask(task: Task, resources: Resources, start: Start) -> Answer:
    settings = pool_settings(resources.cache_dir, memory_size(resources.memory_limit))
    report: Callable[[Event], None] = _logs_only
    return Work(task, settings, start).perform(report)


def _logs_only(event: Event) -> None:
    if isinstance(event, LogEvent):
        log_line(event)


def _cell(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return text.number(value)
    return text.first_words(str(value).replace("\n", "⏎"), 60)


def _write(path: Path, content: str) -> None:
    """Write a file under a temporary name first: whoever reads it never sees half of it."""
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.absolute().parent, prefix=f".{path.name}.", delete=False
        ) as file:
            file.write(content)
        Path(file.name).chmod(0o666 & ~_umask())
        Path(file.name).replace(path)
    except OSError as error:
        raise TargetError(f"{path} cannot be written: {error.strerror or error}") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
