"""Recording what a node's `lower` calls, as Python source.

`Recorded` stands beside a real Polars object and remembers how it was made. A node that lowers with recorded frames
and the recorded `pl` thus writes down the very calls that its run makes. What cannot be written down raises
`RecordingError`; nothing is recorded wrongly in silence.
"""

from __future__ import annotations

import builtins
import keyword
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import polars

from flowfile_engine.errors import RecordingError
from flowfile_engine.frames import empty_frame
from flowfile_engine.literals import literal
from flowfile_engine.source import Argument, Atom, Attribute, Binary, Call, Display, Item, Source, Unary, layout

if TYPE_CHECKING:
    from flowfile_engine.nodes.base import Node

NOT_RECORDED = frozenset({"collect", "collect_all", "fetch", "profile", "map_elements", "map_batches", "map_groups"})
"""Calls that compute while lowering, or that take a Python function whose source is not at hand."""

IMPORTED = ("Any", "Decimal", "argparse", "datetime", "glob", "os", "params", "pl", "secrets", "xlsxwriter")
"""What scripts import or are handed: no step's frame takes these names."""

_PLAIN = (bool, int, float, str, bytes, type(None), list, tuple, dict, set, polars.Schema, polars.DataType)

_BINARY: dict[str, tuple[str, Callable[[Any, Any], Any]]] = {
    "add": ("+", operator.add), "sub": ("-", operator.sub), "mul": ("*", operator.mul),
    "truediv": ("/", operator.truediv), "floordiv": ("//", operator.floordiv), "mod": ("%", operator.mod),
    "pow": ("**", operator.pow), "and": ("&", operator.and_), "or": ("|", operator.or_), "xor": ("^", operator.xor),
    "eq": ("==", operator.eq), "ne": ("!=", operator.ne), "lt": ("<", operator.lt), "le": ("<=", operator.le),
    "gt": (">", operator.gt), "ge": (">=", operator.ge),
}  # fmt: skip
_COMPARISONS = frozenset({"eq", "ne", "lt", "le", "gt", "ge"})


