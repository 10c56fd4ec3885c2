"""Write data: a table into a file or a folder."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, PrivateAttr

from flowfile_engine.errors import SettingsError, TargetError
from flowfile_engine.io import existing, swap, whole
from flowfile_engine.io.formats import TITLES, Format, format_of, known_text, suffix_of
from flowfile_engine.io.holding import check_partition_keys, check_schema
from flowfile_engine.io.paths import files_at
from flowfile_engine.io.scripts import write_script
from flowfile_engine.io.state import files_state
from flowfile_engine.io.writing import (
    APPENDABLE,
    LAZY,
    AvroWriting,
    CsvWriting,
    ExcelWriting,
    IpcWriting,
    NdjsonWriting,
    ParquetWriting,
    text_compression,
)
from flowfile_engine.nodes.base import Example, Frame, Inputs, NodeInfo, PolarsNamespace, Schema, Table
from flowfile_engine.nodes.fields import Columns, FilePath
from flowfile_engine.nodes.sink import IfExists, OutputNode

if TYPE_CHECKING:
    import polars

    from flowfile_engine.recording import Script


class Write(OutputNode):
    """Write the table to a file: CSV, Parquet, Excel, JSON, NDJSON, Arrow IPC or Avro, by the ending of its name.

    The file appears under its name only when all rows are in it, so a run that fails or is stopped leaves what was
    there as it was. Appending needs the same columns as the file has; Excel, JSON and compressed text cannot be
    appended to. With columns to divide by, a folder of Parquet files is written, one subfolder for each of their
    values.

    A type that the format cannot hold is an error that names the column. What formats lose without a word: JSON and
    Excel have no NaN or infinity (they become null), CSV, JSON and Excel keep no types.
    """

    type: Literal["write"] = "write"
    info = NodeInfo(
        title="Write data",
        group="output",
        icon="write",
        inputs=("main",),
        outputs=(),
        tags=("save", "export", "file", "csv", "tsv", "parquet", "excel", "xlsx", "json", "arrow", "avro"),
    )

    path: FilePath = Field(title="File", description="A folder, if it is divided by columns")
    format: Format = Field(default="auto", title="Format", description="`auto`: by the ending of the file's name")
    if_exists: IfExists = Field(default="overwrite", title="If the file exists")
    create_folders: bool = Field(default=False, title="Make missing folders")
    partition_by: Columns = Field(
        default=[], title="Divide by columns", description="Parquet: a subfolder for each of their values"
    )
    csv_options: CsvWriting = Field(default_factory=CsvWriting, title="CSV", json_schema_extra={"x-format": ["csv"]})
    parquet_options: ParquetWriting = Field(
        default_factory=ParquetWriting, title="Parquet", json_schema_extra={"x-format": ["parquet"]}
    )
    excel_options: ExcelWriting = Field(
        default_factory=ExcelWriting, title="Excel", json_schema_extra={"x-format": ["excel"]}
    )
    ndjson_options: NdjsonWriting = Field(
        default_factory=NdjsonWriting, title="NDJSON", json_schema_extra={"x-format": ["ndjson"]}
    )
    ipc_options: IpcWriting = Field(
        default_factory=IpcWriting, title="Arrow IPC", json_schema_extra={"x-format": ["ipc"]}
    )
    avro_options: AvroWriting = Field(
        default_factory=AvroWriting, title="Avro", json_schema_extra={"x-format": ["avro"]}
    )

    _before: str = PrivateAttr(default="")
    _bytes: int = PrivateAttr(default=0)

    def lower(self, pl: PolarsNamespace, main: Frame) -> Frame:
        if self.file_format not in LAZY:
            return main
        place = pl.PartitionBy(self.path, key=self.partition_by) if self.partition_by else self.path
        return self.sink(main, place, {"mkdir": True} if self.create_folders or self.partition_by else {})

    def sink(self, main: Frame, place: Any, further: dict[str, Any]) -> Frame:
        """A lazy sink of the node's format, with its options and further arguments."""
        name = known_text(self.path)
        match self.file_format:
            case "csv":
                options = self.csv_options.arguments(suffix_of(name), name)
                return main.sink_csv(place, **{**options, **further}, lazy=True)
            case "ndjson":
                return main.sink_ndjson(place, **self.ndjson_options.arguments(name), **further, lazy=True)
            case "ipc":
                return main.sink_ipc(place, **self.ipc_options.arguments(), **further, lazy=True)
            case _:
                return main.sink_parquet(place, **self.parquet_options.arguments(), **further, lazy=True)

    @property
    def file_format(self) -> str:
        """The format that is written."""
        if self.partition_by and self.format == "auto" and not suffix_of(known_text(self.path)):
            return "parquet"
        return format_of(self.path, self.format)

    def schema(self, inputs: Inputs) -> dict[str, Schema] | None:
        self.check_settings()
        self._check_rows(inputs["main"])
        return {}

    def check_settings(self) -> None:
        """Refuse settings that contradict each other.

        Raises:
            SettingsError: placed on the field.
        """
        format = self.file_format
        if self.partition_by and format != "parquet":
            raise SettingsError("only Parquet is divided by columns", hint="choose Parquet", field="partition_by")
        if self.if_exists != "append":
            return
        if format not in APPENDABLE:
            raise SettingsError(f"{TITLES[format]} files cannot be appended to", hint="overwrite it", field="if_exists")
        options = {"csv": self.csv_options, "ndjson": self.ndjson_options}.get(format)
        if options is not None and text_compression(options.compression, known_text(self.path)) != "uncompressed":
            raise SettingsError("compressed files cannot be appended to", hint="overwrite it", field="if_exists")

    def _check_rows(self, schema: Schema) -> None:
        check_schema(schema, self.file_format)
        if self.partition_by:
            check_partition_keys(schema, self.partition_by)

    @property
    def target(self) -> Path:
        """Where the data goes: behind links, so that a link stays one."""
        return Path(os.path.realpath(Path(self.path).expanduser()))

    @property
    def _appends(self) -> bool:
        return self.if_exists == "append" and existing.has_rows(self.target)

    def check_target(self) -> None:
        self.check_settings()
        target = self.target
        if target.exists():
            self._check_existing(target)
        folder = target.parent
        if self.create_folders:
            folder.mkdir(parents=True, exist_ok=True)
        if not folder.is_dir():
            hint = "make it first, or let missing folders be made"
            raise TargetError(f"there is no folder {folder}", hint=hint, field="path")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise TargetError(f"the folder {folder} may not be written", hint="permission is missing", field="path")

    def _check_existing(self, target: Path) -> None:
        if self.if_exists == "fail":
            raise TargetError(f"{target} exists already", hint="choose another name, or overwrite it", field="path")
        if target.is_dir() != bool(self.partition_by):
            kind = "a folder" if target.is_dir() else "a file"
            raise TargetError(f"{target} is {kind}", hint="choose another name", field="path")
        if not target.is_dir() and not target.is_file():
            raise TargetError(f"{target} is no regular file", hint="choose another name", field="path")
        if not os.access(target, os.W_OK):
            raise TargetError(f"{target} may not be written", hint="permission is missing", field="path")
        stranger = next((file for file in files_at(str(target)) if file.suffix not in {".parquet", ".pq"}), None)
        if target.is_dir() and stranger is not None:
            raise TargetError(
                f"the folder {target} holds other files than Parquet: {stranger.name}",
                hint="choose a folder of its own: all that is in it is replaced",
                field="path",
            )

    def temporary_path(self, run_id: str) -> Path:
        target = self.target
        return target.with_name(f".{target.name[:120]}.{run_id[:40]}-{secrets.token_hex(4)}.partial")

    def sink_plan(self, pl: PolarsNamespace, main: Frame, temporary_path: Path) -> Frame | None:
        schema, format, target = main.collect_schema(), self.file_format, self.target
        self._check_rows(schema)
        temporary_path.mkdir()
        self._before = files_state([target]) if self._appends and not self.partition_by else ""
        if format not in LAZY:
            return None
        file = temporary_path / target.name
        if self.partition_by:
            if self._appends:
                existing.check_partitions(target, self.partition_by, schema)
            file.mkdir()
            return self.sink(main, pl.PartitionBy(file, key=self.partition_by), {"mkdir": True})
        if not self._appends:
            return self.sink(main, file, {})
        if format in {"csv", "ndjson"}:
            header = self.csv_options.header_arguments(suffix_of(target.name))
            rows = existing.in_order_of_text(target, format, main, header)
            further = {"include_header": False, "include_bom": False} if format == "csv" else {}
            return self.sink(rows, file, further)
        return self.sink(existing.after_existing(target, format, main), file, {})

    def write_whole(self, frame: polars.DataFrame, temporary_path: Path) -> None:
        file = temporary_path / self.target.name
        match self.file_format:
            case "excel":
                whole.write_excel(frame, file, self.excel_options.arguments())
            case "json":
                whole.write_json(frame, file)
            case _:
                if self._appends:
                    frame = existing.after_avro(self.target, frame)
                whole.write_avro(frame, file, self.avro_options.arguments())

    def commit(self, temporary_path: Path) -> None:
        target = self.target
        file = temporary_path / target.name
        self._bytes = swap.size(file)
        if self.if_exists == "fail" and target.exists():
            raise TargetError(f"{target} was made by someone else during the run", field="path")
        if self.partition_by and self._appends:
            swap.move_files_into(file, target)
        elif self.partition_by:
            swap.replace_folder(file, target)
        else:
            existing.check_unchanged(target, self._before)
            if self._before and self.file_format in {"csv", "ndjson"}:
                joined = temporary_path / "joined"
                swap.join_files(target, file, joined)
                file = joined
            swap.replace_file(file, target)
        self.discard(temporary_path)

    def discard(self, temporary_path: Path) -> None:
        shutil.rmtree(temporary_path, ignore_errors=True)

    def written_rows(self, temporary_path: Path) -> int | None:
        if self.file_format not in {"parquet", "ipc"} or self._before:
            return None
        return existing.count_rows(temporary_path / self.target.name, self.file_format)

    def written_bytes(self) -> int:
        return self._bytes

    def written_files(self) -> list[Path]:
        return files_at(str(self.target))

    def written_as(self, script: Script, inputs: Mapping[str, Any]) -> list[str]:
        """The lazy sink where that is all; checks, joins and renames around it where the settings ask for them."""
        self.check_settings()
        return write_script(self, script, inputs["main"])

    def summary(self) -> str:
        return self.path

    examples = (
        Example(
            title="A CSV file with semicolons",
            settings={"path": "people.csv", "csv_options": {"separator": ";"}},
            inputs={"main": Table({"name": ["ann", "bob"], "age": [31, 45]})},
        ),
        Example(
            title="Rows behind those that a file has",
            settings={"path": "log.ndjson", "if_exists": "append"},
            inputs={"main": Table({"event": ["stop"]})},
            files={"log.ndjson": '{"event": "start"}\n'},
        ),
        Example(
            title="A folder of Parquet files, one subfolder a country",
            settings={"path": "sales", "partition_by": ["country"]},
            inputs={"main": Table({"country": ["CH", "CH", "NL"], "amount": [3, 5, 8]})},
        ),
    )
