"""Write data: each format there and back, what is there already, and what goes wrong half way."""

import os
import resource
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from polars.testing import assert_frame_equal
from polars.testing.parametric import dataframes

from flowfile_engine.errors import ConflictError, DataError, DiskFullError, FlowfileError, SettingsError, TargetError
from flowfile_engine.io.errors import explain
from flowfile_engine.nodes.input.read import Read
from flowfile_engine.nodes.output.write import Write
from flowfile_engine.recording import Script, record, recorded_frame, recorded_value

FRAME = pl.DataFrame({"name": ["José", None, "x,y"], "v": [1, 2, None], "f": [0.5, None, 2.0]})
FORMATS = ["csv", "parquet", "xlsx", "json", "ndjson", "arrow", "avro"]
APPENDABLE = ["csv", "parquet", "ndjson", "arrow", "avro"]


@pytest.fixture(autouse=True)
def _inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(frame, path, **options):
    """What the runner does."""
    node = Write(path=str(path), **options)
    node.check_target()
    temporary = node.temporary_path("run")
    try:
        sink = node.sink_plan(pl, frame.lazy(), temporary)
        (result,) = pl.collect_all([frame.lazy() if sink is None else sink], engine="streaming")
        if sink is None:
            node.write_whole(result, temporary)
        node.commit(temporary)
    except Exception as error:
        node.discard(temporary)
        raise explain(error, node) from error
    assert not temporary.exists()
    return node


def export(frame, path, **options):
    """What an exported script does; its lines."""
    script = Script()
    node = Write(path=path, **options)
    (name,) = record(node, script, {"main": recorded_frame("rows", frame.schema)}, "out")
    scope: dict[str, Any] = {"rows": frame.lazy(), "pl": pl}
    exec("\n".join([*sorted(script.imports), *script.definitions, *script.lines]), scope)
    scope["results"] = dict(zip(["out"], pl.collect_all([scope[name]], engine="streaming"), strict=True))
    exec("\n".join(script.after), scope)
    return script.lines + script.after


def sunk(node, rows, temporary):
    sink = node.sink_plan(pl, rows, temporary)
    assert sink is not None
    pl.collect_all([sink], engine="streaming")


def names(folder="."):
    return sorted(found.name for found in Path(folder).iterdir())


def read(path, **options):
    return Read(path=str(path), **options).lower(pl).collect()


@pytest.mark.parametrize("save", [write, export])
@pytest.mark.parametrize("end", FORMATS)
def test_every_format_there_and_back(end, save):
    Path(f"x.{end}").write_text("old")
    save(FRAME, f"x.{end}")
    assert_frame_equal(read(f"x.{end}"), FRAME)
    assert names() == [f"x.{end}"]


@pytest.mark.parametrize("save", [write, export])
@pytest.mark.parametrize("end", APPENDABLE)
def test_appending_keeps_what_is_there(end, save):
    save(FRAME, f"x.{end}", if_exists="append")
    save(FRAME.select("f", "name", "v"), f"x.{end}", if_exists="append")
    assert_frame_equal(read(f"x.{end}"), pl.concat([FRAME, FRAME]))
    assert names() == [f"x.{end}"]


@pytest.mark.parametrize("save", [write, export])
def test_appending_to_text_leaves_its_bytes_alone(save):
    Path("x.csv").write_text("id,v\n007,1.50")
    save(pl.DataFrame({"v": [2], "id": ["8"]}), "x.csv", if_exists="append")
    assert Path("x.csv").read_text() == "id,v\n007,1.50\n8,2\n"
    Path("y.csv").write_text("")
    save(pl.DataFrame({"v": [2]}), "y.csv", if_exists="append")
    assert Path("y.csv").read_text() == "v\n2\n"


@pytest.mark.parametrize("end", APPENDABLE)
def test_rows_of_other_columns_are_not_appended(end):
    write(FRAME, f"x.{end}")
    before = Path(f"x.{end}").read_bytes()
    other = FRAME.rename({"v": "w"})
    with pytest.raises(DataError, match="lack 'v'; the file has no 'w'"):
        write(other, f"x.{end}", if_exists="append")
    if end not in {"csv", "ndjson"}:
        with pytest.raises(DataError, match="'v' is String instead of Int64"):
            write(FRAME.with_columns(pl.col("v").cast(pl.String)), f"x.{end}", if_exists="append")
    with pytest.raises((ValueError, pl.exceptions.PolarsError), match=r"columns|find column"):
        export(other, f"x.{end}", if_exists="append")
    assert Path(f"x.{end}").read_bytes() == before


