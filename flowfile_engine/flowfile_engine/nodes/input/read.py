"""Read data: a table from files."""

from __future__ import annotations

import glob
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field

from flowfile_engine.errors import SettingsError
from flowfile_engine.io.checks import ONE_BY_ONE, check_files, check_types, check_utf8
from flowfile_engine.io.encoding import scan_encoded_csv
from flowfile_engine.io.formats import Format, format_of, known_text, suffix_of
from flowfile_engine.io.paths import files_at, is_pattern, matches
from flowfile_engine.io.reading import CsvReading, ExcelReading, JsonReading, ParquetReading, arguments
from flowfile_engine.nodes.base import Example, Frame, Node, NodeInfo, PolarsNamespace, Spread, Table
from flowfile_engine.nodes.fields import FilePath, Name
from flowfile_engine.recording import Recorder, Script, is_recorded, recorded_polars, recorded_value


class Read(Node):
    """Read a table from a file, from all files that a pattern such as `sales/*.csv` matches, or from a folder.

    CSV, Parquet, Excel, JSON, NDJSON, Arrow IPC and Avro are known by the ending of the file's name; where that does
    not tell, choose the format. CSV and NDJSON may be compressed (`.gz`, `.zst`). Several files are put one under the
    other and must have the same columns, unless the options say otherwise.

    Types of CSV columns are guessed from the first rows. A later value that does not fit is an error, never a null: set
    the column's type, or let more rows be looked at.
    """

    type: Literal["read"] = "read"
    info = NodeInfo(
        title="Read data",
        group="input",
        icon="read",
        inputs=(),
        tags=("open", "load", "file", "csv", "tsv", "parquet", "excel", "xlsx", "json", "arrow", "avro"),
    )

    path: FilePath = Field(title="File", description="A file, a pattern (*, **, ?) or a folder")
    format: Format = Field(default="auto", title="Format", description="`auto`: by the ending of the file's name")
    n_rows: int | None = Field(default=None, ge=0, title="Rows to read at most", description="Empty: all")
    include_file_path: Name | None = Field(
        default=None, title="Column with the file's path", description="Whole paths; empty: no such column"
    )
    csv_options: CsvReading = Field(default_factory=CsvReading, title="CSV", json_schema_extra={"x-format": ["csv"]})
    excel_options: ExcelReading = Field(
        default_factory=ExcelReading, title="Excel", json_schema_extra={"x-format": ["excel"]}
    )
    json_options: JsonReading = Field(
        default_factory=JsonReading, title="JSON", json_schema_extra={"x-format": ["json", "ndjson"]}
    )
    parquet_options: ParquetReading = Field(
        default_factory=ParquetReading, title="Parquet", json_schema_extra={"x-format": ["parquet"]}
    )

    def lower(self, pl: PolarsNamespace) -> Frame:
        if is_recorded(pl):
            return self._scan(pl)
        frame = self._checked()._scan(pl)
        options = {"csv": self.csv_options, "ndjson": self.json_options, "json": self.json_options}.get(self._format())
        if options is not None and options.types:
            check_types(frame, options.types, f"{'csv' if options is self.csv_options else 'json'}_options.types")
        return frame

    def _checked(self) -> Self:
        """Refuse what cannot be read; a file whose own name holds `*`, `?` or `[` is taken as it is."""
        format = self._format()
        files = check_files(self.path, format, one_by_one=self._one_by_one(format))
        if format == "csv" and self.csv_options.encoding == "utf8":
            check_utf8(files, self.csv_options.line_end)
        if is_pattern(self.path) and Path(self.path).exists() and not self._one_by_one(format):
            return self.model_copy(update={"path": glob.escape(self.path)})
        return self

    def _scan(self, pl: PolarsNamespace) -> Frame:
        format = self._format()
        common = arguments(("n_rows", self.n_rows, None), ("include_file_paths", self.include_file_path, None))
        match format:
            case "parquet":
                return pl.scan_parquet(self.path, **self.parquet_options.arguments(), **common)
            case "ipc":
                return pl.scan_ipc(self.path, **common)
            case "ndjson":
                return pl.scan_ndjson(self.path, **self.json_options.arguments(), **common)
            case "csv" if self.csv_options.native:
                return pl.scan_csv(self.path, **self.csv_options.arguments(self._suffix()), **common)
            case _:
                frames = [self._one(pl, path, format) for path in self._paths()]
                return self._limited(frames[0] if len(frames) == 1 else pl.concat(frames))

    def _one(self, pl: PolarsNamespace, path: str, format: str) -> Frame:
        """A file of a format whose reader takes one file at a time."""
        match format:
            case "excel":
                frame = pl.read_excel(path, **self.excel_options.arguments()).lazy()
                if casts := self.excel_options.casts():
                    frame = frame.with_columns([pl.col(name).cast(dtype) for name, dtype in casts.items()])
            case "json":
                frame = pl.read_json(path, **self.json_options.arguments()).lazy()
            case "avro":
                frame = pl.read_avro(path).lazy()
            case _:
                frame = scan_encoded_csv(
                    pl, path, self.csv_options.encoding, self.csv_options.arguments(self._suffix())
                )
        if self.include_file_path is not None:
            frame = frame.with_columns(pl.lit(path).alias(self.include_file_path))
        return frame

    def _limited(self, frame: Frame) -> Frame:
        return frame if self.n_rows is None else frame.head(self.n_rows)

    def _format(self) -> str:
        return format_of(self.path, self.format, look=True)

    def _suffix(self) -> str:
        return suffix_of(known_text(self.path))

    def _one_by_one(self, format: str) -> bool:
        return format in ONE_BY_ONE or (format == "csv" and not self.csv_options.native)

    def _paths(self) -> list[str]:
        pattern = is_pattern(known_text(self.path)) and not Path(self.path).exists()
        return matches(self.path) if pattern else [self.path]

    def written_as(self, script: Script, inputs: Mapping[str, Any]) -> list[str] | None:
        """What recording alone cannot say: the files of a pattern read one by one, and paths as a run gives them."""
        if self.include_file_path is None:
            return self._written_as_loop(script)
        path = Recorder(script).source(self.path).flat()
        absolute = recorded_value(known_text(self.path), f"os.path.abspath({path})", "import os")
        node = self.model_copy(update={"path": absolute})
        loop = node._written_as_loop(script)
        return [Recorder(script).write(node._scan(recorded_polars()), "data")] if loop is None else loop

    def _written_as_loop(self, script: Script) -> list[str] | None:
        """A pattern whose files are read one by one becomes a loop over the files that it matches then."""
        format = self._format()
        if not self._one_by_one(format) or not is_pattern(known_text(self.path)):
            return None
        script.imports.add("import glob")
        recorder = Recorder(script)
        path = recorded_value(known_text(self.path), "path")
        one = recorder.source(self._one(recorded_polars(), path, format)).flat()
        files, limit = (
            script.fresh("files"),
            "" if self.n_rows is None else f".head({recorder.source(self.n_rows).flat()})",
        )
        pattern = recorder.source(self.path).flat()
        script.line(f"{files} = sorted(glob.glob({pattern}, recursive=True, include_hidden=True))")
        name = script.fresh("data")
        line = f"{name} = pl.concat([{one} for path in {files}]){limit}"
        script.line(
            line if len(line) <= 96 else f"{name} = pl.concat(\n    [{one}\n     for path in {files}]\n){limit}"
        )
        return [name]

    def spread(self) -> Spread:
        # Columnar files are as quick to read again as a copy of them.
        try:
            return "rows" if self._format() in {"parquet", "ipc"} else "whole"
        except SettingsError:
            return "whole"

    def source_key(self) -> dict[str, Any]:
        return self.model_dump(mode="json")

    def source_files(self) -> list[Path]:
        return files_at(self.path)

    def summary(self) -> str:
        return self.path

    examples = (
        Example(
            title="A CSV file with semicolons and decimal commas",
            settings={"path": "prices.csv", "csv_options": {"separator": ";", "decimal_comma": True}},
            files={"prices.csv": "item;price\nbread;3,20\nmilk;1,95\n"},
            output=Table({"item": ["bread", "milk"], "price": [3.2, 1.95]}),
            ordered=True,
        ),
        Example(
            title="All files of a pattern, one under the other",
            settings={"path": "sales_*.csv"},
            files={"sales_1.csv": "amount\n3\n5\n", "sales_2.csv": "amount\n8\n"},
            output=Table({"amount": [3, 5, 8]}),
            ordered=True,
        ),
        Example(
            title="JSON objects, one a line",
            settings={"path": "people.ndjson"},
            files={"people.ndjson": '{"name": "ann", "age": 31}\n{"name": "bob", "city": "Bern"}\n'},
            output=Table({"name": ["ann", "bob"], "age": [31, None], "city": [None, "Bern"]}),
            ordered=True,
        ),
        Example(
            title="An account number that begins with a zero stays text",
            settings={"path": "accounts.csv", "csv_options": {"types": {"account": "String"}}},
            files={"accounts.csv": "account,balance\n007,12.5\n"},
            output=Table({"account": ["007"], "balance": [12.5]}),
            ordered=True,
        ),
    )
