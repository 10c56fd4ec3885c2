"""Small tables and documents on standard output, as wide as they must be where no terminal limits them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

UNLIMITED = 100_000


def print_table(headings: Sequence[str], rows: Sequence[Sequence[Any]], *, right: Sequence[int] = ()) -> None:
    """Print a table.

    Args:
        headings: what stands above each column; may have several lines.
        rows: the cells.
        right: the columns to align at the right.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=UNLIMITED)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for place, heading in enumerate(headings):
        justify = "right" if place in right else "left"
        table.add_column(Text(heading), justify=justify, overflow="fold")
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    with console.capture() as printed:
        console.print(table)
    # What a script reads has no use for the blanks that fill the last column.
    sys.stdout.write("".join(line.rstrip() + "\n" for line in printed.get().splitlines()))


def print_heading(text: str) -> None:
    """Print a line that stands above others."""
    sys.stdout.write(f"\033[1m{text}\033[0m\n" if sys.stdout.isatty() else f"{text}\n")
