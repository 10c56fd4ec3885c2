"""Flow parameters `${name}` and secrets `${env:NAME}` in settings.

The raw settings keep the text. Before validation each reference is replaced: a text that is one reference alone
becomes the parameter's typed value, one inside a longer text becomes its text.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

from flowfile_engine.errors import ParameterError
from flowfile_engine.graph.document import Parameter, ParameterType

REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*|env:[A-Za-z_][A-Za-z0-9_]*)\}")
SECRET_PREFIX = "env:"

Value = bool | int | float | str | None

TRUE_TEXTS = frozenset({"true", "yes", "on", "1"})
FALSE_TEXTS = frozenset({"false", "no", "off", "0"})


_A: dict[ParameterType, str] = {
    "text": "text", "integer": "an integer", "number": "a number", "boolean": "a boolean", "date": "a date",
}  # fmt: skip


def typed(name: str, kind: ParameterType, value: Any) -> Value:
    """A parameter's value as its declared type; texts from a command line are read.

    Raises:
        ParameterError: the value is not of that type.
    """
    if value is None:
        return None
    try:
        match kind:
            case "integer" if not isinstance(value, bool):
                return int(value) if not isinstance(value, float) or value.is_integer() else _refuse(value)
            case "number" if not isinstance(value, bool):
                return float(value) if not isinstance(value, int) else value
            case "boolean":
                return value if isinstance(value, bool) else _boolean(str(value))
            case "date":
                return dt.date.fromisoformat(str(value)).isoformat()
            case "text":
                return str(value).lower() if isinstance(value, bool) else str(value)
            case _:
                _refuse(value)
    except ValueError:
        hint = {"date": "as in 2024-12-31", "boolean": "true or false"}.get(kind, "")
        raise ParameterError(f"parameter {name!r} takes {_A[kind]}, not {value!r:.80}", hint=hint, field=name) from None
    raise AssertionError(kind)


def _refuse(value: Any) -> int:
    raise ValueError(value)


def _boolean(text: str) -> bool:
    if text.lower() in TRUE_TEXTS:
        return True
    return False if text.lower() in FALSE_TEXTS else bool(_refuse(text))


def parameter_values(declared: Mapping[str, Parameter], given: Mapping[str, Any] | None = None) -> dict[str, Value]:
    """The value of every declared parameter: the one given, else its default.

    Raises:
        ParameterError: a given name is not declared, or a value is of the wrong type.
    """
    given = given or {}
    for name in given:
        if name not in declared:
            known = ", ".join(declared) or "none"
            raise ParameterError(f"the flow has no parameter {name!r}", hint=f"it has: {known}", field=name)
    return {name: typed(name, item.type, given.get(name, item.default)) for name, item in declared.items()}


def references(raw: Any) -> dict[str, str]:
    """Where references stand in raw settings: dotted path to the text that holds them."""
    found: dict[str, str] = {}
    pending: list[tuple[str, Any]] = [("", raw)]
    while pending:
        path, value = pending.pop()
        if isinstance(value, str):
            if "${" in value and REFERENCE.search(value):
                found[path] = value
        elif isinstance(value, dict):
            pending += [(f"{path}.{key}" if path else str(key), item) for key, item in value.items()]
        elif isinstance(value, list):
            pending += [(f"{path}.{index}" if path else str(index), item) for index, item in enumerate(value)]
    return found


def bind(raw: Any, values: Mapping[str, Value], environment: Mapping[str, str] | None = None) -> Any:
    """Raw settings with every reference replaced by its value.

    Args:
        raw: settings, or a part of them.
        values: of the parameters, by name.
        environment: where `${env:NAME}` is looked up; None leaves secrets as they are written, which is what
            everything but a run wants: fingerprints, predictions and messages must not hold them.

    Raises:
        ParameterError: a parameter that is not declared or has no value; a variable that is not set. Placed on the
            setting that names it.
    """
    try:
        return _bind(raw, values, environment)
    except ParameterError as error:
        # Only now is it worth to know where: in the good case no path is put together.
        for path, text in references(raw).items():
            try:
                _bind_text(text, values, environment)
            except ParameterError:
                error.field = path
                break
        raise


def _bind(raw: Any, values: Mapping[str, Value], environment: Mapping[str, str] | None) -> Any:
    if isinstance(raw, str):
        return _bind_text(raw, values, environment) if "${" in raw else raw
    if isinstance(raw, dict):
        return {key: _bind(item, values, environment) for key, item in raw.items()}
    if isinstance(raw, list):
        return [_bind(item, values, environment) for item in raw]
    return raw


def _bind_text(text: str, values: Mapping[str, Value], environment: Mapping[str, str] | None) -> Any:
    whole = REFERENCE.fullmatch(text)
    if whole:
        return _value(whole[1], values, environment, text)

    def replaced(match: re.Match[str]) -> str:
        value = _value(match[1], values, environment, match[0])
        return str(value).lower() if isinstance(value, bool) else str(value)

    return REFERENCE.sub(replaced, text)


def _value(name: str, values: Mapping[str, Value], environment: Mapping[str, str] | None, text: str) -> Value:
    if name.startswith(SECRET_PREFIX):
        variable = name.removeprefix(SECRET_PREFIX)
        if environment is None:
            return text
        if variable not in environment:
            raise ParameterError(
                f"the environment variable {variable!r} is not set", hint=f"{text} takes its value from there"
            )
        return environment[variable]
    if name not in values:
        known = ", ".join(values) or "none"
        raise ParameterError(f"the flow has no parameter {name!r}", hint=f"it has: {known}")
    if values[name] is None:
        raise ParameterError(f"the parameter {name!r} has no value", hint="give it a default, or a value for the run")
    return values[name]
