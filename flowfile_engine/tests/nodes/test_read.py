"""Read data: each format, several files, and what goes wrong."""

import gzip
import os
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from flowfile_engine.errors import FlowfileError, SettingsError, SourceError
from flowfile_engine.io.errors import explain
from flowfile_engine.nodes.input.read import Read
from flowfile_engine.recording import Script, record, recorded_value

FRAME = pl.DataFrame({"name": ["José", None, "x,y"], "v": [1, 2, None], "f": [0.5, None, 2.0]})


@pytest.fixture(autouse=True)
def _inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def read(path, **settings):
    node = Read(path=str(path), **settings)
    try:
        return node.lower(pl).collect(engine="streaming")
    except Exception as error:
        raise explain(error, node) from error


def exported(path, **settings):
    script = Script()
    (name,) = record(Read(path=str(path), **settings), script, {}, "data")
    names = {}
    exec("\n".join([*sorted(script.imports), *script.lines]), names)
    return names[name].collect()


def put(name, content):
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return name


WRITERS = {
    "x.csv": lambda frame, path: frame.write_csv(path),
    "x.parquet": lambda frame, path: frame.write_parquet(path),
    "x.arrow": lambda frame, path: frame.write_ipc(path),
    "x.ndjson": lambda frame, path: frame.write_ndjson(path),
    "x.json": lambda frame, path: frame.write_json(path),
    "x.avro": lambda frame, path: frame.write_avro(path),
    "x.xlsx": lambda frame, path: frame.write_excel(path),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_is_known_by_its_ending_and_exported(name):
    WRITERS[name](FRAME, name)
    assert_frame_equal(read(name), FRAME)
    assert_frame_equal(exported(name), FRAME)


@pytest.mark.parametrize("name", WRITERS)
def test_several_files_with_their_paths_and_a_limit(name):
    end = Path(name).suffix
    WRITERS[name](FRAME, f"a{end}")
    WRITERS[name](FRAME, f"b{end}")
    # A run makes paths absolute before a node sees them, an exported script does so itself.
    pattern, files = str(Path(f"?{end}").absolute()), [str(Path(f"{letter}{end}").absolute()) for letter in "ab"]
    settings = {"include_file_path": "file", "n_rows": 4}
    expected = pl.concat([FRAME, FRAME]).with_columns(file=pl.Series([files[0]] * 3 + [files[1]] * 3)).head(4)
    assert_frame_equal(read(pattern, **settings), expected)
    assert_frame_equal(exported(f"?{end}", **settings), expected)


@pytest.mark.parametrize("name", ["x.csv", "x.parquet", "x.arrow", "x.ndjson"])
def test_a_folder_of_one_format(name):
    Path("folder/sub").mkdir(parents=True)
    for place in ("folder/a", "folder/sub/b"):
        WRITERS[name](FRAME, place + Path(name).suffix)
    assert_frame_equal(read("folder"), pl.concat([FRAME, FRAME]))


@pytest.mark.parametrize("format", ["excel", "json", "avro"])
def test_a_folder_of_a_format_that_is_read_file_by_file_needs_a_pattern(format):
    put("folder/a.json", "[]")
    with pytest.raises(SourceError, match="pattern"):
        read("folder", format=format)


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "utf-16", "utf-16-le", "utf-8-sig", "shift_jis"])
def test_encodings_give_the_same_rows_in_run_and_export(encoding):
    text = "naïve,v\nJosé,1\n" if encoding != "shift_jis" else "名,v\n日本,1\n"
    put("x.csv", text.encode(encoding))
    name, value = text.split(",")[0], text.split("\n")[1].split(",")[0]
    expected = pl.DataFrame({name: [value], "v": [1]})
    assert_frame_equal(read("x.csv", csv_options={"encoding": encoding}), expected)
    assert_frame_equal(exported("x.csv", csv_options={"encoding": encoding}), expected)


def test_a_compressed_file_in_another_encoding_is_decoded():
    put("x.csv.gz", gzip.compress("a\né\n".encode("cp1252")))
    assert read("x.csv.gz", csv_options={"encoding": "cp1252"})["a"].to_list() == ["é"]
    with pytest.raises(SourceError, match="decompress"):
        read(put("x.csv.zst", b"?"), csv_options={"encoding": "cp1252"})


def test_a_character_across_two_blocks_is_decoded_whole(monkeypatch):
    monkeypatch.setattr("flowfile_engine.io.encoding.BLOCK", 3)
    put("x.csv", "a\nJosé\n".encode("utf-16"))
    assert read("x.csv", csv_options={"encoding": "utf-16"})["a"].to_list() == ["José"]


WRONG_ENCODING = {
    "value": ("a\nJosé\n".encode("cp1252"), {}, "cp1252"),
    "header": ("é\n1\n".encode("cp1252"), {}, "cp1252"),
    "utf-16": ("a\nx\n".encode("utf-16"), {}, "utf-16"),
    "utf-16 without a mark": ("a\nx\n".encode("utf-16-le"), {}, "utf-16-le"),
    "late": (b"a\n" + b"x\n" * 50_000 + b"\xe9\n", {}, "cp1252"),
    "not cp1252": (b"a\n\x81\n", {"encoding": "cp1252"}, "another encoding"),
    "not utf-16": (b"a\nx", {"encoding": "utf-16"}, "another encoding"),
}


