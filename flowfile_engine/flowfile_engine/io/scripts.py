"""Writing files in an exported script: what a run does, as plain Python with a few small functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flowfile_engine.io.formats import known_text, suffix_of
from flowfile_engine.io.writing import LAZY, WORKBOOK
from flowfile_engine.recording import Recorder, Script, is_recorded, recorded_polars, recorded_value

if TYPE_CHECKING:
    from flowfile_engine.nodes.output.write import Write

IN_ORDER_OF = '''
def in_order_of(existing: pl.LazyFrame, rows: pl.LazyFrame) -> pl.LazyFrame:
    """New rows with their columns in the order of those that they are appended to."""
    names, new = existing.collect_schema().names(), rows.collect_schema().names()
    if sorted(names) != sorted(new):
        raise ValueError(f"the file has the columns {names}, the rows to append {new}")
    return rows.select(names)
'''

APPEND_FILE = '''
def append_file(part: str, path: str) -> None:
    """Put a file's lines behind those of another, which is replaced in one step."""
    if not os.path.exists(path) or os.path.getsize(path) == 0:
        os.replace(part, path)
        return
    whole = f"{path}.whole"
    shutil.copyfile(path, whole)
    with open(whole, "r+b") as target, open(part, "rb") as source:
        target.seek(-1, os.SEEK_END)
        if target.read(1) != b"\\n":
            target.write(b"\\n")
        shutil.copyfileobj(source, target)
    os.replace(whole, path)
    os.remove(part)
'''

REPLACE_FOLDER = '''
def replace_folder(new: str, path: str) -> None:
    """Give a folder the name of another, which goes."""
    os.makedirs(new, exist_ok=True)
    if os.path.exists(path):
        os.rename(path, f"{path}.old")
    os.rename(new, path)
    shutil.rmtree(f"{path}.old", ignore_errors=True)
'''

MOVE_FILES = '''
def move_files(new: str, path: str) -> None:
    """Move the files below a folder to the same places below another, under names of their own."""
    for folder, _, names in os.walk(new):
        place = os.path.join(path, os.path.relpath(folder, new))
        os.makedirs(place, exist_ok=True)
        for name in names:
            os.rename(os.path.join(folder, name), os.path.join(place, f"{secrets.token_hex(4)}-{name}"))
    shutil.rmtree(new, ignore_errors=True)
