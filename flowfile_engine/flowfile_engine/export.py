"""Export to Python: a flow as one script of plain Polars that runs on its own.

What each step does is recorded from its own `lower` (see `recording`), so the script makes the calls that a run makes.
"""

from __future__ import annotations

import builtins
import keyword
import re
import sys
import textwrap
from typing import Any

import polars as pl

from flowfile_engine.errors import FlowfileError, NodeId, RecordingError
from flowfile_engine.graph.document import Edge
from flowfile_engine.graph.parameters import REFERENCE, SECRET_PREFIX, references
from flowfile_engine.graph.step import NodeStep
from flowfile_engine.literals import literal
from flowfile_engine.nodes.base import Node
from flowfile_engine.recording import IMPORTED, Script, record, recorded_frame, recorded_value, unwrap
from flowfile_engine.run.flow import Frames, Output, PreparedFlow
from flowfile_engine.source import WIDTH, Argument, Atom, Attribute, Call, Display, Text, layout, text_source

INDENT = "    "

MAIN = """

def main() -> None:
{arguments}    flow = make_flow({params})
    results = dict(zip(flow, pl.collect_all(list(flow.values()), engine="streaming"), strict=True))
{after}    for name, frame in results.items():
        if frame.width:
            print(name, frame, sep="\\n")


if __name__ == "__main__":
    main()
"""


def export_python(flow: PreparedFlow) -> str:
    """The script of a flow.

    Raises:
        FlowfileError: a step is unfinished or cannot be written as Python; placed on the step.
    """
    exporter = _Exporter(flow)
    for step in flow.graph.topological_sort():
        exporter.add(step)
    return exporter.script_text()


class _Exporter:
    def __init__(self, flow: PreparedFlow) -> None:
        self.flow = flow
        self.graph = flow.graph
        self.script = Script()
        self.returned: list[tuple[str, str]] = []
        self._taken: set[str] = set()
        self._variables: dict[Output, str] = {}
        self._frames = Frames(flow)

    def add(self, step: NodeStep) -> None:
        """Write a step's lines."""
        problems = [problem for problem in step.all_problems if problem.node_id == step.node_id]
        if problems:
            first = problems[0]
            raise RecordingError(first.message, hint=first.hint, node_id=step.node_id, field=first.field)
        comment = step.document.title or step.node_type.info.title
        description = f": {step.document.description}" if step.document.description else ""
        self.script.line("")
        for line in textwrap.wrap(" ".join(f"{comment}{description}".split()), WIDTH - 6):
            self.script.line(f"# {line}")
        try:
            base = self._free(variable_name(step))
            names = record(self._node(step), self.script, step.gather(self._input), base)
        except (RecordingError, TypeError) as error:  # TypeError: a parameter went where only a plain value can
            raise self._unrecordable(step, error).at(step.node_id) from error
        except FlowfileError as error:
            raise error.at(step.node_id) from error
        for output, name in zip(step.node_type.info.outputs, names, strict=False):
            self._variables[step.node_id, output] = name
        if not step.outgoing:
            self.returned += [(name if len(names) > 1 else base, name) for name in names]

    def _free(self, base: str) -> str:
        """What a step is called, unlike any other: results are found by these names."""
        name, number = base, 1
        while name in self._taken:
            number += 1
            name = f"{base}_{number}"
        self._taken.add(name)
        return name

    def _unrecordable(self, step: NodeStep, error: RecordingError | TypeError) -> FlowfileError:
        """The error for a person: often it is one parameter alone that cannot be recorded."""
        for field, text in references(step.document.settings).items():
            try:
                record(self._node(step, field), Script(), step.gather(self._input), "alone")
            except (RecordingError, TypeError):
                return RecordingError(
                    f"the value of {text} decides how this step works, so it cannot stay open in a script",
                    hint="write the value itself into the setting to export it",
                    field=field,
                )
        return error if isinstance(error, RecordingError) else RecordingError(str(error))

    def _input(self, edge: Edge) -> Any:
        return recorded_frame(self._variables[edge.source, edge.output], self._schema(edge.source, edge.output))

    def _schema(self, node_id: NodeId, output: str) -> pl.Schema:
        prediction = self.graph.step(node_id).prediction
        known = prediction.schemas.get(output) if prediction is not None else None
        # Where only the data can tell, it is asked: for the values of a pivot, say.
        return known if known is not None else self._frames.output(node_id, output).collect_schema()

    def _node(self, step: NodeStep, only: str | None = None) -> Node:
        """The node with the paths as the person wrote them, and stand-ins where settings (or one) name parameters."""
        plain = NodeStep(step.document, step.node_type)
        plain.validate(self.graph.parameters)
        assert plain.node is not None
        values: dict[str, Any] = {}
        for path, text in references(step.document.settings).items():
            if only not in (None, path):
                continue
            source, imports = self._reference(text)
            values[path] = recorded_value(_value_at(plain.node, path), source, *imports)
        return plain.node.with_values(values)

    def _reference(self, text: str) -> tuple[str, tuple[str, ...]]:
        whole = REFERENCE.fullmatch(text)
        if whole is not None:
            return _lookup(whole[1]), ("import os",) if whole[1].startswith(SECRET_PREFIX) else ()
        parts = REFERENCE.split(text)
        pieces = [self._inserted(part) if index % 2 else _between(part) for index, part in enumerate(parts)]
        secret = any(part.startswith(SECRET_PREFIX) for part in parts[1::2])
        return f'f"{"".join(pieces)}"', ("import os",) if secret else ()

    def _inserted(self, name: str) -> str:
        value = _lookup(name).replace('"', "'")  # before Python 3.12, no f-string holds its own quotes
        declared = self.graph.declared_parameters.get(name)
        return f"{{str({value}).lower()}}" if declared is not None and declared.type == "boolean" else f"{{{value}}}"

    def script_text(self) -> str:
        """The whole script."""
        settings = self.graph.flow_settings
        script = self.script
        declared = self.graph.declared_parameters
        if declared:
            script.imports.add("import argparse")
        script.imports.add("from typing import Any")
        head = f'"""{_docstring(settings.name, settings.description)}"""\n'
        body = "\n".join(INDENT + line if line else "" for line in script.lines).strip("\n")
        entries = (Argument(Atom(name), f"{text_source(key)}: ") for key, name in self.returned)
        returned = Display("{", tuple(entries), "}")
        fits = len(f"{INDENT}return {returned.flat()}") <= WIDTH
        parts = [head, _sorted_imports(script.imports), ""]
        for definition in script.definitions:
            parts += ["", definition.strip("\n"), ""]
        parts += [
            "",
            "def make_flow(params: dict[str, Any]) -> dict[str, pl.LazyFrame]:",
            f'{INDENT}"""Build the flow lazily: its results by name, nothing computed yet."""',
            body,
            f"{INDENT}return {returned.flat() if fits else returned.laid_out(len(INDENT))}",
            "",
        ]
        return "\n".join(parts) + MAIN.format(
            arguments=self._arguments(),
            params="vars(parser.parse_args())" if declared else "{}",
            after="".join(f"{INDENT}{line}\n" for line in script.after),
        )

    def _arguments(self) -> str:
        declared = self.graph.declared_parameters
        if not declared:
            return ""
        # A parameter may be called `help`.
        options = 'conflict_handler="resolve"' if "help" in declared else ""
        lines = [f"{INDENT}parser = argparse.ArgumentParser({options})"]
        readers = {"integer": "int", "number": "float", "text": "str", "date": "str"}
        for name, parameter in declared.items():
            value = self.graph.parameters[name]
            arguments = [Argument(Text(f"--{name}"))]
            if value is None:
                arguments.append(Argument(Atom("True"), "required="))
            else:
                arguments.append(Argument(literal(value, self.script.imports), "default="))
            if parameter.type == "boolean":
                arguments.append(Argument(Atom("argparse.BooleanOptionalAction"), "action="))
            else:
                arguments.append(Argument(Atom(readers[parameter.type]), "type="))
            if parameter.description:
                arguments.append(Argument(Text(parameter.description.replace("%", "%%")), "help="))
            call = Call(Attribute(Atom("parser"), "add_argument"), tuple(arguments))
            lines.append(INDENT + layout(call, len(INDENT)))
        return "\n".join(lines) + "\n"


