"""The registry and the rules of node classes."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from flowfile_engine.errors import NodeTypeError
from flowfile_engine.nodes.base import Frame, Node, NodeInfo, PolarsNamespace
from flowfile_engine.nodes.registry import Registry, builtin_registry

INFO = NodeInfo(title="Odd", group="transform", icon="odd")


class Odd(Node):
    """Does nothing."""

    type: Literal["odd"] = "odd"
    info = INFO

    def lower(self, pl: PolarsNamespace, main: Frame) -> Frame:
        return main


def test_a_registry_is_an_object_of_its_own():
    registry = Registry()
    registry.add(Odd)
    registry.add(Odd)
    assert [node_type.type_name() for node_type in registry] == ["odd"]
    assert "odd" in registry
    assert "odd" not in builtin_registry()


def test_two_classes_of_one_name_are_refused():
    class Other(Node):
        """Another one."""

        type: Literal["odd"] = "odd"
        info = INFO

        def lower(self, pl: PolarsNamespace, main: Frame) -> Frame:
            return main

    registry = Registry()
    registry.add(Odd)
    with pytest.raises(NodeTypeError, match="two classes are called 'odd'"):
        registry.add(Other)


def lowering(pl: PolarsNamespace, main: Frame) -> Frame:
    return main


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"info": INFO, "__doc__": "Odd."}, "no field `type`"),
        ({"info": INFO, "type": "odd", "__annotations__": {"type": Literal["odd"]}}, "no docstring"),
        (
            {
                "info": INFO,
                "__doc__": "Odd.",
                "type": "odd",
                "__annotations__": {"type": Literal["odd"]},
                "lower": lambda self, pl, left: left,
            },
            r"lower takes \['left'\], but its inputs are \['main'\]",
        ),
    ],
)
def test_a_class_that_breaks_the_rules_is_refused_when_made(members: dict[str, Any], says: str):
    with pytest.raises(NodeTypeError, match=says):
        type("Broken", (Node,), {"__module__": __name__, **members})


def test_groups_and_names_of_the_palette():
    for node_type in builtin_registry():
        assert node_type.__module__.split(".")[2] == node_type.info.group
        assert node_type.type_name() == node_type.__module__.rsplit(".", 1)[1]
