"""What Polars and the system say when something is wrong, and how to say it to a person.

Polars tells its errors apart by their text more than by their class, so each problem here is a pattern. The tests
provoke every one of them, which is how a change of Polars' wording is found.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from flowfile_engine.errors import DataError, DiskFullError, FlowfileError, OutOfMemoryError, SettingsError, SourceError

_TYPES = {
    "bool": "Boolean", "str": "String", "cat": "Categorical", "enum": "Enum", "date": "Date", "time": "Time",
    "binary": "Binary", "null": "Null", "decimal": "Decimal", "object": "Object",
} | {f"{short}{bits}": f"{long}{bits}" for short, long in (("i", "Int"), ("u", "UInt"), ("f", "Float"))
     for bits in (8, 16, 32, 64, 128)}  # fmt: skip

NO_SPACE = re.compile(
    r"os error (28|122|27)\b|Errno (28|122|27)\b|No space left on device|File too large", re.IGNORECASE
)
"""Full disk, full quota, and a file beyond its largest size."""


def type_name(short: str) -> str:
    """A type as Polars' messages abbreviate it, as it is called everywhere else: `i64` is `Int64`."""
    if short.startswith("datetime"):
        return "Datetime" + short.removeprefix("datetime")
    return _TYPES.get(short, short[:1].upper() + short[1:])


@dataclass(frozen=True, slots=True)
class Wording:
    """A problem by the text of the exception.

    Attributes:
        pattern: found in the text; its named groups fill the sentence and the hint.
        kind: the error that it becomes.
        message: the sentence. `{path}` is the node's path.
        hint: what to do.
        field: the setting it belongs to.
        types: names of groups that hold a type.
    """

    pattern: str
    kind: type[FlowfileError]
    message: str
    hint: str = ""
    field: str | None = None
    types: tuple[str, ...] = ("dtype", "other")

    def match(self, text: str, **known: str) -> FlowfileError | None:
        """The error, if the text is of this problem."""
        found = re.search(self.pattern, text, re.DOTALL)
        if found is None:
            return None
        groups = {name: value or "" for name, value in found.groupdict().items()}
        groups |= {name: type_name(groups[name]) for name in self.types if name in groups}
        groups = {name: value if len(value) <= 200 else f"{value[:200]}..." for name, value in groups.items()}
        values = {**known, **groups}
        return self.kind(self.message.format(**values), hint=self.hint.format(**values), field=self.field)


