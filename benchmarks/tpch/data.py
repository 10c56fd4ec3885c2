"""TPC-H tables as Parquet files, made once for each scale and kept in the user's cache folder."""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

import polars as pl


class TpchError(Exception):
    """The TPC-H data could not be made; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Tables:
    """The eight TPC-H tables, each a lazy frame, so that a query reads only the columns that it uses."""

    region: pl.LazyFrame
    nation: pl.LazyFrame
    supplier: pl.LazyFrame
    customer: pl.LazyFrame
    part: pl.LazyFrame
    partsupp: pl.LazyFrame
    orders: pl.LazyFrame
    lineitem: pl.LazyFrame

    @classmethod
    def names(cls) -> list[str]:
        """The tables' names, small tables first."""
        return [field.name for field in fields(cls)]

    @classmethod
    def scan(cls, folder: Path) -> Self:
        """Scans of ``folder/<table>.parquet``; nothing is read yet."""
        return cls(**{name: pl.scan_parquet(folder / f"{name}.parquet") for name in cls.names()})


def default_folder(scale: float = 1) -> Path:
    """Where :func:`make` keeps the tables of one scale, e.g. ``~/.cache/flowfile/tpch/sf1``."""
    return Path.home() / ".cache" / "flowfile" / "tpch" / f"sf{scale:g}"


def make(scale: float = 1, folder: Path | None = None) -> Path:
    """Make the TPC-H tables at ``scale`` (1 is about 350 MB of Parquet) unless they are there, and say where.

    The folder appears only when it is whole: the generator writes beside it and the result is renamed, so that an
    interrupted run leaves nothing that a later run would take for data.

    Raises:
        TpchError: ``tpchgen-cli`` is missing or failed, or ``folder`` holds something else.
    """
    folder = folder or default_folder(scale)
    if is_complete(folder):
        return folder
    if folder.exists():
        raise TpchError(f"{folder} exists but does not hold all TPC-H tables. Remove it, or name another folder.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _generate(scale, scratch)
        _rename(scratch, folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder


def is_complete(folder: Path) -> bool:
    """Whether ``folder`` holds all eight tables."""
    return all((folder / f"{name}.parquet").is_file() for name in Tables.names())


def _generate(scale: float, folder: Path) -> None:
    command = [_generator(), "parquet", "--scale-factor", f"{scale:g}", "--output-dir", str(folder), "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not is_complete(folder):
        raise TpchError(
            f"tpchgen-cli ended with {done.returncode}: {done.stderr.strip() or 'not all tables were made'}"
        )


def _rename(scratch: Path, folder: Path) -> None:
    scratch.chmod(0o755)  # mkdtemp makes it private
    try:
        scratch.rename(folder)
    except OSError:
        if not is_complete(folder):  # otherwise another run was quicker, and its tables are the same
            raise


def _generator() -> str:
    """The ``tpchgen-cli`` beside this Python, else the one on the path."""
    beside = shutil.which("tpchgen-cli", path=str(Path(sys.executable).parent))
    found = beside or shutil.which("tpchgen-cli")
    if found is None:
        raise TpchError("tpchgen-cli was not found. Install it with: pip install tpchgen-cli")
    return found


def command_line(description: str | None, run: Callable[[float, Path | None], None]) -> None:
    """Run ``run(scale, folder)`` with the arguments that the commands of this folder share.

    A :class:`TpchError` ends the program with its message.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--scale", "-s", type=float, default=1, help="scale factor (default: 1)")
    parser.add_argument("--folder", type=Path, help="where the tables are, or are made (default: the user's cache)")
    arguments = parser.parse_args()
    try:
        run(arguments.scale, arguments.folder)
    except TpchError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    command_line(__doc__, lambda scale, folder: print(make(scale, folder)))