@pytest.mark.parametrize("case", WRONG_ENCODING)
def test_a_wrong_encoding_says_so_with_a_hint(case):
    content, options, hint = WRONG_ENCODING[case]
    put("x.csv", content)
    with pytest.raises(SourceError, match=r"not .*text") as caught:
        read("x.csv", csv_options=options)
    assert hint in caught.value.hint
    assert caught.value.field == "csv_options.encoding"


def test_csv_options():
    put("x.csv", "skipped\n# comment\nitem;'price'\nbread;'3,20'\nmilk;NA;more\n")
    options = {"separator": ";", "quote": "'", "skip_rows": 1, "comment_prefix": "#", "decimal_comma": True}
    got = read("x.csv", csv_options={**options, "null_values": ["NA"], "ragged_rows": "truncate"})
    assert got.to_dict(as_series=False) == {"item": ["bread", "milk"], "price": [3.2, None]}
    put("y.tsv", "a\tb\n1\t2024-01-31\n")
    assert read("y.tsv", csv_options={"try_parse_dates": True}).dtypes == [pl.Int64, pl.Date]
    put("z.txt", "1,2\n")
    assert read("z.txt", csv_options={"has_header": False, "infer_rows": 0}).row(0) == ("1", "2")
    put("cr.csv", "a\r1\r2\r")
    assert read("cr.csv", csv_options={"line_end": "\r"})["a"].to_list() == [1, 2]


def test_types_of_columns_are_kept_or_refused():
    put("x.csv", "id\n007\n")
    assert read("x.csv", csv_options={"types": {"id": "String"}})["id"].to_list() == ["007"]
    with pytest.raises(SettingsError, match="'idd', which is no column"):
        read("x.csv", csv_options={"types": {"idd": "String"}})


def test_whole_numbers_beyond_64_bits_are_right():
    put("x.csv", "a\n99999999999999999999\n1\n")
    assert read("x.csv")["a"].to_list() == [99999999999999999999, 1]
    put("late.csv", "a\n" + "1\n" * 150 + "99999999999999999999\n")
    with pytest.raises(SourceError, match=r"'99999999999999999999' in the column 'a'.*Int64"):
        read("late.csv")
    put("x.ndjson", '{"a":1}\n' * 200 + '{"a":99999999999999999999}\n')
    assert read("x.ndjson")["a"][-1] == 99999999999999999999


def test_late_json_keys_are_not_lost():
    put("x.ndjson", '{"a":1}\n' * 200 + '{"a":2,"b":3}\n')
    assert read("x.ndjson")["b"].to_list()[-1] == 3


def test_late_cells_of_a_sheet_are_not_lost():
    pl.DataFrame({"a": ["1"] * 3}).write_excel("x.xlsx")
    assert read("x.xlsx", excel_options={"types": {"a": "Int8"}})["a"].to_list() == [1, 1, 1]
    pl.DataFrame({"a": ["1", "x"]}).write_excel("y.xlsx")
    with pytest.raises(FlowfileError, match="'a' cannot be made Int8"):
        read("y.xlsx", excel_options={"types": {"a": "Int8"}})


def test_sheets_ranges_and_empty_rows():
    import xlsxwriter

    with xlsxwriter.Workbook("x.xlsx") as book:
        book.add_worksheet("first").write_row(0, 0, ["a"])
        sheet = book.add_worksheet("second")
        for row, cells in enumerate([["title"], ["a", "b", "c"], [1, 2, 3], [], [4, 5, 6]]):
            sheet.write_row(row, 0, cells)
    options = {"sheet": "second", "header_row": 1, "columns": "A,C"}
    assert read("x.xlsx", excel_options=options).rows() == [(1, 3), (4, 6)]
    assert read("x.xlsx", excel_options={**options, "sheet": 2, "keep_empty_rows": True}).height == 3
    with pytest.raises(SourceError, match="no sheet 'third'"):
        read("x.xlsx", excel_options={"sheet": "third"})


def test_differing_files_are_an_error_until_said_otherwise():
    pl.DataFrame({"a": [1], "b": [2]}).write_parquet("1.parquet")
    pl.DataFrame({"a": [3], "c": [4]}).write_parquet("2.parquet")
    with pytest.raises(SourceError, match=r"column 'c'|column 'b'"):
        read("*.parquet")
    options = {"missing_columns": "insert", "extra_columns": "ignore"}
    assert read("*.parquet", parquet_options=options).rows() == [(1, 2), (3, None)]
    put("1.csv", "a,b\n1,2\n")
    put("2.csv", "b,a\n1,2\n")
    with pytest.raises(SourceError, match="different columns"):
        read("*.csv")
    pl.DataFrame({"a": ["x"], "b": [2]}).write_parquet("2.parquet")
    with pytest.raises(SourceError, match="disagree on the column 'a'"):
        read("*.parquet")