class Recorded:
    """A Polars object (or a module, a method, a parameter) with the operation that made it.

    The operation is a kind (`root`, `attribute`, `call`, `item`, `unary`, `binary`) with its operands.
    """

    __slots__ = ("_operands", "_operation", "_value")

    def __init__(self, value: Any, operation: str, *operands: Any) -> None:
        self._value = value
        self._operation = operation
        self._operands = operands

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _wrap(getattr(self._value, name), "attribute", self, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The same call on the object inside, remembered."""
        if self._operation == "attribute":
            base, name = self._operands
            if name == "pipe":
                return args[0](base, *args[1:], **kwargs)
            if name in NOT_RECORDED:
                raise RecordingError(f"`{name}` cannot be recorded", hint="lower stays lazy and takes no functions")
            if name.startswith("read_") and base._operation == "root":
                # An eager reader: the frame it would give is stood in for, the file is not touched.
                return _wrap(polars.DataFrame(), "call", self, args, kwargs)
        return _wrap(self._value(*unwrap(args), **unwrap(kwargs)), "call", self, args, kwargs)

    def __getitem__(self, index: Any) -> Any:
        return _wrap(self._value[unwrap(index)], "item", self, index)

    def __invert__(self) -> Any:
        return _wrap(~self._value, "unary", "~", self)

    def __neg__(self) -> Any:
        return _wrap(-self._value, "unary", "-", self)

    def __bool__(self) -> bool:
        raise RecordingError("the truth of a recorded value is known only when the script runs")

    def __iter__(self) -> Iterator[Any]:
        raise RecordingError("a recorded value cannot be iterated over")

    def __len__(self) -> int:
        raise RecordingError("the length of a recorded value is known only when the script runs")

    def __format__(self, spec: str) -> str:
        raise RecordingError("a recorded value inside a text would freeze it")

    def __str__(self) -> str:
        return self.__format__("")

    __hash__ = object.__hash__

    @property
    def __class__(self) -> type:  # pyright: ignore[reportIncompatibleMethodOverride]
        # So that `isinstance(frame, pl.LazyFrame)` holds.
        return type(self._value)


def _add_operators() -> None:
    def forward(name: str, sign: str, function: Callable[[Any, Any], Any]) -> None:
        def method(self: Recorded, other: Any) -> Any:
            return _wrap(function(unwrap(self), unwrap(other)), "binary", self, sign, other)

        setattr(Recorded, f"__{name}__", method)

    def reflected(name: str, sign: str, function: Callable[[Any, Any], Any]) -> None:
        def method(self: Recorded, other: Any) -> Any:
            return _wrap(function(unwrap(other), unwrap(self)), "binary", other, sign, self)

        setattr(Recorded, f"__r{name}__", method)

    for name, (sign, function) in _BINARY.items():
        forward(name, sign, function)
        if name not in _COMPARISONS:
            reflected(name, sign, function)


_add_operators()


def is_recorded(value: Any) -> bool:
    """Whether a value is a `Recorded` (which pretends to be an instance of what it wraps)."""
    return type(value) is Recorded


def unwrap(value: Any) -> Any:
    """The real objects inside recorded ones, through collections."""
    if is_recorded(value):
        return value._value
    if type(value) in (list, tuple, set):
        return type(value)(unwrap(item) for item in value)
    if type(value) is dict:
        return {unwrap(key): unwrap(item) for key, item in value.items()}
    if hasattr(value, "__next__"):
        raise RecordingError("an iterator as an argument cannot be recorded", hint="pass a list")
    return value


def _wrap(value: Any, operation: str, *operands: Any) -> Any:
    plain = isinstance(value, _PLAIN) or (operation == "attribute" and _is_dtype_class(value))
    # What is made of a parameter (`prefix + "year"`) must be made again by the script, or a default would be frozen.
    if plain and not any(map(_is_from_outside, operands)):
        return value
    return Recorded(value, operation, *operands)


def _is_from_outside(value: Any) -> bool:
    """Whether a value is a recorded plain one, as a parameter is, or one of its methods."""
    if not is_recorded(value):
        return False
    if isinstance(value._value, _PLAIN):
        return True
    return value._operation == "attribute" and _is_from_outside(value._operands[0])


def _is_dtype_class(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, polars.DataType)


class Script:
    """Lines of Python under construction, with the names and imports that they use."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.imports: set[str] = {"import polars as pl"}
        self.definitions: list[str] = []
        """Functions and classes that stand before the flow's own function."""
        self.after: list[str] = []
        """Lines of `main` that run when all results are there, as `results`."""
        self.step = ""
        """What the step that is being written is called: the key of its result in `results`."""
        self._names = {*dir(builtins), *keyword.kwlist, *IMPORTED}

    def fresh(self, base: str) -> str:
        """A variable name that is not taken: `base`, or `base_2` and so on."""
        name, number = base, 1
        while name in self._names:
            number += 1
            name = f"{base}_{number}"
        self._names.add(name)
        return name

    def line(self, text: str) -> None:
        """Add a statement (which may hold line ends)."""
        self.lines.append(text)

    def assign(self, base: str, source: Source) -> str:
        """Add `name = source` under a fresh name, which is returned."""
        name = self.fresh(base)
        text = layout(source, 4, len(name) + 3)
        if "\n" in text and not isinstance(source, Call | Display):
            text = f"(\n        {layout(source, 8)}\n    )"
        self.line(f"{name} = {text}")
        return name

    def literal(self, value: Any) -> str:
        """The source of a plain value."""
        return literal(value, self.imports).flat()


class Recorder:
    """Writes recorded values into a script, each shared frame once."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self._names: dict[int, str] = {}
        self._uses: dict[int, int] = {}

    def write(self, value: Any, base: str) -> str:
        """Assign a recorded value to a variable; its name."""
        self._count(value)
        if value._operation == "root":
            return value._operands[0]
        return self.script.assign(base, self._operation(value))

    def _count(self, value: Any) -> None:
        pending = [value]
        while pending:
            item = pending.pop()
            if is_recorded(item):
                self._uses[id(item)] = self._uses.get(id(item), 0) + 1
                if self._uses[id(item)] == 1:
                    pending += item._operands
            elif isinstance(item, list | tuple | set):
                pending += item
            elif isinstance(item, dict):
                pending += [*item.keys(), *item.values()]

    def source(self, value: Any) -> Source:
        """The source of any value: recorded, plain, or a collection of both."""
        if is_recorded(value):
            return self._recorded(value)
        if type(value) is list:
            return Display("[", tuple(map(self.source, value)), "]")
        if type(value) is tuple:
            return Display("(", tuple(map(self.source, value)), ")")
        if type(value) is dict and value:
            items = tuple(Argument(self.source(item), f"{self.source(key).flat()}: ") for key, item in value.items())
            return Display("{", items, "}")
        return literal(value, self.script.imports)

    def _recorded(self, value: Any) -> Source:
        if id(value) in self._names:
            return Atom(self._names[id(value)])
        source = self._operation(value)
        shared = self._uses.get(id(value), 0) > 1 and value._operation not in ("root", "attribute")
        if shared and (isinstance(value._value, polars.LazyFrame) or len(source.flat()) > 40):
            base = "frame" if isinstance(value._value, polars.LazyFrame) else "expression"
            self._names[id(value)] = self.script.assign(base, source)
            return Atom(self._names[id(value)])
        return source

    def _operation(self, value: Any) -> Source:
        operands = value._operands
        match value._operation:
            case "root":
                for needed in operands[1:]:
                    self.script.imports.add(needed)
                return Atom(operands[0])
            case "attribute":
                return Attribute(self.source(operands[0]), operands[1])
            case "call":
                function, args, kwargs = operands
                arguments = [Argument(self.source(argument)) for argument in args]
                for name, argument in kwargs.items():
                    if name.isidentifier() and not keyword.iskeyword(name):
                        arguments.append(Argument(self.source(argument), f"{name}="))
                    else:
                        arguments.append(Argument(self.source({name: argument}), "**"))
                return Call(self.source(function), tuple(arguments))
            case "item":
                return Item(self.source(operands[0]), self.source(operands[1]))
            case "unary":
                return Unary(operands[0], self.source(operands[1]))
            case _:
                left, sign, right = operands
                return Binary(self.source(left), sign, self.source(right))


def recorded_polars() -> Any:
    """The stand-in for `pl`."""
    return Recorded(polars, "root", "pl")


def recorded_frame(name: str, schema: polars.Schema) -> Any:
    """The stand-in for a frame that a variable of the script holds."""
    return Recorded(empty_frame(schema), "root", name)


def recorded_value(value: Any, source: str, *imports: str) -> Any:
    """The stand-in for a plain value that the script gets from outside: a parameter, a variable of the environment."""
    return Recorded(value, "root", source, *imports)


def record(node: Node, script: Script, inputs: Mapping[str, Any], base: str) -> list[str]:
    """Write a node's lowering into a script.

    Args:
        node: the node, whose settings may hold recorded values for parameters.
        script: receives the lines.
        inputs: by port, recorded frames in the port's shape.
        base: what the output variables are called, if free.

    Returns:
        The variables that hold the outputs, in the order of the node's outputs.

    Raises:
        RecordingError: something in `lower` cannot be written down.
    """
    script.step = base
    by_hand = node.written_as(script, inputs)
    if by_hand is not None:
        return by_hand
    result = node.lower(recorded_polars(), **inputs)
    recorder = Recorder(script)
    names = node.info.outputs or ("written",)
    results = result if isinstance(result, tuple) and not is_recorded(result) else (result,)
    written = []
    for name, value in zip(names, results, strict=True):
        if not is_recorded(value):
            raise RecordingError(f"`lower` gave a {type(value).__name__} that was not recorded")
        written.append(recorder.write(value, base if len(names) == 1 else f"{base}_{name}"))
    return written
