"""Settings for reading each format, and the arguments that Polars' readers take for them.

Only what differs from Polars' own default is passed on, so that exported code stays short.
"""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from flowfile_engine.dtypes import parse_dtype
from flowfile_engine.io.formats import changed
from flowfile_engine.nodes.fields import DType, Settings

if TYPE_CHECKING:
    import polars

Types = Annotated[dict[str, DType], Field(json_schema_extra={"x-widget": "types"})]


def _encoding(name: str) -> str:
    if name.lower().replace("_", "-") in {"utf8-lossy", "utf-8-lossy"}:
        return "utf8-lossy"
    try:
        found = codecs.lookup(name)
        "".encode(found.name)
    except LookupError as error:
        raise ValueError(f"{name!r} is no text encoding; utf8, cp1252, latin-1 and utf-16 are common") from error
    return "utf8" if found.name in {"utf-8", "utf-8-sig", "ascii"} else name.lower()


def _one_byte(text: str) -> str:
    text = {"\\t": "\t", "tab": "\t"}.get(text, text)
    if len(text.encode()) != 1:
        raise ValueError("one plain character is expected")
    return text


Encoding = Annotated[str, AfterValidator(_encoding)]
Character = Annotated[str, AfterValidator(_one_byte)]


def arguments(*options: tuple[str, Any, Any]) -> dict[str, Any]:
    """Keyword arguments from (name, value, default), without those that are at their default."""
    return {name: value for name, value, default in options if changed(value, default)}


def dtypes(types: dict[str, str]) -> dict[str, polars.DataType]:
    """Types by column, as Polars takes them."""
    return {name: parse_dtype(text) for name, text in types.items()}


class CsvReading(Settings):
    """How a CSV file is read."""

    separator: Character | None = Field(
        default=None, title="Separator", description="Empty: a comma, or a tab if the file's name ends in .tsv or .tab"
    )
    quote: Character | None = Field(default='"', title="Quote", description="Empty: quotes are plain characters")
    has_header: bool = Field(default=True, title="The first row holds the column names")
    skip_rows: int = Field(default=0, ge=0, title="Lines to skip before the header")
    skip_rows_after_header: int = Field(default=0, ge=0, title="Rows to skip after the header")
    comment_prefix: str | None = Field(default=None, min_length=1, title="Lines that begin so are comments")
    encoding: Encoding = Field(
        default="utf8",
        title="Encoding",
        description="utf8, utf8-lossy (what is no UTF-8 becomes \ufffd), cp1252, latin-1, utf-16, ...",
    )
    null_values: list[str] = Field(default=[], title="Texts that mean null")
    try_parse_dates: bool = Field(default=False, title="Recognize dates and times")
    decimal_comma: bool = Field(default=False, title="Numbers have a decimal comma")
    ragged_rows: Literal["error", "truncate"] = Field(
        default="error",
        title="Rows with too many fields",
        description="`truncate` drops the fields beyond the header; missing ones are null in any case",
    )
    missing_columns: Literal["raise", "insert"] = Field(
        default="raise", title="Columns that some files lack", description="`insert` fills them with nulls"
    )
    extra_columns: Literal["raise", "ignore"] = Field(default="raise", title="Columns that the first file lacks")
    infer_rows: int | None = Field(
        default=100, ge=0, title="Rows to guess types from", description="Empty: all rows; 0: every column is text"
    )
    line_end: Literal["\n", "\r"] = Field(
        default="\n", title="Line end", description="Windows' line ends are known too"
    )
    types: Types = Field(default={}, title="Types of columns", description="Instead of guessing")

    @model_validator(mode="after")
    def _distinct(self) -> CsvReading:
        separator = self.separator or ","
        if self.quote is not None and separator == self.quote:
            raise ValueError("the separator and the quote must differ")
        return self

    @property
    def native(self) -> bool:
        """Whether Polars reads the encoding by itself."""
        return self.encoding in {"utf8", "utf8-lossy"}

    def arguments(self, suffix: str) -> dict[str, Any]:
        """Arguments of `scan_csv` and `read_csv`, for a file name's ending."""
        separator = self.separator
        if separator is None:
            separator = "\t" if suffix in {".tsv", ".tab"} else ","
        return arguments(
            ("separator", separator, ","),
            ("quote_char", self.quote, '"'),
            ("has_header", self.has_header, True),
            ("skip_rows", self.skip_rows, 0),
            ("skip_rows_after_header", self.skip_rows_after_header, 0),
            ("comment_prefix", self.comment_prefix, None),
            ("encoding", self.encoding if self.encoding == "utf8-lossy" else "utf8", "utf8"),
            ("null_values", self.null_values, []),
            ("try_parse_dates", self.try_parse_dates, False),
            ("decimal_comma", self.decimal_comma, False),
            ("truncate_ragged_lines", self.ragged_rows == "truncate", False),
            ("missing_columns", self.missing_columns, "raise"),
            ("extra_columns", self.extra_columns, "raise"),
            ("infer_schema_length", self.infer_rows, 100),
            ("eol_char", self.line_end, "\n"),
            ("schema_overrides", dtypes(self.types), {}),
        )