def test_partitioned_folders_have_their_keys_as_columns():
    frame = pl.DataFrame({"k": ["x", "y/ z"], "a": [1, 2]})
    frame.lazy().sink_parquet(pl.PartitionBy("folder", key="k"), mkdir=True)
    assert sorted(read("folder").select("a", "k").rows()) == [(1, "x"), (2, "y/ z")]


def broken(name):
    WRITERS[name](FRAME, name)
    return Path(name).read_bytes()[:-20]


WRONG = {
    "missing": (lambda: "none.csv", {}, "there is no file none.csv"),
    "no match": (lambda: "none*.csv", {}, r"no file matches none\*.csv"),
    "empty folder": (lambda: Path("folder").mkdir() or "folder", {"format": "csv"}, "holds no files"),
    "mixed folder": (lambda: (put("m/a.csv", "a"), put("m/b.json", ""))[0][:1], {"format": "csv"}, "several kinds"),
    "empty csv": (lambda: put("x.csv", ""), {}, "no rows and no header"),
    "empty ndjson": (lambda: put("x.ndjson", ""), {}, "not of"),
    "empty json": (lambda: put("x.json", ""), {}, "not of"),
    "empty parquet": (lambda: put("x.parquet", ""), {}, "not a Parquet file"),
    "empty ipc": (lambda: put("x.arrow", ""), {}, "is not"),
    "empty avro": (lambda: put("x.avro", ""), {}, "not an Avro file"),
    "empty excel": (lambda: put("x.xlsx", ""), {}, "not an Excel workbook"),
    "truncated parquet": (lambda: put("x.parquet", broken("x.parquet")), {}, "its end is missing"),
    "truncated ipc": (lambda: put("x.arrow", broken("x.arrow")), {}, "its end is missing"),
    "truncated json": (lambda: put("x.json", '[{"a":1}'), {}, "its end is missing"),
    "csv as parquet": (lambda: put("x.csv", "a\n1\n"), {"format": "parquet"}, "not a Parquet file"),
    "csv as json": (lambda: put("x.csv", "a\n1\n"), {"format": "json"}, "not of the format json"),
    "csv as ndjson": (lambda: put("x.csv", "a\n1\n"), {"format": "ndjson"}, "not of the format ndjson"),
    "json without objects": (lambda: put("x.json", "[1,2]"), {}, "no JSON objects"),
    "ragged": (lambda: put("x.csv", "a,b\n1,2\n1,2,3\n"), {}, "more fields than the header"),
    "late type": (lambda: put("x.csv", "a\n" + "1\n" * 200 + "x\n"), {}, "'x' in the column 'a'.*not of type Int64"),
    "open quote": (lambda: put("x.csv", 'a,b\n"x,1\ny,2\n'), {}, "not closed"),
    "line ends": (lambda: put("x.csv", "a\r1\r2\r"), {}, r"end with \\r alone"),
    "utf-8 json": (lambda: put("x.ndjson", b'{"a":"\xe9"}\n'), {}, "not UTF-8"),
    "taken name": (lambda: put("x.csv", "a\n1\n"), {"include_file_path": "a"}, "column 'a' already"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_read_is_said_plainly(case):
    make, settings, message = WRONG[case]
    path = make()
    with pytest.raises(FlowfileError, match=f"(?s){message}"):
        read(path, **settings)


def test_a_file_without_permission(monkeypatch):
    put("x.csv", "a\n")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(SourceError, match="may not be read"):
        read("x.csv")


def test_the_format_must_be_known():
    put("x.data", "a\n1\n")
    with pytest.raises(SettingsError, match="choose the format"):
        read("x.data")
    assert read("x.data", format="csv").height == 1
    with pytest.raises(ValueError, match="no text encoding"):
        Read.model_validate({"path": "x", "csv_options": {"encoding": "foo"}})
    with pytest.raises(ValueError, match="one plain character"):
        Read.model_validate({"path": "x", "csv_options": {"separator": "||"}})


def test_a_header_without_rows_and_a_file_named_like_a_pattern():
    assert read(put("x.csv", "a,b\n")).columns == ["a", "b"]
    for name in ("b[1].csv", "b*.csv"):
        assert read(put(name, "a\n1\n")).height == 1
    FRAME.write_json("b[1].json")
    assert read("b[1].json").height == 3


def test_a_path_with_a_parameter_is_recorded_as_it_is():
    node = Read(path="x.csv").model_copy(update={"path": recorded_value("d_1.csv", "f\"d_{params['n']}.csv\"")})
    script = Script()
    record(node, script, {}, "data")
    assert script.lines == ["data = pl.scan_csv(f\"d_{params['n']}.csv\")"]


def test_recording_touches_no_file():
    for name in WRITERS:
        record(Read(path=f"none/{name}"), Script(), {}, "data")


def test_only_columnar_files_are_read_again_row_by_row():
    assert Read(path="x.parquet").spread() == "rows"
    assert Read(path="x.csv").spread() == "whole"
    assert Read(path="x").spread() == "whole"
    assert Read(path="x.csv").source_key() != Read(path="x.csv", n_rows=1).source_key()
