"""`flowfile run`: a flow from the command line."""

from __future__ import annotations

import secrets
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from flowfile.cli import exits
from flowfile.cli.flows import OpenedFlow, memory_size, open_flow
from flowfile.cli.reports import EventsReport, JsonReport, LinesReport, Report
from flowfile.cli.start import Start
from flowfile.cli.work import Work, pool_settings
from flowfile_engine.errors import CancelledRunError
from flowfile_engine.graph.document import Mode
from flowfile_engine.run.information import RunInformation
from flowfile_engine.tasks import Ran, RunTask


@dataclass(frozen=True)
class RunOptions:
    """What the command line says of a run."""

    parameters: list[str]
    mode: Mode | None = None
    targets: list[str] | None = None
    memory_limit: str | None = None
    cache_dir: Path | None = None
    as_json: bool = False
    as_events: bool = False


def run(path: Path, options: RunOptions, start: Start) -> int:
    """Run a flow and report on it; gives the exit code.

    Raises:
        FlowfileError: nothing was run.
    """
    flow = open_flow(path, options.parameters)
    task = RunTask(
        flow=flow.document,
        parameters=flow.parameters,
        base_dir=str(flow.base_dir),
        run_id=secrets.token_hex(8),
        mode=options.mode or flow.document.flow_settings.mode,
        targets=[flow.node(name) for name in options.targets] if options.targets else None,
    )
    settings = pool_settings(options.cache_dir, memory_size(options.memory_limit))
    report = _report(flow, task.mode, options)
    begun = time.time()
    try:
        report.start()
        answer = Work(task, settings, start).perform(report.event)
        assert isinstance(answer, Ran)
        information = answer.run
    except CancelledRunError as error:
        information = RunInformation(
            run_id=task.run_id,
            flow_uuid=flow.document.uuid,
            mode=task.mode,
            state="cancelled",
            started_at=begun,
            ended_at=time.time(),
            problem=error.problem,
        )
    finally:
        report.close()
    report.end(information)
    return _exit_code(information, start)


def _report(flow: OpenedFlow, mode: Mode, options: RunOptions) -> Report:
    if options.as_events:
        return EventsReport()
    if options.as_json:
        return JsonReport()
    if sys.stdout.isatty():
        # Only now: a script's log needs nothing of what draws pictures.
        from rich.console import Console

        from flowfile.cli.live import LiveReport

        console = Console(highlight=False)
        if console.is_terminal and not console.is_dumb_terminal:
            return LiveReport(flow.document, mode, console)
    return LinesReport(flow.document)


def _exit_code(run: RunInformation, start: Start) -> int:
    match run.state:
        case "done":
            return exits.FINE
        case "cancelled":
            return start.interrupts.exit_code
        case _ if run.problem is not None and run.problem.code == "internal_error":
            return exits.INTERNAL
        case _:
            return exits.FAILED