def test_a_file_that_changes_while_it_is_appended_to_is_not_overwritten():
    write(FRAME, "x.parquet")
    node = Write(path="x.parquet", if_exists="append")
    temporary = node.temporary_path("run")
    sunk(node, FRAME.lazy(), temporary)
    write(FRAME, "x.parquet", if_exists="append")
    with pytest.raises(ConflictError, match="changed by someone else"):
        node.commit(temporary)
    node.discard(temporary)
    assert read("x.parquet").height == 6


@pytest.mark.parametrize("end", FORMATS)
def test_an_existing_file_is_kept_if_so_said(end):
    write(FRAME, f"x.{end}", if_exists="fail")
    with pytest.raises(TargetError, match="exists already"):
        write(FRAME.head(1), f"x.{end}", if_exists="fail")
    with pytest.raises(FileExistsError):
        export(FRAME.head(1), f"x.{end}", if_exists="fail")
    assert read(f"x.{end}").height == 3


@pytest.mark.parametrize("path", ["x.xlsx", "x.json", "x.csv.gz", "x.ndjson.zst"])
def test_what_cannot_be_appended_to_is_known_beforehand(path):
    node = Write(path=path, if_exists="append")
    with pytest.raises(SettingsError, match="appended to") as caught:
        node.schema({"main": FRAME.schema})
    assert caught.value.field == "if_exists"


@pytest.mark.parametrize("path", ["x.csv.gz", "x.csv.zst", "x.ndjson.gz", "x.ndjson.zst"])
@pytest.mark.parametrize("save", [write, export])
def test_compression_by_the_name(path, save):
    save(FRAME, path)
    assert Path(path).read_bytes()[:2] in {b"\x1f\x8b", b"\x28\xb5"}
    assert_frame_equal(read(path), FRAME)


def test_the_plain_case_is_one_line():
    assert export(FRAME, "out.parquet") == ['out = rows.sink_parquet("out.parquet", lazy=True)']
    assert export(FRAME, "out.json") == ['results["out"].write_json("out.json")']


def test_options_are_passed_on():
    options = {"separator": ";", "decimal_comma": True, "null_value": "NA", "line_end": "\r\n", "include_bom": True}
    write(FRAME, "x.csv", csv_options=options)
    text = Path("x.csv").read_bytes()
    assert text.startswith(b"\xef\xbb\xbfname;v;f\r\n")
    assert b"NA;2;NA\r\n" in text
    write(FRAME, "x.tsv")
    assert Path("x.tsv").read_text().startswith("name\tv\tf\n")
    write(FRAME, "x.xlsx", excel_options={"sheet": "mine", "include_header": False})
    assert read("x.xlsx", excel_options={"sheet": "mine", "has_header": False}).height == 3
    with pytest.raises(ValueError, match="sheet's name"):
        Write.model_validate({"path": "x", "excel_options": {"sheet": "a/b"}})


@pytest.mark.parametrize("save", [write, export])
def test_a_partitioned_folder_is_replaced_whole(save):
    save(FRAME, "folder", partition_by=["v"])
    save(FRAME.head(1), "folder", partition_by=["v"])
    assert names() == ["folder"]
    assert_frame_equal(read("folder", format="parquet"), FRAME.head(1), check_column_order=False)
    save(FRAME.clear(), "folder", partition_by=["v"])
    assert names("folder") == []


@pytest.mark.parametrize("save", [write, export])
def test_part_files_join_a_partitioned_folder(save):
    for _ in range(2):
        save(FRAME, "folder", partition_by=["v"], if_exists="append")
    got = read("folder", format="parquet").select(FRAME.columns)
    assert_frame_equal(got, pl.concat([FRAME, FRAME]), check_row_order=False)
    with pytest.raises(DataError, match="divided by v, not by name"):
        write(FRAME, "folder", partition_by=["name"], if_exists="append")
    with pytest.raises(DataError, match="the file has no 'x'"):
        write(FRAME.with_columns(x=1), "folder", partition_by=["v"], if_exists="append")


def test_a_folder_with_other_files_is_never_replaced():
    Path("home").mkdir()
    Path("home/letter.txt").write_text("dear")
    with pytest.raises(TargetError, match=r"other files than Parquet: letter\.txt"):
        write(FRAME, "home", partition_by=["v"])
    with pytest.raises(TargetError, match="is a folder"):
        write(FRAME, "home", format="parquet")
    assert Path("home/letter.txt").read_text() == "dear"


