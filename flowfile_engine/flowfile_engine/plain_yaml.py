"""Reading YAML as plain data: texts, numbers, booleans, null, lists and dicts.

Files come from anywhere, so what the language allows beyond that is refused with the line where it stands: tags, keys
that come twice, nesting and repetition without end. Dates stay the texts that they are.
"""

from __future__ import annotations

import copy
from typing import Any

import yaml

from flowfile_engine.errors import FlowFileFormatError

MAX_DEPTH = 100
"""Levels of lists and dicts."""

MAX_REPEATED = 100_000
"""Values that aliases may repeat, all together: ten lines of aliases can stand for a billion values."""

_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CONSTRUCTOR = yaml.constructor.SafeConstructor()
_TAG = "tag:yaml.org,2002:"
_SCALARS: dict[str, Any] = {
    f"{_TAG}null": lambda node: None,
    f"{_TAG}bool": _CONSTRUCTOR.construct_yaml_bool,
    f"{_TAG}int": _CONSTRUCTOR.construct_yaml_int,
    f"{_TAG}float": _CONSTRUCTOR.construct_yaml_float,
}


def load_plain(text: str) -> Any:
    """The data of a YAML document.

    Raises:
        FlowFileFormatError: it is not YAML, or not plain; with the line.
    """
    parser = _Parser(text)
    try:
        return _Builder(parser).document()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" (line {mark.line + 1})" if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise FlowFileFormatError(f"the file is not YAML{place}: {problem}") from error
    finally:
        parser.dispose()


class _Builder:
    """Puts data together from a parser's events. Without recursion, so that depth is ours to limit."""

    def __init__(self, parser: Any) -> None:
        self._parser = parser
        self._anchors: dict[str, Any] = {}
        self._open: list[tuple[Any, Any, str | None]] = []
        """The lists and dicts around the present place, the key at which each dict is, and their anchors."""
        self._repeated = 0
        self._root: Any = None

    def document(self) -> Any:
        documents = 0
        while (event := self._parser.get_event()) is not None:
            match event:
                case yaml.ScalarEvent():
                    self._put(self._scalar(event), event, event.anchor)
                case yaml.MappingStartEvent():
                    self._begin({}, event)
                case yaml.SequenceStartEvent():
                    self._begin([], event)
                case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                    value, _, anchor = self._open.pop()
                    self._put(value, event, anchor)
                case yaml.AliasEvent():
                    self._put(self._repetition(event), event, None)
                case yaml.DocumentStartEvent():
                    documents += 1
                    if documents > 1:
                        raise _refused("a second document begins", event)
                case yaml.StreamEndEvent():
                    break
                case _:
                    pass
        return self._root

    def _begin(self, holder: Any, event: Any) -> None:
        if event.tag is not None:
            raise _refused(f"the tag {event.tag!r:.80} means nothing in a flow", event)
        if len(self._open) >= MAX_DEPTH:
            raise _refused(f"lists and dicts are nested more than {MAX_DEPTH} levels deep", event)
        if self._open and isinstance(self._open[-1][0], dict) and self._open[-1][1] is _NO_KEY:
            raise _refused("a list or a dict cannot be a key", event)
        self._open.append((holder, _NO_KEY, event.anchor))

    def _put(self, value: Any, event: Any, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = value
        if not self._open:
            self._root = value
            return
        holder, key, holders_anchor = self._open[-1]
        if isinstance(holder, list):
            holder.append(value)
        elif key is _NO_KEY:
            if isinstance(value, dict | list):
                raise _refused("a list or a dict cannot be a key", event)
            if value in holder:
                raise _refused(f"the entry {value!r:.80} comes twice", event)
            self._open[-1] = (holder, value, holders_anchor)
        else:
            holder[key] = value
            self._open[-1] = (holder, _NO_KEY, holders_anchor)

    def _scalar(self, event: Any) -> Any:
        if event.tag is not None:
            raise _refused(f"the tag {event.tag!r:.80} means nothing in a flow", event)
        if not event.implicit[0]:  # in quotes, or a block
            return event.value
        tag = self._parser.resolve(yaml.ScalarNode, event.value, event.implicit)
        if tag not in _SCALARS or (tag == f"{_TAG}bool" and event.value.lower() not in ("true", "false")):
            return event.value  # YAML 1.1 takes `on` and `no` for booleans; here they are a setting and a country
        try:
            return _SCALARS[tag](yaml.ScalarNode(tag, event.value))
        except ValueError:
            raise _refused(f"{event.value!r:.80} is no number", event) from None

    def _repetition(self, event: Any) -> Any:
        if event.anchor not in self._anchors:
            raise _refused(f"the alias {event.anchor!r:.80} stands for nothing before it", event)
        value = self._anchors[event.anchor]
        level = [value]
        while level:
            self._repeated += len(level)
            if self._repeated > MAX_REPEATED:
                raise _refused("aliases repeat too much", event)
            holders = (item for item in level if isinstance(item, dict | list))
            level = [item for holder in holders for item in (holder.values() if isinstance(holder, dict) else holder)]
        return copy.deepcopy(value)


_NO_KEY = object()


def _refused(message: str, event: Any) -> FlowFileFormatError:
    return FlowFileFormatError(f"{message} (line {event.start_mark.line + 1})")
