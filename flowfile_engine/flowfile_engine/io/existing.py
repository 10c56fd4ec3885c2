"""What a write appends to: its columns, and a note of its state so that nobody else's rows are lost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from flowfile_engine.errors import ConflictError, DataError
from flowfile_engine.io.holding import check_same_columns
from flowfile_engine.io.state import files_state

if TYPE_CHECKING:
    from flowfile_engine.nodes.base import Frame


def has_rows(target: Path) -> bool:
    """Whether there is something to append to; an empty file is as good as none."""
    return target.exists() and (target.is_dir() or target.stat().st_size > 0)


def in_order_of_text(target: Path, format: str, main: Frame, header: dict[str, Any]) -> Frame:
    """The new rows with their columns in the order of a text file, which keeps no types.

    Args:
        target: a CSV or NDJSON file.
        format: which of the two.
        main: the new rows.
        header: arguments of `scan_csv` for the file.

    Raises:
        DataError: the columns differ.
    """
    if format == "ndjson":
        # All rows are looked at: a key of a late one is a column too.
        known = pl.scan_ndjson(target, infer_schema_length=None).collect_schema()
        return main.select(check_same_columns(known, main.collect_schema(), types=False))
    existing, new = pl.scan_csv(target, glob=False, **header).collect_schema(), main.collect_schema()
    if header.get("has_header", True):
        return main.select(check_same_columns(existing, new, types=False))
    if len(existing) != len(new):
        raise DataError(f"the file has {len(existing)} columns, the rows to append have {len(new)}")
    return main


def after_existing(target: Path, format: str, main: Frame) -> Frame:
    """The rows of a Parquet or Arrow IPC file and then the new ones.

    Raises:
        DataError: the columns or their types differ.
    """
    existing = pl.scan_parquet(target, glob=False) if format == "parquet" else pl.scan_ipc(target, glob=False)
    return pl.concat([existing, main.select(check_same_columns(existing.collect_schema(), main.collect_schema()))])


def check_partitions(target: Path, keys: list[str], schema: pl.Schema) -> None:
    """Refuse rows that do not fit the part files of a folder.

    Raises:
        DataError: other keys, or other columns than the first file has.
    """
    first = next((file for file in sorted(target.rglob("*.parquet")) if file.is_file()), None)
    if first is None:
        return
    folders = first.relative_to(target).parts[:-1]
    there = [folder.partition("=")[0] for folder in folders if "=" in folder]
    if there != keys:
        raise DataError(
            f"{target} is divided by {', '.join(there) or 'nothing'}, not by {', '.join(keys)}",
            hint="use the same columns in the same order, or overwrite the folder",
            field="partition_by",
        )
    inside = pl.read_parquet_schema(first)
    known = pl.Schema({name: dtype for name, dtype in inside.items() if name not in keys})
    check_same_columns(known, pl.Schema({name: dtype for name, dtype in schema.items() if name not in keys}))


def check_unchanged(target: Path, before: str) -> None:
    """Refuse to put a file in the place of one that has changed since it was read.

    Raises:
        ConflictError: somebody else wrote to it in the meantime.
    """
    if before and files_state([target]) != before:
        raise ConflictError(
            f"{target} was changed by someone else while rows were appended to it",
            hint="run again; two steps of a flow cannot append to one file at the same time",
            field="path",
        )


def after_avro(target: Path, frame: pl.DataFrame) -> pl.DataFrame:
    """The rows of an Avro file and then the new ones.

    Raises:
        DataError: the columns or their types differ.
    """
    there = pl.read_avro(target)
    return pl.concat([there, frame.select(check_same_columns(there.schema, frame.schema))])


def count_rows(place: Path, format: str) -> int:
    """The rows of a file, or of a folder of part files, from what the files say of themselves."""
    if place.is_dir() and not any(place.iterdir()):
        return 0
    scan = pl.scan_parquet(place, glob=False) if format == "parquet" else pl.scan_ipc(place, glob=False)
    return scan.select(pl.len()).collect().item()
