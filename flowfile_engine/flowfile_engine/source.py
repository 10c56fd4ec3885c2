"""Python source as a small tree, and how it is laid out on lines.

Only what recorded Polars code needs: names, literals, attributes, calls, items, operators and displays of collections.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

WIDTH = 100
"""Lines longer than this are broken."""


class Source:
    """A piece of Python source."""

    def flat(self) -> str:
        """The source on one line."""
        raise NotImplementedError

    def laid_out(self, indent: int) -> str:
        """The source on as many lines as it needs, where the first begins at column `indent`."""
        return self.flat()


def layout(source: Source, indent: int) -> str:
    """The source on one line if that fits, else broken."""
    flat = source.flat()
    return flat if len(flat) + indent <= WIDTH and "\n" not in flat else source.laid_out(indent)


@dataclass(frozen=True, slots=True)
class Atom(Source):
    """A name or a literal."""

    text: str

    def flat(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Attribute(Source):
    """`base.name`."""

    base: Source
    name: str

    def flat(self) -> str:
        return f"{_grouped(self.base)}.{self.name}"

    def laid_out(self, indent: int) -> str:
        if isinstance(self.base, Binary | Unary):
            return f"({layout(self.base, indent + 1)}).{self.name}"
        return f"{layout(self.base, indent)}.{self.name}"


@dataclass(frozen=True, slots=True)
class Argument(Source):
    """A positional or named argument, or an entry of a dict (`key: value`)."""

    value: Source
    prefix: str = ""

    def flat(self) -> str:
        return self.prefix + self.value.flat()

    def laid_out(self, indent: int) -> str:
        return self.prefix + layout(self.value, indent + len(self.prefix))


@dataclass(frozen=True, slots=True)
class Display(Source):
    """Items between brackets: a list, a tuple, a dict."""

    opening: str
    items: tuple[Source, ...]
    closing: str

    def flat(self) -> str:
        tail = "," if self.opening == "(" and len(self.items) == 1 and self.closing == ")" else ""
        return f"{self.opening}{', '.join(item.flat() for item in self.items)}{tail}{self.closing}"

    def laid_out(self, indent: int) -> str:
        return _broken(self.opening, self.items, self.closing, indent)


@dataclass(frozen=True, slots=True)
class Call(Source):
    """`function(arguments)`."""

    function: Source
    arguments: tuple[Source, ...]

    def flat(self) -> str:
        return f"{self.function.flat()}({', '.join(argument.flat() for argument in self.arguments)})"

    def laid_out(self, indent: int) -> str:
        head = layout(self.function, indent)
        last = head.rsplit("\n", 1)[-1]
        start = len(last) + (indent if "\n" not in head else 0)
        inner = f"({', '.join(argument.flat() for argument in self.arguments)})"
        if start + len(inner) <= WIDTH and "\n" not in inner:
            return head + inner
        return head + _broken("(", self.arguments, ")", len(last) - len(last.lstrip()) if "\n" in head else indent)


@dataclass(frozen=True, slots=True)
class Item(Source):
    """`base[index]`."""

    base: Source
    index: Source

    def flat(self) -> str:
        return f"{_grouped(self.base)}[{self.index.flat()}]"


@dataclass(frozen=True, slots=True)
class Unary(Source):
    """An operator before its operand."""

    operator: str
    operand: Source

    def flat(self) -> str:
        return f"{self.operator}{_grouped(self.operand)}"

    def laid_out(self, indent: int) -> str:
        return f"{self.operator}({layout(self.operand, indent + 1 + len(self.operator))})"


@dataclass(frozen=True, slots=True)
class Binary(Source):
    """An operator between its operands, which are grouped where they are operations themselves."""

    left: Source
    operator: str
    right: Source

    def flat(self) -> str:
        return f"{_grouped(self.left)} {self.operator} {_grouped(self.right)}"

    def laid_out(self, indent: int) -> str:
        # Broken operands stand in parentheses, inside which Python takes line ends as spaces.
        parts = []
        for operand in (self.left, self.right):
            text = layout(operand, indent + 1)
            parts.append(f"({text})" if isinstance(operand, Binary | Unary) or "\n" in text else text)
        return f" {self.operator} ".join(parts)


def _grouped(source: Source) -> str:
    flat = source.flat()
    return f"({flat})" if isinstance(source, Binary | Unary) else flat


def _broken(opening: str, items: Iterable[Source], closing: str, indent: int) -> str:
    pad = " " * (indent + 4)
    lines = "".join(f"{pad}{layout(item, indent + 4)},\n" for item in items)
    return f"{opening}\n{lines}{' ' * indent}{closing}" if lines else f"{opening}{closing}"
