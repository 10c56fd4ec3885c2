"""The OpenAPI document's share that FastAPI cannot see: tasks are read, and events written, without its help."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from pydantic import TypeAdapter

from flowfile_engine.errors import Problem
from flowfile_engine.tasks import EVENT, TASK
from flowfile_worker.problems import MEDIA_TYPE

_REF = "#/components/schemas/{model}"


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Responses that hold a problem, as a route documents them."""
    content = {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model=Problem.__name__)}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def document_tasks(app: FastAPI) -> None:
    """Have the application's document say what a task and its events are."""
    generate = app.openapi

    def whole() -> dict[str, Any]:
        document = generate()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        if "Task" not in schemas:
            adapters: dict[str, TypeAdapter[Any]] = {"Task": TASK, "Event": EVENT, "Problem": TypeAdapter(Problem)}
            for name, adapter in adapters.items():
                schema = adapter.json_schema(ref_template=_REF)
                schemas |= {key: found for key, found in schema.pop("$defs", {}).items() if key not in schemas}
                schemas[name] = schema
            post = document["paths"]["/tasks"]["post"]
            task = {"application/json": {"schema": {"$ref": _REF.format(model="Task")}}}
            post["requestBody"] = {"required": True, "content": task}
            post["responses"]["200"]["content"] = {"application/x-ndjson": {"schema": {"type": "string"}}}
        return document

    app.openapi = whole
