"""Flows as the command line names them: a file, parameters as `name=value`, nodes by their id. Loads no Polars."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from flowfile_engine import flow_file
from flowfile_engine.errors import FlowfileError, NodeId, NotFoundError, ParameterError
from flowfile_engine.graph.document import FlowDocument
from flowfile_engine.graph.parameters import Value, parameter_values


@dataclass(frozen=True)
class OpenedFlow:
    """A flow and where it comes from.

    Attributes:
        parameters: the values given for this command, typed; defaults are not among them.
    """

    path: Path
    document: FlowDocument
    parameters: dict[str, Value]

    @property
    def base_dir(self) -> Path:
        """The folder of the flow's file, from which its relative paths start."""
        return self.path.parent

    def node(self, text: str) -> NodeId:
        """The id that a text on the command line means: ids may be numbers.

        Raises:
            NotFoundError: no node has it; names the nearest one.
        """
        ids = {str(step.id): step.id for step in self.document.steps}
        if text in ids:
            return ids[text]
        near = get_close_matches(text, ids, n=1)
        known = ", ".join(list(ids)[:12]) + (", ..." if len(ids) > 12 else "")
        hint = f"did you mean {near[0]!r}?" if near else f"it has: {known or 'none'}"
        raise NotFoundError(f"the flow has no node {text!r}", hint=hint)


def open_flow(path: Path, given: Iterable[str] = ()) -> OpenedFlow:
    """Read a flow's file, and the parameters given for it.

    Args:
        path: the file.
        given: texts of the form `name=value`; the last one counts.

    Raises:
        FlowfileError: the file is no flow, or a parameter is not known or of the wrong type.
    """
    path = path.absolute()
    document = flow_file.read(path)
    texts = dict(map(_name_and_value, given))
    values = parameter_values(document.parameters, texts)
    return OpenedFlow(path, document, {name: values[name] for name in texts})


def _name_and_value(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ParameterError(f"a parameter is given as name=value, not {text!r}")
    return name, value


def memory_size(text: str | None) -> int | None:
    """Bytes, from a text such as `4G`; None for None.

    Raises:
        FlowfileError: it is no size.
    """
    if text is None:
        return None
    from flowfile_worker.__main__ import size

    try:
        return size(text)
    except ValueError:
        raise FlowfileError(f"a size is a number with K, M, G or T, not {text!r}", hint="as in 4G") from None