TYPES = {
    "csv": [pl.Binary, pl.Duration(), pl.List(pl.Int8), pl.Struct({"x": pl.Int8}), pl.Array(pl.Int8, 2), pl.Object],
    "parquet": [pl.Object, pl.Struct([])],
    "arrow": [pl.Object],
    "ndjson": [pl.Binary, pl.List(pl.Binary), pl.Object],
    "json": [pl.Binary, pl.Struct({"x": pl.Binary}), pl.Object],
    "avro": [pl.Int8, pl.UInt64, pl.Time, pl.Categorical(), pl.Null, pl.Datetime("ns"), pl.Datetime("us", "UTC")],
    "xlsx": [pl.Binary, pl.List(pl.Int8), pl.Datetime("us", "UTC"), pl.Int128, pl.Object],
}


@pytest.mark.parametrize(("end", "dtype"), [(end, dtype) for end, dtypes in TYPES.items() for dtype in dtypes])
def test_a_type_that_a_format_cannot_hold_is_named(end, dtype):
    schema = pl.Schema({"good": pl.Int64, "bad one": dtype})
    with pytest.raises(DataError, match="cannot hold the column 'bad one' of type"):
        Write(path=f"x.{end}").schema({"main": schema})
    with pytest.raises(DataError, match="'bad one'"):
        write(pl.DataFrame(schema=schema), f"x.{end}")
    assert names() == []


def test_values_that_excel_would_cut_or_round_are_refused():
    for column, message in [([2**53 + 1], "rounds whole numbers"), (["x" * 32_768], "cuts texts")]:
        with pytest.raises(DataError, match=message):
            write(pl.DataFrame({"a": column}), "x.xlsx")
    with pytest.raises(DataError, match="a sheet holds"):
        write(pl.DataFrame({"a": pl.repeat(1, 1_048_576, eager=True)}), "x.xlsx")
    for save in (write, export):
        save(pl.DataFrame({"a": ["=1+1", "mailto:ann", "http://x.y"]}), "x.xlsx")
        assert read("x.xlsx")["a"].to_list() == ["=1+1", "mailto:ann", "http://x.y"]


@pytest.mark.parametrize("end", FORMATS)
def test_no_rows_and_no_columns(end):
    write(FRAME.clear(), f"x.{end}")
    if end not in {"json", "ndjson"}:
        assert read(f"x.{end}").columns == FRAME.columns
    if end in {"csv", "xlsx"}:
        with pytest.raises(DataError, match="has no columns"):
            write(pl.DataFrame(), f"y.{end}")
    else:
        write(pl.DataFrame(), f"y.{end}")
    with pytest.raises(DataError, match="none is left"):
        write(FRAME.select("v"), "folder", partition_by=["v"])


@pytest.mark.parametrize("end", ["parquet", "arrow"])
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(frame=dataframes(max_cols=6, max_size=8, allow_null=True, excluded_dtypes=[pl.Object, pl.Categorical]))
def test_columnar_formats_keep_every_value_and_type(end, frame):
    write(frame, f"x.{end}")
    assert_frame_equal(read(f"x.{end}"), frame)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(
    frame=dataframes(
        min_cols=1,
        max_cols=5,
        min_size=1,
        max_size=8,
        allow_null=True,
        allowed_dtypes=[pl.Int64, pl.Float64, pl.Boolean],
    )
)
def test_csv_keeps_numbers(frame):
    write(frame, "x.csv")
    types = {name: str(dtype) for name, dtype in frame.schema.items()}
    assert_frame_equal(read("x.csv", csv_options={"types": types}), frame)


def test_missing_folders_are_made_on_request():
    with pytest.raises(TargetError, match="there is no folder") as caught:
        write(FRAME, "a/b/x.csv")
    assert "let missing folders be made" in caught.value.hint
    for save, name in ((write, "a"), (export, "b")):
        for end in ("csv", "json"):
            save(FRAME, f"{name}/{end}/x.{end}", create_folders=True)
            assert read(f"{name}/{end}/x.{end}").height == 3


