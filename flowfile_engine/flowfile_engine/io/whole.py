"""Formats that are written as a whole: Excel, JSON and Avro."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import xlsxwriter

from flowfile_engine.io.holding import check_excel
from flowfile_engine.io.writing import WORKBOOK


class _Remembering(io.RawIOBase):
    """A file that keeps the first error of a write: Polars' writers of JSON and Avro drop or disguise it."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self.error: OSError | None = None

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        try:
            return self._file.write(data)
        except OSError as error:
            self.error = self.error or error
            raise

    def close(self) -> None:
        if not self.closed:
            super().close()
            try:
                self._file.close()
            except OSError as error:
                self.error = self.error or error


def _remembering(path: Path, write: Callable[[Any], None]) -> None:
    file = _Remembering(path)
    try:
        write(file)
    except pl.exceptions.ComputeError:
        if file.error is None:
            raise
    finally:
        file.close()
    if file.error is not None:
        raise file.error


def write_json(frame: pl.DataFrame, path: Path) -> None:
    """Write one array of objects."""
    _remembering(path, frame.write_json)


def write_avro(frame: pl.DataFrame, path: Path, options: dict[str, Any]) -> None:
    """Write an Avro file."""
    _remembering(path, lambda file: frame.write_avro(file, **options))


def write_excel(frame: pl.DataFrame, path: Path, options: dict[str, Any]) -> None:
    """Write a workbook of one sheet.

    Raises:
        DataError: a value that Excel would cut or round.
    """
    check_excel(frame)
    with xlsxwriter.Workbook(str(path), WORKBOOK) as workbook:
        frame.write_excel(workbook, **options)
