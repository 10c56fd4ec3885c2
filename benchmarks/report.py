"""Print comparisons as a table: milliseconds of each contender, and how they compare with the baseline."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from benchmarks.timing import Comparison, geometric_mean


def print_report(
    comparisons: Sequence[Comparison], baseline: str, *, title: str | None = None, console: Console | None = None
) -> None:
    """Print one row a case and the geometric means of the ratios below them.

    Every case must have been run by the same contenders, ``baseline`` among them.
    """
    (console or Console()).print(report_table(comparisons, baseline, title=title))


def report_table(comparisons: Sequence[Comparison], baseline: str, *, title: str | None = None) -> Table:
    """The table that :func:`print_report` prints.

    Raises:
        ValueError: the cases were run by different contenders, or the baseline is none of them.
    """
    others = _others(comparisons, baseline)
    table = Table(title=title, caption=f"medians; ratio: how many times as long as {baseline}")
    table.add_column("case")
    for name in [baseline, *others]:
        table.add_column(f"{name} (ms)", justify="right")
        if name != baseline:
            table.add_column("ratio", justify="right")
    for comparison in comparisons:
        table.add_row(comparison.case, *_cells(comparison, baseline, others))
    table.add_section()
    means: list[str] = [""]
    for name in others:
        mean = geometric_mean(comparison.ratio(name, baseline) for comparison in comparisons)
        means += ["", f"{mean:.2f}"]
    table.add_row("geometric mean", *means, style="bold")
    return table


def _others(comparisons: Sequence[Comparison], baseline: str) -> list[str]:
    """The contenders beside the baseline, in the order that they were given."""
    names = list(comparisons[0].timings) if comparisons else [baseline]
    for comparison in comparisons:
        if set(comparison.timings) != set(names):
            found = ", ".join(comparison.timings)
            raise ValueError(f"expected the contenders {', '.join(names)} in case {comparison.case!r}, found {found}")
    if baseline not in names:
        raise ValueError(f"the baseline {baseline!r} is not among the contenders: {', '.join(names)}")
    return [name for name in names if name != baseline]


def _cells(comparison: Comparison, baseline: str, others: Sequence[str]) -> list[str]:
    cells = [f"{comparison.timings[baseline].median * 1000:.1f}"]
    for name in others:
        cells += [f"{comparison.timings[name].median * 1000:.1f}", f"{comparison.ratio(name, baseline):.2f}"]
    return cells
