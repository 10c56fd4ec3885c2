"""The pages that Core serves itself: a plain one until the Designer is installed, and the API's documentation.

Both are whole in themselves: they fetch nothing from elsewhere and run no script.
"""

from __future__ import annotations

import html
import json
from typing import Any

PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1f2933 }
summary { cursor: pointer; padding: .3rem 0 } code, pre { font: 13px/1.4 ui-monospace, monospace }
pre { background: #f4f5f7; padding: .6rem; overflow-x: auto } table { border-collapse: collapse }
td, th { text-align: left; padding: .15rem .8rem .15rem 0; vertical-align: top }
.method { display: inline-block; min-width: 4.5rem; font-weight: 600 } h2 { margin-top: 2rem }
"""


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body>{body}</body></html>"
    )


def welcome_page() -> str:
    """What stands where the Designer will."""
    return _page(
        "Flowfile",
        "<h1>Flowfile</h1><p>Core is running. The Designer is not part of this installation yet; flows can be run "
        "from the command line (<code>flowfile run FLOW</code>) and over HTTP.</p>"
        '<p><a href="/api-docs">The API</a>, and the same as <a href="/openapi.json">OpenAPI document</a>.</p>',
    )


def api_page(document: dict[str, Any]) -> str:
    """The API's documentation, from its OpenAPI document."""
    groups: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            tag = (operation.get("tags") or ["other"])[0]
            groups.setdefault(tag, []).append(_operation(path, method, operation))
    sections = "".join(
        f"<section><h2>{html.escape(tag.capitalize())}</h2>{''.join(operations)}</section>"
        for tag, operations in groups.items()
    )
    schemas = "".join(
        f'<details id="{html.escape(name)}"><summary><code>{html.escape(name)}</code></summary>'
        f"{_json(schema)}</details>"
        for name, schema in document["components"]["schemas"].items()
    )
    info = document["info"]
    head = f"<h1>{html.escape(info['title'])}</h1><p>{html.escape(info.get('description', ''))}</p>"
    return _page(info["title"], f"{head}{sections}<section><h2>Schemas</h2>{schemas}</section>")


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{html.escape(item['name'])}</code></td><td>{item['in']}</td>"
        f"<td>{html.escape(_kind(item.get('schema', {})))}</td><td>{html.escape(item.get('description', ''))}</td></tr>"
        for item in operation.get("parameters", [])
    )
    body = "".join(
        f"<p>Body: {_reference(content.get('schema', {}))}</p>"
        for content in operation.get("requestBody", {}).get("content", {}).values()
    )
    answers = "".join(
        f"<tr><td>{status}</td><td>{html.escape(answer.get('description', ''))}</td><td>"
        + "".join(_reference(content.get("schema", {})) for content in answer.get("content", {}).values())
        + "</td></tr>"
        for status, answer in operation.get("responses", {}).items()
        if status.startswith("2")
    )
    text = html.escape(operation.get("description") or operation.get("summary", ""))
    return (
        f'<details><summary><span class="method">{method.upper()}</span><code>{html.escape(path)}</code></summary>'
        f"<p>{text}</p><table>{rows}</table>{body}<table>{answers}</table></details>"
    )


def _kind(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_kind(item) for item in schema["anyOf"])
    return str(schema.get("type") or schema.get("$ref", "").rpartition("/")[2] or "any")


def _reference(schema: dict[str, Any]) -> str:
    name = schema.get("$ref", "").rpartition("/")[2]
    if name:
        return f'<a href="#{html.escape(name)}"><code>{html.escape(name)}</code></a>'
    return _json(schema) if schema else ""


def _json(value: Any) -> str:
    return f"<pre>{html.escape(json.dumps(value, indent=2, ensure_ascii=False))}</pre>"