def test_a_link_stays_a_link_and_permissions_stay():
    Path("real").mkdir()
    Path("real/x.csv").write_text("old")
    Path("real/x.csv").chmod(0o640)
    Path("x.csv").symlink_to("real/x.csv")
    node = write(FRAME, "x.csv")
    assert Path("x.csv").is_symlink()
    assert Path("real/x.csv").stat().st_mode & 0o777 == 0o640
    assert node.written_bytes() == Path("x.csv").stat().st_size
    assert node.written_files() == [Path("real/x.csv").resolve()]


def test_written_rows_come_from_what_the_file_says():
    node = Write(path="x.parquet")
    temporary = node.temporary_path("run")
    sunk(node, FRAME.lazy(), temporary)
    assert node.written_rows(temporary) == 3
    node.discard(temporary)
    assert names() == []


def test_no_permission(monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(TargetError, match="may not be written"):
        write(FRAME, "x.csv")


def test_a_path_with_a_parameter_stays_open():
    path = recorded_value("out_1.csv", "f\"out_{params['n']}.csv\"")
    script = Script()
    node = Write(path="x.csv").model_copy(update={"path": path})
    record(node, script, {"main": recorded_frame("rows", FRAME.schema)}, "out")
    assert script.lines == ["out = rows.sink_csv(f\"out_{params['n']}.csv\", lazy=True)"]


SMALL_DISK = """
    import resource, signal, sys
    import polars as pl
    from flowfile_engine.io.errors import explain
    from flowfile_engine.nodes.output.write import Write

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
    frame = pl.DataFrame({"a": [str(hash(str(i))) for i in range(50_000)]})
    node = Write(path=sys.argv[1], if_exists=sys.argv[2])
    temporary = node.temporary_path("run")
    try:
        sink = node.sink_plan(pl, frame.lazy(), temporary)
        if sink is None:
            node.write_whole(frame, temporary)
        else:
            pl.collect_all([sink], engine="streaming")
        node.commit(temporary)
    except Exception as error:
        node.discard(temporary)
        print(explain(error, node).code)
"""


@pytest.mark.parametrize("end", FORMATS)
def test_a_disk_that_fills_up_leaves_the_old_file(end):
    write(FRAME, f"x.{end}")
    before = Path(f"x.{end}").read_bytes()
    code = textwrap.dedent(SMALL_DISK)
    done = subprocess.run(
        [sys.executable, "-c", code, f"x.{end}", "overwrite"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == DiskFullError.code, done.stderr
    assert names() == [f"x.{end}"]
    assert Path(f"x.{end}").read_bytes() == before
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


KILLED = """
    import os, signal, sys
    import polars as pl
    from flowfile_engine.nodes.output.write import Write

    def die(batch):
        os.kill(os.getpid(), signal.SIGKILL)

    node = Write(path=sys.argv[1])
    frame = pl.LazyFrame({"a": range(1_000_000)}).map_batches(lambda rows: rows)
    temporary = node.temporary_path("run")
    sink = node.sink_plan(pl, frame, temporary)
    pl.collect_all([sink, pl.LazyFrame({"a": [1]}).sink_batches(die, lazy=True)], engine="streaming")
"""


@pytest.mark.parametrize("end", ["csv", "parquet"])
def test_a_killed_writer_leaves_the_old_file(end):
    write(FRAME, f"x.{end}")
    before = Path(f"x.{end}").read_bytes()
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(KILLED), f"x.{end}"], check=False)
    assert done.returncode == -signal.SIGKILL
    assert Path(f"x.{end}").read_bytes() == before
    assert [name for name in names() if not name.startswith(".")] == [f"x.{end}"]


def test_a_step_reads_and_replaces_the_same_file():
    write(FRAME, "x.parquet")
    write(pl.scan_parquet("x.parquet").filter(pl.col("v") == 1).collect(), "x.parquet")
    node = Write(path="x.parquet")
    temporary = node.temporary_path("run")
    sunk(node, pl.concat([pl.scan_parquet("x.parquet")] * 2), temporary)
    node.commit(temporary)
    assert read("x.parquet").height == 2


def test_contradicting_settings_are_refused():
    with pytest.raises(SettingsError, match="only Parquet"):
        Write(path="x.csv", partition_by=["v"]).schema({"main": FRAME.schema})
    with pytest.raises(FlowfileError, match="choose the format"):
        Write(path="x").schema({"main": FRAME.schema})
    with pytest.raises(DataError, match="cannot be divided"):
        Write(path="x", partition_by=["l"]).schema({"main": pl.Schema({"l": pl.List(pl.Int8), "v": pl.Int8})})
