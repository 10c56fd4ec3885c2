"""Numbers, times and problems as people read them."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite

from flowfile_engine.errors import Problem


def duration(seconds: float) -> str:
    """A time that something took."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 9.995 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def size(number: int) -> str:
    """A number of bytes."""
    if number < 1 << 30:
        return f"{number / (1 << 20):,.0f} MiB"
    return f"{number / (1 << 30):,.1f} GiB"


def number(value: float) -> str:
    """A fraction, with the digits that a person looks at."""
    if not isfinite(value) or value == int(value):
        return str(value)
    return f"{value:.4f}".rstrip("0") if abs(value) >= 1 else f"{value:.4g}"


def count(number: int, noun: str) -> str:
    """A number of things: `1 node`, `2,000 nodes`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def place(problem: Problem) -> str:
    """Where a problem lies, for the start of its line; empty if nobody knows."""
    parts = [f"node {problem.node_id}" if problem.node_id is not None else ""]
    # A parameter is no setting, and its message names it.
    named = problem.node_id is None and problem.code == "bad_parameter"
    parts.append(f"setting {problem.field}" if problem.field and not named else "")
    return ", ".join(filter(None, parts))


def problem_lines(problem: Problem, indent: str = "") -> list[str]:
    """A problem over two or three lines: where, what, and what to do about it."""
    where = place(problem)
    message = problem.message.splitlines() or [""]
    if where:
        inner = indent + "  "
        lines = [f"{indent}{where}", *(inner + line for line in message)]
    else:
        inner = indent
        lines = [indent + line for line in message]
    return [*lines, f"{inner}→ {problem.hint}"] if problem.hint else lines


def distinct(problems: Iterable[Problem]) -> list[Problem]:
    """The problems, each once; one that befell several nodes names the first."""
    found: dict[tuple[str, str], Problem] = {}
    for problem in problems:
        found.setdefault((problem.code, problem.message), problem)
    return list(found.values())


def first_words(text: str, length: int) -> str:
    """The first line of a text, cut to a length."""
    line = text.partition("\n")[0]
    return line if len(line) <= length else line[: max(length - 1, 0)].rstrip() + "…"
