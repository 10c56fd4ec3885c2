"""What the tests of the command line share."""

import os
import pty
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

ORDERS = "city,amount\nDelft,10\nLeiden,20\nDelft,30\nGouda,40\n"

READ = "- {id: orders, type: read, settings: {path: orders.csv}}\n"

BY_CITY = (
    READ
    + """\
- id: large
  type: filter
  inputs: {main: orders}
  settings: {mode: expression, expression: "amount >= ${least}"}
- id: by_city
  type: group_by
  title: By city
  inputs: {main: large}
  settings: {by: [city], aggregations: [{column: amount, function: sum, name: total}]}
- id: sorted
  type: sort
  inputs: {main: by_city}
  settings: {order_by: [{column: total}]}
"""
)

LEAST = "name: Orders by city\nparameters: {least: {type: integer, default: 15}}"

TYPED = "- {id: typed, type: manual_input, settings: {columns: [{name: a, dtype: Int64}], rows: [[1], [2], [3]]}}\n"


_COLOURS = re.compile("\x1b\\[[0-9;]*m")


def code(text: str, inputs: str = "typed") -> str:
    """A node that runs a person's code."""
    indented = "".join(f"      {line}\n" for line in text.splitlines())
    return f"- id: code\n  type: polars_code\n  inputs: {{main: {inputs}}}\n  settings:\n    code: |\n{indented}"


@dataclass(frozen=True)
class Command:
    """A command line, a folder of its own for what it leaves behind, and its environment."""

    words: list[str]
    folder: Path
    environment: dict[str, str]

    def run(self, *arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.words, *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=self.folder,
            env={**self.environment, **more},
            timeout=60,
        )

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self.words, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env=self.environment,
        )

    def in_terminal(self, *arguments: object, interrupt_after: str | None = None) -> tuple[int, str]:
        """Run in a terminal of 100 columns; gives the exit code and all that was drawn.

        Args:
            interrupt_after: press Ctrl+C once this text has been drawn.
        """
        ours, theirs = pty.openpty()
        environment = {**self.environment, "TERM": "xterm", "COLUMNS": "100", "LINES": "40"}
        process = subprocess.Popen(
            [*self.words, *map(str, arguments)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=self.folder,
            env=environment,
            start_new_session=True,
            preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),  # makes it the controlling terminal
        )
        os.close(theirs)
        drawn = b""
        while True:
            try:
                found = os.read(ours, 1 << 16)
            except OSError:  # Linux, once nobody has the other end open
                found = b""
            if not found:
                break
            drawn += found
            if interrupt_after is not None and interrupt_after.encode() in drawn:
                os.write(ours, b"\x03")
                interrupt_after = None
        os.close(ours)
        return process.wait(30), _COLOURS.sub("", drawn.decode())

    def processes(self) -> list[str]:
        """The command lines of living processes that name this folder."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(self.folder) in line:
                found.append(line)
        return found

    def left_behind(self) -> list[Path]:
        """Half-written files, in the cache and beside the flows."""
        cache = self.folder / "cache" / "flowfile" / "results"
        temporary = [
            path for path in cache.rglob("*") if path.is_file() and path.parent != cache and "lock" not in path.name
        ]
        written = [path for path in (self.folder / "flows").rglob("*") if path.suffix not in (".yaml", ".csv")]
        return temporary + written


def end(process: subprocess.Popen[str], *signals: signal.Signals, pause: float = 0.05) -> tuple[int, float]:
    """Send signals and wait for the end; gives the exit code and the seconds from the first signal on."""
    begun = time.monotonic()
    for number in signals:
        process.send_signal(number)
        time.sleep(pause)
    process.communicate(timeout=30)
    return process.returncode, time.monotonic() - begun