class ExcelReading(Settings):
    """How an Excel workbook (or an OpenDocument spreadsheet) is read."""

    sheet: str | int = Field(default=1, title="Sheet", description="Its name, or its number from 1")
    has_header: bool = Field(default=True, title="The first row holds the column names")
    header_row: int = Field(default=0, ge=0, title="Rows above the header")
    columns: str | None = Field(
        default=None, min_length=1, title="Columns", description="Letters, as in A:D or A,C; empty: all"
    )
    keep_empty_rows: bool = Field(default=False, title="Keep rows without any value")
    types: Types = Field(default={}, title="Types of columns", description="Instead of guessing from all rows")

    def arguments(self) -> dict[str, Any]:
        """Arguments of `read_excel`.

        Types are guessed from all rows always: cells that do not fit a type guessed from the first ones would silently
        become null.
        """
        by_name = isinstance(self.sheet, str)
        options = arguments(("header_row", self.header_row, 0), ("use_columns", self.columns, None))
        texts = {name: dtype for name, dtype in dtypes(self.types).items() if self.types[name] == "String"}
        return {
            **arguments(
                ("sheet_name", self.sheet if by_name else None, None),
                ("sheet_id", 1 if by_name else self.sheet, 1),
                ("has_header", self.has_header, True),
                ("drop_empty_rows", not self.keep_empty_rows, True),
                ("read_options", options, {}),
                ("schema_overrides", texts, {}),
            ),
            "infer_schema_length": None,
        }

    def casts(self) -> dict[str, polars.DataType]:
        """Types to cast to after reading: the reader itself would turn what does not fit into nulls."""
        return {name: dtype for name, dtype in dtypes(self.types).items() if self.types[name] != "String"}


class JsonReading(Settings):
    """How JSON (one array of objects) and NDJSON (one object a line) are read."""

    infer_rows: int | None = Field(
        default=None,
        ge=1,
        title="Rows to guess columns and types from",
        description="Empty: all rows. NDJSON drops columns that none of the rows looked at has",
    )
    types: Types = Field(default={}, title="Types of columns", description="Instead of guessing")

    def arguments(self) -> dict[str, Any]:
        """Arguments of `scan_ndjson` and `read_json`."""
        return arguments(("infer_schema_length", self.infer_rows, 100), ("schema_overrides", dtypes(self.types), {}))


class ParquetReading(Settings):
    """How Parquet files are read."""

    hive_partitioning: bool | None = Field(
        default=None, title="Folders such as `year=2024` are columns", description="Empty: if a folder is read"
    )
    missing_columns: Literal["raise", "insert"] = Field(
        default="raise", title="Columns that some files lack", description="`insert` fills them with nulls"
    )
    extra_columns: Literal["raise", "ignore"] = Field(default="raise", title="Columns that the first file lacks")

    def arguments(self) -> dict[str, Any]:
        """Arguments of `scan_parquet`."""
        return arguments(
            ("hive_partitioning", self.hive_partitioning, None),
            ("missing_columns", self.missing_columns, "raise"),
            ("extra_columns", self.extra_columns, "raise"),
        )