'''


def write_script(node: Write, script: Script, main: Any) -> list[str]:
    """Write a step that writes a file; the variable that holds its sink, or the rows that it writes in the end.

    Args:
        node: the settings; the path may be recorded.
        script: receives the lines.
        main: the recorded input.
    """
    writer = _Writer(node, script, main)
    if node.if_exists == "fail":
        script.imports.add("import os")
        script.line(f"if os.path.exists({writer.path}):")
        script.line(f"    raise FileExistsError({writer.path})")
    if node.file_format not in LAZY:
        return writer.whole()
    if node.partition_by:
        return writer.folder()
    if node.if_exists == "append":
        return writer.text() if node.file_format in {"csv", "ndjson"} else writer.table()
    return writer.plain()


class _Writer:
    def __init__(self, node: Write, script: Script, main: Any) -> None:
        self.node, self.script, self.main = node, script, main
        self.recorder = Recorder(script)
        self.path = self.source(node.path)
        self.part = self._beside(node.path)

    def source(self, value: Any) -> str:
        return self.recorder.source(value).flat()

    def _beside(self, path: Any) -> str:
        """The source of the path with an ending that marks it as unfinished."""
        return f'{self.source(path)} + ".partial"' if is_recorded(path) else self.source(f"{path}.partial")

    def plain(self) -> list[str]:
        """A sink is all there is."""
        sink = self.node.lower(recorded_polars(), self.main)
        return [self.recorder.write(sink, self.script.step or "written")]

    def _sink(self, rows: Any, place: Any, further: dict[str, Any]) -> list[str]:
        if self.node.create_folders and "mkdir" not in further:
            further = {**further, "mkdir": True}
        return [self.recorder.write(self.node.sink(rows, place, further), self.script.step or "written")]

    def _part(self) -> Any:
        return recorded_value(f"{known_text(self.node.path)}.partial", self.part)

    def text(self) -> list[str]:
        """Lines go behind the file's own, which are never read and written again."""
        self.script.imports |= {"import os", "import shutil"}
        self._define(APPEND_FILE)
        node, there, further = self.node, self.script.fresh("appending"), dict[str, Any]()
        self.script.line(f"{there} = os.path.exists({self.path}) and os.path.getsize({self.path}) > 0")
        scan = f"pl.scan_ndjson({self.path}, infer_schema_length=None)"
        if node.file_format == "csv":
            header = node.csv_options.header_arguments(suffix_of(known_text(node.path)))
            options = "".join(f", {name}={self.source(value)}" for name, value in header.items())
            scan = f"pl.scan_csv({self.path}{options})"
            for option in ("include_header", "include_bom"):
                if getattr(node.csv_options, option):
                    further[option] = recorded_value(True, f"not {there}")
        rows = self.main
        if node.file_format == "ndjson" or node.csv_options.include_header:
            self._define(IN_ORDER_OF)
            name, old = self.script.fresh("rows"), self.source(self.main)
            self.script.line(f"{name} = in_order_of({scan}, {old}) if {there} else {old}")
            rows = recorded_value(self.main._value, name)
        self.script.after.append(f"append_file({self.part}, {self.path})")
        return self._sink(rows, self._part(), {**further, "check_extension": False})

    def table(self) -> list[str]:
        """The rows of the file are read and written again before the new ones."""
        self.script.imports.add("import os")
        self._define(IN_ORDER_OF)
        name, rows, old = self.script.fresh("existing"), self.script.fresh("rows"), self.source(self.main)
        self.script.line(f"{rows} = {old}")
        self.script.line(f"if os.path.exists({self.path}):")
        self.script.line(f"    {name} = pl.scan_{self.node.file_format}({self.path})")
        self.script.line(f"    {rows} = pl.concat([{name}, in_order_of({name}, {old})])")
        self.script.after.append(f"os.replace({self.part}, {self.path})")
        return self._sink(recorded_value(self.main._value, rows), self._part(), {})

    def folder(self) -> list[str]:
        """Part files are written beside the folder, which they then replace or join."""
        self.script.imports |= {"import os", "import shutil"}
        appends = self.node.if_exists == "append"
        if appends:
            self.script.imports.add("import secrets")
        self._define(MOVE_FILES if appends else REPLACE_FOLDER)
        self.script.after.append(f"{'move_files' if appends else 'replace_folder'}({self.part}, {self.path})")
        place = recorded_polars().PartitionBy(self._part(), key=self.node.partition_by)
        return self._sink(self.main, place, {"mkdir": True})

    def whole(self) -> list[str]:
        """The rows are a result of their own, which `main` writes."""
        node, result = self.node, f"results[{self.script.literal(self.script.step)}]"
        if node.create_folders:
            self.script.imports.add("import os")
            self.script.after.append(f'os.makedirs(os.path.dirname({self.path}) or ".", exist_ok=True)')
        options = ""
        match node.file_format:
            case "excel":
                self.script.imports.add("import xlsxwriter")
                named = ", ".join(
                    f"{name}={self.source(value)}" for name, value in node.excel_options.arguments().items()
                )
                self.script.after.append("with xlsxwriter.Workbook(")
                self.script.after += [f"    {self.path},", f"    {self.source(WORKBOOK)},", ") as workbook:"]
                self.script.after.append(f"    {result}.write_excel(workbook{', ' if named else ''}{named})")
            case "json":
                self.script.after.append(f"{result}.write_json({self.path})")
            case _:
                for name, value in node.avro_options.arguments().items():
                    options += f", {name}={self.source(value)}"
                if node.if_exists == "append":
                    self.script.imports.add("import os")
                    self.script.after.append(f"if os.path.exists({self.path}):")
                    rows = f"{result}.select(pl.read_avro({self.path}).columns)"
                    self.script.after.append(f"    {result} = pl.concat([pl.read_avro({self.path}), {rows}])")
                self.script.after.append(f"{result}.write_avro({self.path}{options})")
        return [self.source(self.main)]

    def _define(self, function: str) -> None:
        if function not in self.script.definitions:
            self.script.definitions.append(function)