READING = (
    Wording(
        r"expanded paths were empty",
        SourceError,
        "no file matches {path}",
        "relative paths start at the flow's folder",
        "path",
    ),
    Wording(
        r"invalid utf-?8|did not contain valid UTF-8|InvalidUtf8",
        SourceError,
        "{path} is not UTF-8 text",
        "for CSV set the encoding: cp1252 (Windows), latin-1 or utf-16 are common",
        "csv_options.encoding",
    ),
    Wording(
        r"'(?P<codec>[\w-]+)' codec can't decode|UTF-\d+ stream does not start with BOM|codec: illegal|truncated data",
        SourceError,
        "{path} is not text in the encoding {codec}",
        "another encoding fits: utf8, cp1252 and utf-16 are common",
        "csv_options.encoding",
    ),
    Wording(
        r"unknown encoding: (?P<codec>\S+)",
        SettingsError,
        "{codec} is no text encoding",
        "utf8, cp1252 and utf-16 are common",
        "csv_options.encoding",
    ),
    Wording(
        r"found more fields than defined",
        SourceError,
        "a row of {path} has more fields than the header",
        "check the separator and the quote, or set ragged rows to `truncate`",
        "csv_options.ragged_rows",
    ),
    Wording(
        r"Field `(?P<value>.*?)(\\n.*)?` is not properly escaped",
        SourceError,
        "a quoted field of {path} is not closed: {value}",
        "check the quote; empty means that quotes are plain characters",
        "csv_options.quote",
    ),
    Wording(
        r"could not parse `(?P<value>.*?)` as dtype `(?P<dtype>[^`]*)` at column '(?P<column>.*?)' \(column",
        SourceError,
        "{value!r} in the column {column!r} of {path} is not of type {dtype}",
        "set the column's type (String takes all), guess from more rows, or list the value as a null value",
        "csv_options.types",
    ),
    Wording(r"empty CSV", SourceError, "{path} has no rows and no header", "", "path"),
    Wording(
        r"empty Excel sheet", SourceError, "the sheet of {path} is empty", "choose another sheet", "excel_options.sheet"
    ),
    Wording(
        r"no matching sheet found when `sheet_(name|id)` is '?(?P<sheet>.*?)'?$",
        SourceError,
        "{path} has no sheet {sheet!r}",
        "",
        "excel_options.sheet",
    ),
    Wording(r"no workbook found at path '(?P<file>.*)'", SourceError, "there is no file {file}", "", "path"),
    Wording(
        r"calamine error|Could not open workbook|could not load excel",
        SourceError,
        "{path} is not an Excel workbook, or it is damaged",
        "if it is text, choose the format csv",
        "format",
    ),
    Wording(
        r"must end with PAR1|must contain a header and footer",
        SourceError,
        "{path} is not a Parquet file, or its end is missing",
        "a file that was cut off while it was copied looks like this: copy it again, or choose its format",
        "format",
    ),
    Wording(
        r"parquet: File out of specification: (?P<what>.*)",
        SourceError,
        "{path} is a damaged Parquet file: {what}",
        "copy it again",
        "path",
    ),
    Wording(
        r"out-of-spec: InvalidFooter|out-of-spec: .*(ipc|Ipc|arrow)",
        SourceError,
        "{path} is not an Arrow IPC file, or its end is missing",
        "Arrow streams have no footer and cannot be read here; else copy it again, or choose its format",
        "format",
    ),
    Wording(
        r"Avro file does not start|Avro header|out-of-spec: .*[Aa]vro",
        SourceError,
        "{path} is not an Avro file",
        "choose its format",
        "format",
    ),
    Wording(
        r"cannot parse '(?P<value>.*?)' \((?P<found>[^)]*)\) as (?P<dtype>\S+)",
        SourceError,
        "{value!r} in {path} is not of type {dtype}",
        "look at all rows before types are guessed",
        "json_options.infer_rows",
    ),
    Wording(
        r"extra field in struct data: (?P<column>.*?),",
        SourceError,
        "a row of {path} has a field {column!r} that the first rows have not",
        "look at all rows before types are guessed",
        "json_options.infer_rows",
    ),
    Wording(
        r"can only deserialize json objects",
        SourceError,
        "{path} holds no JSON objects, which the rows are made of",
        "",
        "path",
    ),
    Wording(
        r"(Syntax|Eof|TapeError\)?|Error.*) at character \d+|Cannot infer NDJSON|InternalError\(",
        SourceError,
        "{path} is not {format}, or its end is missing",
        "one JSON object a line is ndjson, one array of objects is json",
        "format",
    ),
    Wording(
        r"schema names differ: got (?P<found>.*), expected (?P<column>.*)",
        SourceError,
        "the files of {path} have different columns: {found!r} stands where another has {column!r}",
        "set what happens with missing and extra columns, or narrow the pattern",
        "csv_options.missing_columns",
    ),
    Wording(
        r"extra column in file outside of expected schema: (?P<column>.*?), hint.*column: '(?P<file>.*?)'",
        SourceError,
        "{file} has a column {column!r} that the first file has not",
        "set extra columns to `ignore`, or narrow the pattern",
        "parquet_options.extra_columns",
    ),
    Wording(
        r"did not find column (?P<column>.*?), consider passing `missing_columns",
        SourceError,
        "a file of {path} lacks the column {column!r} of the first one",
        "set missing columns to `insert`, or narrow the pattern",
        "parquet_options.missing_columns",
    ),
    Wording(
        r"data type mismatch for column (?P<column>.*?): incoming: (?P<found>.*) != target: (?P<dtype>.*)",
        SourceError,
        "the files of {path} disagree on the column {column!r}: {found} in one, {dtype} in the first",
        "read them apart and bring them to one type",
        "path",
    ),
    Wording(
        r"different file extensions: first path: (?P<first>.*?), second path: (?P<second>.*?)\. ",
        SourceError,
        "the folder {path} holds files of several kinds: {first} and {second}",
        "name the ones meant by a pattern, such as folder/*.csv",
        "path",
    ),
    Wording(
        r'column name for file paths "(?P<column>.*?)" conflicts',
        SettingsError,
        "the files have a column {column!r} already",
        "call the column with the file's path otherwise",
        "include_file_path",
    ),
    Wording(
        r"Invalid argument \(os error 22\)",
        SourceError,
        "{path} is not {format}",
        "an empty file or one of another format: choose its format",
        "format",
    ),
)
"""Of nodes that read files."""

