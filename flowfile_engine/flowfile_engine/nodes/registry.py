"""The registry of node types: an object, filled by walking this package."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from types import ModuleType

from flowfile_engine.errors import NodeTypeError
from flowfile_engine.nodes.base import Node

GROUPS = ("input", "transform", "combine", "aggregate", "output")


class Registry:
    """Node types by name, in the palette's order."""

    def __init__(self) -> None:
        self._types: dict[str, type[Node]] = {}

    def add(self, node_type: type[Node]) -> None:
        """Register a node type.

        Raises:
            NodeTypeError: another class has that name already.
        """
        name = node_type.type_name()
        known = self._types.get(name)
        if known is not None and known is not node_type:
            raise NodeTypeError(f"two classes are called {name!r}: {known.__module__} and {node_type.__module__}")
        self._types[name] = node_type

    def add_package(self, package: ModuleType) -> None:
        """Register every node type defined in a package's modules."""
        for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            module = importlib.import_module(found.name)
            for _, node_type in inspect.getmembers(module, inspect.isclass):
                if (
                    issubclass(node_type, Node)
                    and node_type.__module__ == module.__name__
                    and "info" in vars(node_type)
                ):
                    self.add(node_type)

    def __getitem__(self, name: str) -> type[Node]:
        try:
            return self._types[name]
        except KeyError:
            near = get_close_matches(name, self._types, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "`flowfile nodes` lists the known ones"
            raise NodeTypeError(f"there is no node type {name!r}", hint=hint) from None

    def __contains__(self, name: str) -> bool:
        return name in self._types

    def __iter__(self) -> Iterator[type[Node]]:
        return iter(self._types.values())

    def __len__(self) -> int:
        return len(self._types)


@cache
def builtin_registry() -> Registry:
    """The node types that come with the product. Made once a process, on first use."""
    registry = Registry()
    for group in GROUPS:
        registry.add_package(importlib.import_module(f"flowfile_engine.nodes.{group}"))
    return registry
