"""Python code that a person wrote, run as a step of a flow, and written into an export as a function."""

from __future__ import annotations

import ast
import io
import linecache
import tokenize
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import polars as pl

from flowfile_engine.errors import DataError, FlowfileError, RecordingError, SettingsError

FILENAME = "<polars code>"
"""What tracebacks call the person's code."""

RESULT_NAMES = ("result", "output")
"""Variables that hold the result if the last line is no expression (or no frame)."""

_LAST = "__last__"
_COMPUTES = frozenset({"collect", "collect_all", "collect_async", "collect_all_async", "collect_batches", "fetch",
                       "profile", "describe", "read_csv", "read_parquet", "read_excel", "read_json", "read_ndjson",
                       "read_ipc", "read_database", "read_database_uri", "read_delta"})  # fmt: skip


@lru_cache(maxsize=256)
def parsed(code: str) -> ast.Module:
    """The code's tree, which callers must not change.

    Raises:
        SettingsError: it is no Python, or gives no result; names the line.
    """
    try:
        tree = ast.parse(code, FILENAME)
        compile(code, FILENAME, "exec")
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        place = f"line {line}: " if line else ""
        reason = getattr(error, "msg", None) or str(error)
        hint = "end with the expression itself, without `return`" if "'return' outside" in reason else ""
        raise SettingsError(f"{place}{reason}", hint=hint, field="code") from error
    if not tree.body or not (isinstance(tree.body[-1], ast.Expr) or result_name(tree)):
        raise SettingsError(
            "the code gives no result", hint="end with an expression, or assign to `result`", field="code"
        )
    return tree


def result_name(tree: ast.Module) -> str | None:
    """The variable that holds the result, if the code assigns one."""
    stored = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return next((name for name in RESULT_NAMES if name in stored), None)


def computes(code: str) -> bool:
    """Whether the code looks at data while it runs, so that empty frames would tell nothing."""
    names = (node for node in ast.walk(parsed(code)) if isinstance(node, ast.Attribute))
    return any(node.attr in _COMPUTES or node.attr.startswith("sink_") for node in names)


def run(code: str, names: Mapping[str, Any]) -> pl.LazyFrame:
    """Execute the code with some names defined; its result.

    Raises:
        SettingsError: it is no Python, or gives no frame.
        DataError: it raised; names the line.
    """
    parsed(code)
    tree = ast.parse(code, FILENAME)
    last = tree.body[-1]
    if isinstance(last, ast.Expr):
        target = ast.Name(_LAST, ast.Store())
        tree.body[-1] = ast.fix_missing_locations(ast.copy_location(ast.Assign([target], last.value), last))
    # With the source at hand, tracebacks show the person's lines.
    linecache.cache[FILENAME] = (len(code), None, code.splitlines(keepends=True), FILENAME)
    namespace: dict[str, Any] = {"__name__": "polars_code", **names}
    try:
        exec(compile(tree, FILENAME, "exec"), namespace)
        return _frame_of(tree, namespace)
    except SettingsError:
        raise
    except (Exception, SystemExit, pl.exceptions.PanicException) as error:
        raise _failed(error) from error


def _frame_of(tree: ast.Module, namespace: Mapping[str, Any]) -> pl.LazyFrame:
    found = [namespace[key] for key in (_LAST, result_name(tree) or _LAST) if key in namespace]
    frame = next((value for value in found if isinstance(value, pl.LazyFrame | pl.DataFrame)), None)
    if frame is None:
        shown = f"a {type(found[0]).__name__}" if found else "nothing"
        raise SettingsError(
            f"the code gives {shown}, a LazyFrame is expected",
            hint="end with an expression that gives a frame, or assign one to `result`",
            field="code",
        )
    if isinstance(frame, pl.LazyFrame):
        frame.collect_schema()  # what the code asks of columns that are not there shows here, and not somewhere below
    return frame.lazy()


@contextmanager
def errors_explained() -> Generator[None]:
    """Explain what a person's functions raise while Polars calls them, which may be anything.

    Raises:
        DataError: one of them raised; names the line.
    """
    try:
        yield
    except (Exception, SystemExit) as error:
        if isinstance(error, FlowfileError | pl.exceptions.PolarsError) or _line(error) is None:
            raise
        raise _failed(error) from error


def _line(error: BaseException) -> int | None:
    """The line of a person's code that an exception went through last."""
    line, place = None, error.__traceback__
    while place is not None:
        if place.tb_frame.f_code.co_filename == FILENAME:
            line = place.tb_lineno
        place = place.tb_next
    return line


def _failed(error: BaseException) -> DataError:
    line = _line(error)
    reason = str(error).split("\n", 1)[0].strip()
    kind = type(error).__name__
    return DataError(f"{f'line {line}: ' if line else ''}{kind}: {reason}" if reason else kind, field="code")


def as_function(code: str, name: str, first: str | None) -> str:
    """The code as the source of a function of `inputs`, a dict of frames by name.

    Args:
        code: what the person wrote.
        name: the function's name.
        first: the key of the first input, which the code calls `main` and `df`; None if there is none.

    Raises:
        RecordingError: it means something else inside a function, as `from x import *` does.
    """
    tree = parsed(code)
    last, result = tree.body[-1], result_name(tree)
    lines = code.splitlines()
    if isinstance(last, ast.Expr):
        row = last.lineno - 1
        column = len(lines[row].encode()[: last.col_offset].decode())
        lines[row] = lines[row][:column] + ("last = " if result else "return ") + lines[row][column:]
    body = _indented("\n".join(lines))
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names = [alias for alias in ("main", "df") if alias in used]
    if names and first is not None:
        body.insert(0, f"    {' = '.join(names)} = inputs[{first!r}]")
    if result and isinstance(last, ast.Expr):
        body.append(f"    return last if isinstance(last, (pl.LazyFrame, pl.DataFrame)) else {result}")
    elif result:
        body.append(f"    return {result}")
    source = "\n".join([f"def {name}(inputs):", *body])
    try:
        compile(source, FILENAME, "exec")
    except SyntaxError as error:
        raise RecordingError(f"the code cannot stand inside a function: {error.msg}", field="code") from error
    return source


def _indented(code: str) -> list[str]:
    """The lines, set in by four, except those that lie inside a text: there the spaces would become part of it."""
    inside: set[int] = set()
    starts: list[int] = []
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.STRING:
            inside.update(range(token.start[0] + 1, token.end[0] + 1))
        elif token.type == getattr(tokenize, "FSTRING_START", -1):  # from Python 3.12 on
            starts.append(token.start[0])
        elif token.type == getattr(tokenize, "FSTRING_END", -1):
            inside.update(range(starts.pop() + 1, token.end[0] + 1))
    lines = enumerate(code.splitlines(), 1)
    return [line if number in inside or not line.strip() else f"    {line}" for number, line in lines]
