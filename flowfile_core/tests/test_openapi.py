"""The OpenAPI document that the Designer's types are made from."""

from __future__ import annotations

import json

from flowfile_core.codegen import TARGET, openapi_text


def test_the_written_document_is_up_to_date() -> None:
    assert TARGET.read_text(encoding="utf-8") == openapi_text(), "run `make codegen`"


def test_every_reference_leads_somewhere() -> None:
    document = json.loads(openapi_text())
    names = document["components"]["schemas"]

    def walk(value: object) -> None:
        if isinstance(value, dict):
            reference = value.get("$ref")
            if isinstance(reference, str):
                assert reference.removeprefix("#/components/schemas/") in names
            for item in value.values():
                walk(item)
        elif isinstance(value, list):
            for item in value:
                walk(item)

    walk(document)
    assert {"EventMessage", "StepMessage", "ProblemDetails", "ConflictAnswer"} <= set(names)
    assert "FormulaColumn" not in names