COMPUTING = (
    Wording(
        r"join keys did not fulfill (?P<rule>\S+) validation",
        DataError,
        "the join is not {rule}: a key stands in more than one row of a side that promised one",
        "remove the doubles first, or allow many rows for a key",
    ),
    Wording(
        r"datatypes of join keys don't match - `(?P<left>.*?)`: (?P<dtype>\S+) on left "
        r"does not match `(?P<right>.*?)`: (?P<other>\S+) on right",
        DataError,
        "the keys have different types: {left!r} is {dtype}, {right!r} is {other}",
        "bring both to one type first",
    ),
    Wording(
        r"conversion from `(?P<other>[^`]*)` to `(?P<dtype>[^`]*)` failed in column '(?P<column>.*?)' "
        r"for \d+ out of \d+ values: \[(?P<values>.*?)\]",
        DataError,
        "values of the column {column!r} cannot be made {dtype}, for example {values}",
        "mend or filter them first, or let values that do not fit become null",
    ),
    Wording(
        r"could not find an appropriate format to parse (?P<what>\w+)",
        DataError,
        "the text does not look like {what}",
        "say how they are written",
    ),
    Wording(
        r"inputs should all have the same schema",
        DataError,
        "the inputs have different columns or types",
        "bring them to the same columns, or union them by name",
    ),
    Wording(
        r"invalid dtype: expected '(?P<dtype>.*?)', got '(?P<other>.*?)' for '(?P<column>.*?)'",
        DataError,
        "the column {column!r} is {other}, but {dtype} is needed",
    ),
    Wording(
        r"`(?P<operation>\w+)` operation not supported for dtypes? `(?P<dtype>[^`]*)`",
        DataError,
        "`{operation}` cannot be done with {dtype}",
        "convert the column first",
    ),
    Wording(
        r"arithmetic on dtypes (?P<dtype>.*?) and (?P<other>.*?) is not allowed(?P<where>( \(.*?\))?)",
        DataError,
        "cannot calculate with {dtype} and {other}{where}",
        "convert one of them first",
    ),
    Wording(
        r"filter predicate must be of type `Boolean`, got `(?P<dtype>.*?)`",
        DataError,
        "a filter's condition must be true or false, this one gives {dtype}",
    ),
    Wording(
        r"aggregation 'item' expected a single value, got (?P<count>\d+)",
        DataError,
        "one value is expected, there are {count}",
    ),
    Wording(r"regex (parse )?error:?\s*(?P<what>.*)", SettingsError, "the pattern is no regular expression: {what}"),
    Wording(
        r"out of bounds", DataError, "a position lies outside the rows", "there are fewer rows or items than asked for"
    ),
    Wording(r"sql parser error: (?P<what>.*)", SettingsError, "the SQL cannot be read: {what}"),
    Wording(r"unable to parse '(?P<what>.*)' as Expr", SettingsError, "the expression cannot be read: {what}"),
    Wording(
        r"relation '(?P<name>.*?)' was not found",
        SettingsError,
        "the SQL names a table {name!r} that is no input",
        "the tables are called as the connections are",
    ),
    Wording(r"unsupported function '(?P<name>.*?)'", SettingsError, "there is no SQL function {name!r}"),
    Wording(
        r"[Mm]emory allocation|Cannot allocate memory|os error 12\b", OutOfMemoryError, "there is not enough memory"
    ),
    Wording(
        r"cannot write '?(?P<dtype>\w+)'? datatype to (?P<what>\w*)",
        DataError,
        "columns of type {dtype} cannot be written to this format",
        "convert or drop them first",
    ),
    Wording(
        r"datatype (?P<dtype>.*?) cannot be written to CSV",
        DataError,
        "columns of type {dtype} cannot be written to CSV",
        "convert or drop them first",
    ),
    Wording(
        r"CSV format does not support nested data",
        DataError,
        "nested columns cannot be written to CSV",
        "unnest them, write them as JSON text, or choose Parquet",
    ),
    Wording(
        r"not yet implemented: [Ww]rit\w+ (?P<what>.*)",
        DataError,
        "the format cannot hold {what}",
        "convert the column first, or choose Parquet",
    ),
)
"""Of all nodes."""


def no_space() -> DiskFullError:
    """The error for a disk without room."""
    return DiskFullError("there is no room left on the disk", hint="free some, or write elsewhere")
