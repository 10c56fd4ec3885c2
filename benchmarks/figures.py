"""Figures with their thresholds, and the tables they are printed in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure.

    Attributes:
        limit: what it must not exceed; None: told for comparison only.
        note: how it was measured, in a few words.
    """

    name: str
    value: float
    unit: str = ""
    limit: float | None = None
    note: str = ""

    @property
    def holds(self) -> bool:
        """Whether it keeps within its limit."""
        return self.limit is None or self.value <= self.limit


def figures_table(title: str, figures: Sequence[Figure]) -> Table:
    """A table of figures, each with its threshold and whether it holds."""
    table = Table("figure", title=title, title_justify="left")
    for heading in ("measured", "at most"):
        table.add_column(heading, justify="right")
    table.add_column("")
    table.add_column("how", overflow="fold")
    for figure in figures:
        limit = "" if figure.limit is None else _shown(figure.limit, figure.unit)
        mark = "" if figure.limit is None else "[green]ok[/]" if figure.holds else "[bold red]over[/]"
        table.add_row(figure.name, _shown(figure.value, figure.unit), limit, mark, figure.note)
    return table


def print_figures(title: str, figures: Sequence[Figure], console: Console | None = None) -> None:
    """Print a table of figures."""
    (console or Console()).print(figures_table(title, figures))


def _shown(value: float, unit: str) -> str:
    digits = 0 if value == int(value) else 1 if abs(value) >= 10 else 2 if abs(value) >= 0.1 else 3
    return f"{value:,.{digits}f} {unit}".rstrip()
