"""Python source as a small tree, and how it is laid out on lines.

Only what recorded Polars code needs: names, literals, attributes, calls, items, operators and displays of collections.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from typing_extensions import override

WIDTH = 100
"""Lines longer than this are broken."""


class Source:
    """A piece of Python source."""

    def flat(self) -> str:
        """The source on one line."""
        raise NotImplementedError

    def laid_out(self, indent: int, used: int = 0) -> str:
        """The source on as many lines as it needs.

        Args:
            indent: the column where the statement or item that it belongs to begins.
            used: columns that stand before it on that line.
        """
        return self.flat()


def layout(source: Source, indent: int, used: int = 0) -> str:
    """The source on one line if that fits, else broken."""
    flat = source.flat()
    return flat if len(flat) + indent + used <= WIDTH else source.laid_out(indent, used)


@dataclass(frozen=True, slots=True)
class Atom(Source):
    """A name or a literal."""

    text: str

    @override
    def flat(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Text(Source):
    """A text, which is broken behind line ends and spaces."""

    text: str

    @override
    def flat(self) -> str:
        return text_source(self.text)

    @override
    def laid_out(self, indent: int, used: int = 0) -> str:
        lines = [text_source(part) for part in _parts(self.text, WIDTH - indent - 12)]
        if len(lines) < 2:
            return self.flat()
        return _lines("(", lines, ")", indent, "")


def text_source(text: str) -> str:
    """A text in double quotes, as formatters write it."""
    plain = repr(text)
    if plain[0] == "'" and '"' not in text:
        return f'"{plain[1:-1]}"'.replace("\\'", "'")
    return plain


def _parts(text: str, width: int) -> Iterator[str]:
    """A text in pieces of some width, each of which ends behind a line end or a space."""
    piece = ""
    for word in re.findall(r"[^\s]*\s?", text):
        if piece and (len(repr(piece + word)) > width or piece.endswith("\n")):
            yield piece
            piece = ""
        piece += word
    if piece:
        yield piece


@dataclass(frozen=True, slots=True)
class Attribute(Source):
    """`base.name`."""

    base: Source
    name: str

    @override
    def flat(self) -> str:
        return f"{_grouped(self.base)}.{self.name}"

    @override
    def laid_out(self, indent: int, used: int = 0) -> str:
        if isinstance(self.base, Binary | Unary):
            return f"({layout(self.base, indent, used + 1)}).{self.name}"
        return f"{layout(self.base, indent, used)}.{self.name}"


@dataclass(frozen=True, slots=True)
class Argument(Source):
    """A positional or named argument, or an entry of a dict (`key: value`)."""

    value: Source
    prefix: str = ""

    @override
    def flat(self) -> str:
        return self.prefix + self.value.flat()

    @override
    def laid_out(self, indent: int, used: int = 0) -> str:
        return self.prefix + layout(self.value, indent, used + len(self.prefix))


@dataclass(frozen=True, slots=True)
class Display(Source):
    """Items between brackets: a list, a tuple, a dict."""

    opening: str
    items: tuple[Source, ...]
    closing: str

    @override
    def flat(self) -> str:
        tail = "," if self.opening == "(" and len(self.items) == 1 and self.closing == ")" else ""
        return f"{self.opening}{', '.join(item.flat() for item in self.items)}{tail}{self.closing}"

    @override
    def laid_out(self, indent: int, used: int = 0) -> str:
        if self.opening == "[" and all(isinstance(item, Atom) for item in self.items):
            return _lines("[", _filled([item.flat() for item in self.items], WIDTH - indent - 4), "]", indent, ",")
        return _broken(self.opening, self.items, self.closing, indent)


@dataclass(frozen=True, slots=True)
class Call(Source):
    """`function(arguments)`."""

    function: Source
    arguments: tuple[Source, ...]

    @override
    def flat(self) -> str:
        return f"{self.function.flat()}({', '.join(argument.flat() for argument in self.arguments)})"

    @override
    def laid_out(self, indent: int, used: int = 0) -> str:
        head = layout(self.function, indent, used)
        last = head.rsplit("\n", 1)[-1]
        start = len(last) + (indent + used if "\n" not in head else 0)
        inner = f"({', '.join(argument.flat() for argument in self.arguments)})"
        if start + len(inner) <= WIDTH:
            return head + inner
        return head + _broken("(", self.arguments, ")", len(last) - len(last.lstrip()) if "\n" in head else indent)


@dataclass(frozen=True, slots=True)
class Item(Source):
    """`base[index]`."""

    base: Source
    index: Source

    @override
    def flat(self) -> str:
        return f"{_grouped(self.base)}[{self.index.flat()}]"


@dataclass(frozen=True, slots=True)
class Unary(Source):
    """An operator before its operand."""

    operator: str
    operand: Source

    @override
    def flat(self) -> str:
        return f"{self.operator}{_grouped(self.operand)}"

    @override
    def laid_out(self, indent: int, used: int = 0) -> str:
        return f"{self.operator}({layout(self.operand, indent, used + 1 + len(self.operator))})"


@dataclass(frozen=True, slots=True)
class Binary(Source):
    """An operator between its operands, which are grouped where they are operations themselves."""

    left: Source
    operator: str
    right: Source

    @override
    def flat(self) -> str:
        return f"{_grouped(self.left)} {self.operator} {_grouped(self.right)}"

    @override
    def laid_out(self, indent: int, used: int = 0) -> str:
        # Broken operands stand in parentheses, inside which Python takes line ends as spaces.
        parts = []
        for operand in (self.left, self.right):
            text = layout(operand, indent, used + 1)
            parts.append(f"({text})" if isinstance(operand, Binary | Unary) or "\n" in text else text)
        return f" {self.operator} ".join(parts)


def _grouped(source: Source) -> str:
    flat = source.flat()
    return f"({flat})" if isinstance(source, Binary | Unary) else flat


def _broken(opening: str, items: Iterable[Source], closing: str, indent: int) -> str:
    return _lines(opening, [layout(item, indent + 4) for item in items], closing, indent, ",")


def _lines(opening: str, lines: Iterable[str], closing: str, indent: int, mark: str) -> str:
    pad = " " * (indent + 4)
    inner = "".join(f"{pad}{line}{mark}\n" for line in lines)
    return f"{opening}\n{inner}{' ' * indent}{closing}" if inner else f"{opening}{closing}"


def _filled(items: Iterable[str], width: int) -> list[str]:
    """Short items, as many on a line as it holds: a column of numbers would be a page of lines."""
    lines: list[str] = []
    for item in items:
        if lines and len(lines[-1]) + len(item) + 3 <= width:
            lines[-1] += f", {item}"
        else:
            lines.append(item)
    return lines
