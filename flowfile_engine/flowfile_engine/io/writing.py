"""Settings for writing each format, and the arguments that Polars' writers take for them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from flowfile_engine.io.formats import compression_of
from flowfile_engine.io.reading import Character, arguments
from flowfile_engine.nodes.fields import Settings

LAZY = frozenset({"csv", "parquet", "ipc", "ndjson"})
"""Formats that are written piece by piece; the others need the whole table."""

APPENDABLE = frozenset({"csv", "parquet", "ipc", "ndjson", "avro"})

TextCompression = Literal["auto", "uncompressed", "gzip", "zstd"]


def text_compression(setting: str, name: str) -> str:
    """The compression of a text file: the one said, else by its name."""
    return (compression_of(name) or "uncompressed") if setting == "auto" else setting


def _compression_arguments(setting: str, name: str) -> dict[str, Any]:
    compression = text_compression(setting, name)
    fits = compression == (compression_of(name) or "uncompressed")
    return arguments(("compression", compression, "uncompressed"), ("check_extension", fits, True))


class CsvWriting(Settings):
    """How a CSV file is written. Always UTF-8."""

    separator: Character | None = Field(
        default=None, title="Separator", description="Empty: a comma, or a tab if the file's name ends in .tsv or .tab"
    )
    quote: Character = Field(default='"', title="Quote")
    quote_style: Literal["necessary", "always", "non_numeric", "never"] = Field(default="necessary", title="Quoting")
    include_header: bool = Field(default=True, title="Write the column names")
    include_bom: bool = Field(default=False, title="Mark the file as UTF-8", description="Excel wants the mark")
    null_value: str | None = Field(default=None, title="Text for null", description="Empty: nothing is written")
    decimal_comma: bool = Field(default=False, title="Numbers with a decimal comma")
    float_precision: int | None = Field(default=None, ge=0, title="Decimal places", description="Empty: all that count")
    datetime_format: str | None = Field(default=None, min_length=1, title="Format of date and time")
    date_format: str | None = Field(default=None, min_length=1, title="Format of dates")
    time_format: str | None = Field(default=None, min_length=1, title="Format of times")
    line_end: Literal["\n", "\r\n"] = Field(default="\n", title="Line end")
    compression: TextCompression = Field(default="auto", title="Compression", description="`auto`: by .gz or .zst")

    def separator_for(self, suffix: str) -> str:
        """The separator, for a file name's ending."""
        return ("\t" if suffix in {".tsv", ".tab"} else ",") if self.separator is None else self.separator

    def arguments(self, suffix: str, name: str) -> dict[str, Any]:
        """Arguments of `sink_csv`."""
        return arguments(
            ("separator", self.separator_for(suffix), ","),
            ("quote_char", self.quote, '"'),
            ("quote_style", self.quote_style, "necessary"),
            ("include_header", self.include_header, True),
            ("include_bom", self.include_bom, False),
            ("null_value", self.null_value, None),
            ("decimal_comma", self.decimal_comma, False),
            ("float_precision", self.float_precision, None),
            ("datetime_format", self.datetime_format, None),
            ("date_format", self.date_format, None),
            ("time_format", self.time_format, None),
            ("line_terminator", self.line_end, "\n"),
        ) | _compression_arguments(self.compression, name)

    def header_arguments(self, suffix: str) -> dict[str, Any]:
        """Arguments of `scan_csv` to see the columns of such a file."""
        return arguments(
            ("separator", self.separator_for(suffix), ","),
            ("quote_char", self.quote, '"'),
            ("has_header", self.include_header, True),
        ) | {"infer_schema": False}


class NdjsonWriting(Settings):
    """How NDJSON is written."""

    compression: TextCompression = Field(default="auto", title="Compression", description="`auto`: by .gz or .zst")

    def arguments(self, name: str) -> dict[str, Any]:
        """Arguments of `sink_ndjson`."""
        return _compression_arguments(self.compression, name)


class ParquetWriting(Settings):
    """How Parquet is written."""

    compression: Literal["zstd", "snappy", "lz4", "gzip", "brotli", "uncompressed"] = Field(
        default="zstd", title="Compression"
    )
    compression_level: int | None = Field(default=None, title="Compression level", description="Empty: the usual one")
    row_group_size: int | None = Field(default=None, ge=1, title="Rows a row group", description="Empty: as suits")

    def arguments(self) -> dict[str, Any]:
        """Arguments of `sink_parquet`."""
        return arguments(
            ("compression", self.compression, "zstd"),
            ("compression_level", self.compression_level, None),
            ("row_group_size", self.row_group_size, None),
        )


class IpcWriting(Settings):
    """How Arrow IPC is written."""

    compression: Literal["uncompressed", "lz4", "zstd"] = Field(default="uncompressed", title="Compression")

    def arguments(self) -> dict[str, Any]:
        """Arguments of `sink_ipc`."""
        return arguments(("compression", self.compression, "uncompressed"))


class AvroWriting(Settings):
    """How Avro is written."""

    compression: Literal["uncompressed", "snappy", "deflate"] = Field(default="uncompressed", title="Compression")

    def arguments(self) -> dict[str, Any]:
        """Arguments of `write_avro`."""
        return arguments(("compression", self.compression, "uncompressed"))


class ExcelWriting(Settings):
    """How an Excel workbook of one sheet is written."""

    sheet: str = Field(default="Sheet1", min_length=1, max_length=31, title="Sheet")
    include_header: bool = Field(default=True, title="Write the column names")
    autofit: bool = Field(default=False, title="Fit the widths of columns")

    @field_validator("sheet")
    @classmethod
    def _sheet_name(cls, name: str) -> str:
        if any(character in name for character in "[]:*?/\\") or name[0] == "'" or name[-1] == "'":
            raise ValueError("a sheet's name has none of []:*?/\\ and no quote at its ends")
        return name

    def arguments(self) -> dict[str, Any]:
        """Arguments of `write_excel`."""
        return arguments(
            ("worksheet", self.sheet, "Sheet1"),
            ("include_header", self.include_header, True),
            ("autofit", self.autofit, False),
        )


WORKBOOK = {"nan_inf_to_errors": True, "strings_to_formulas": False, "strings_to_urls": False}
"""A text is a text: it neither becomes a formula nor a link (which loses part of it)."""