def variable_name(step: NodeStep) -> str:
    """What a step's frame is called in a script: its title if it has one, else its id or type."""
    text = step.document.title or (
        step.node_id if isinstance(step.node_id, str) else f"{step.document.type}_{step.node_id}"
    )
    name = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_").lower()
    if not name or name[0].isdigit():
        name = f"{step.document.type}_{name}".strip("_")
    return f"{name}_" if keyword.iskeyword(name) or name in dir(builtins) or name in IMPORTED else name


def _lookup(name: str) -> str:
    if name.startswith(SECRET_PREFIX):
        return f'os.environ["{name.removeprefix(SECRET_PREFIX)}"]'
    return f'params["{name}"]'


def _between(text: str) -> str:
    """A text as it stands between double quotes in an f-string."""
    escaped = repr(text)
    inner = escaped[1:-1]
    if escaped[0] == "'":
        inner = inner.replace("\\'", "'").replace('"', '\\"')
    return inner.replace("{", "{{").replace("}", "}}")


def _value_at(node: Node, path: str) -> Any:
    value: Any = node
    for part in path.split("."):
        value = (
            value[int(part)]
            if isinstance(value, list)
            else value[part]
            if isinstance(value, dict)
            else getattr(value, part)
        )
    return unwrap(value)


def _docstring(name: str, description: str) -> str:
    paragraphs = [" ".join(name.split()), *description.split("\n\n")]
    wrapped = [textwrap.fill(" ".join(paragraph.split()), WIDTH) for paragraph in paragraphs]
    text = "\n\n".join(filter(None, wrapped)) or "A flow."
    text = text.replace("\\", "\\\\").replace('"""', "'''")
    return f"{text}\n" if "\n" in text or text.endswith('"') else text


def _sorted_imports(imports: set[str]) -> str:
    """Standard library first, then Polars, as formatters order them."""
    third_party = {line for line in imports if line.split()[1].partition(".")[0] not in sys.stdlib_module_names}

    def in_order(lines: set[str]) -> list[str]:
        return sorted(lines, key=lambda line: (line.startswith("from "), line))

    standard = in_order(imports - third_party)
    return "\n".join([*standard, *([""] if standard else []), *in_order(third_party)])
