"""Settings that are flow parameters are written as such, never as the value of the day, or are refused."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from flowfile_engine.errors import RecordingError
from flowfile_engine.nodes.fields import with_values
from flowfile_engine.nodes.registry import builtin_registry
from flowfile_engine.recording import Script, record, recorded_frame, recorded_value

SCHEMA = pl.Schema({"d": pl.Date(), "t": pl.Datetime("us", "UTC"), "n": pl.Int64(), "s": pl.String()})


def exported(node_type: str, settings: dict[str, Any], path: str) -> str:
    node = builtin_registry()[node_type].model_validate(settings)
    value: Any = node
    for part in path.split("."):
        value = value[int(part)] if isinstance(value, list) else getattr(value, part)
    node = with_values(node, {path: recorded_value(value, 'params["p"]')})
    script = Script()
    record(node, script, {"main": recorded_frame("main", SCHEMA)}, "out")
    return "\n".join(script.lines)


REPLACEMENT = [{"old": "frozen", "new": "x"}]


@pytest.mark.parametrize(
    ("node_type", "settings", "path"),
    [
        ("filter", {"conditions": [{"column": "d", "operator": ">", "value": "2024-01-01"}]}, "conditions.0.value"),
        ("filter", {"conditions": [{"column": "t", "operator": "<", "value": "2024-01-01"}]}, "conditions.0.value"),
        ("filter", {"conditions": [{"column": "n", "value": 77}]}, "conditions.0.value"),
        ("filter", {"conditions": [{"column": "s", "operator": "in", "values": ["77"]}]}, "conditions.0.values.0"),
        (
            "filter",
            {"conditions": [{"column": "d", "operator": "in", "values": ["2024-01-01"]}]},
            "conditions.0.values.0",
        ),
        ("sample", {"n": 77}, "n"),
        ("sample", {"method": "fraction", "fraction": 0.77}, "fraction"),
        ("record_id", {"start": 77}, "start"),
        ("fill_missing", {"columns": ["n"], "value": 77}, "value"),
        ("replace_values", {"columns": ["s"], "replacements": REPLACEMENT}, "replacements.0.old"),
        (
            "replace_values",
            {"columns": ["s"], "match": "regex", "case": "ignore", "replacements": REPLACEMENT},
            "replacements.0.old",
        ),
        ("window", {"functions": [{"function": "lag", "column": "n", "offset": 77}]}, "functions.0.offset"),
        ("window", {"functions": [{"function": "ntile", "buckets": 77}]}, "functions.0.buckets"),
        ("text_to_rows", {"column": "s", "separator": "frozen"}, "separator"),
        ("split_column", {"column": "s", "names": ["frozen"]}, "names.0"),
        ("date_parts", {"column": "d", "parts": ["year"], "prefix": "frozen"}, "prefix"),
        ("select", {"columns": [{"column": "s", "rename": "frozen"}]}, "columns.0.rename"),
        ("formula", {"columns": [{"name": "a", "expression": "n + 77"}]}, "columns.0.expression"),
    ],
)  # fmt: skip
def test_a_parameter_stays_one(node_type: str, settings: dict[str, Any], path: str) -> None:
    lines = exported(node_type, settings, path)
    assert 'params["p"]' in lines
    assert not any(frozen in lines for frozen in ("frozen", "77", "2024"))


@pytest.mark.parametrize(
    ("node_type", "settings", "path"),
    [
        ("dynamic_rename", {"rule": "prefix", "text": "p_"}, "text"),
        ("fill_missing", {"apply_to": "all", "value": "1"}, "value"),
        ("replace_values", {"apply_to": "all", "replacements": REPLACEMENT}, "replacements.0.old"),
        ("replace_values", {"columns": ["d"], "replacements": [{"old": "2024-01-01"}]}, "replacements.0.old"),
    ],
)
def test_what_the_value_decides_is_not_exported(node_type: str, settings: dict[str, Any], path: str) -> None:
    with pytest.raises(RecordingError):
        exported(node_type, settings, path)
