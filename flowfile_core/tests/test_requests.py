"""Bad input is the client's fault, and is told so."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from core_support import Core, formula, manual

PATHS = ("/flows/{}", "/flows/{}/runs", "/flows/{}/nodes/1", "/flows/{}/nodes/1/rows", "/flows/{}/export")


async def test_odd_flow_ids(core: Core) -> None:
    odd = ("0", "-1", "9" * 30, "1.5", "x", "%00", "9007199254740993", "77")
    for flow_id, path in itertools.product(odd, PATHS):
        answer = await core.http.get(path.format(flow_id))
        assert answer.status_code in (200, 404, 422), (path, answer.text)
        assert answer.status_code != 200 or path.endswith("/runs")


BODIES = [
    b"", b"{", b"[]", b"null", b"\xff\xfe", b'"\\ud800"', b'{"name":"\\ud800"}', b'{"name":NaN}',
    b'{"revision":0,"operations":[]}', b"[" * 5_000, b'{"a":' * 5_000,
    b'{"revision":1e999,"operations":[{"op":"remove_step","id":1}]}',
    b'{"revision":' + b"9" * 5_000 + b',"operations":[]}',
    b'{"revision":0,"operations":[{"op":"none"}]}',
    b'{"revision":0,"operations":[{"op":"add_step","id":true,"type":"formula"}]}',
    b'{"revision":0,"operations":[{"op":"add_step","id":"","type":"formula"}]}',
    b'{"revision":0,"operations":[{"op":"add_step","id":3,"type":"none"}]}',
    b'{"revision":0,"operations":[{"op":"add_step","id":3,"type":"formula","settings":{"x":1e400}}]}',
    b'{"revision":0,"operations":[{"op":"move","positions":{"none":{"x":0,"y":0}}}]}',
    b'{"revision":0,"operations":[{"op":"set_parameters","parameters":{"a b":{}}}]}',
    b'{"revision":0,"operations":[{"op":"set_parameters","parameters":{"a":{"type":"date","default":"x"}}}]}',
]  # fmt: skip


async def test_odd_bodies(core: Core) -> None:
    flow_id = await core.flow()
    for body in BODIES:
        await send(core, flow_id, body)


async def send(core: Core, flow_id: int, body: bytes) -> None:
    for path in ("/flows", "/flows/open", "/flows/import", f"/flows/{flow_id}/edits", f"/flows/{flow_id}/save-as"):
        answer = await core.http.post(path, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in (400, 409, 422), (path, answer.status_code, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
    for kind in ("text/plain", "multipart/form-data", "application/xml", "nonsense", ""):
        answer = await core.http.post(f"/flows/{flow_id}/edits", content=body, headers={"Content-Type": kind})
        assert answer.status_code in (400, 409, 415, 422)


HUGE = 10**400


@pytest.mark.parametrize(
    "odd",
    [
        {"columns": [{"name": "a\x00b", "expression": "1"}]},
        {"columns": [{"name": "n", "expression": "\x00"}]},
        {"columns": [{"name": "n", "expression": "(" * 3_000}]},
        {"columns": [{"name": "n", "expression": "1", "dtype": "Datetime(" * 50}]},
        {"columns": [{"name": "n", "expression": "1", "dtype": "Decimal(99999999999999999999, 1)"}]},
        {"columns": [{"name": "n", "expression": "1", "dtype": "Array(Int64, 99999999999999999999)"}]},
        {"columns": [{"name": "n", "expression": str(HUGE)}]},
        {"columns": HUGE},
        {"columns": {"a": [None, [], {}]}},
        {"${x}": "${env:PATH}", "columns": "${nope}"},
    ],
    ids=range(10),
)
async def test_odd_settings_are_problems_of_their_step(core: Core, odd: dict[str, Any]) -> None:
    flow_id = await core.flow(manual(1, "a"))
    step = {"op": "add_step", "id": 2, "type": "formula", "settings": odd}
    await core.edit(flow_id, 1, step, {"op": "connect", "source": 1, "target": 2})
    node = await core.call("GET", f"/flows/{flow_id}/nodes/2")
    assert node["settings"] == odd
    assert node["status"] != "unfinished" or node["problems"]
    assert (await core.call("GET", f"/flows/{flow_id}"))["document"]["steps"][1]["settings"] == odd


QUERIES = [
    "limit=-1",
    "limit=100001",
    "offset=99999999999999999999",
    "limit=x",
    "sort=",
    "sort=-",
    "filter=%00",
    "output=%ff",
    "wait=inf",
]


async def test_odd_queries(core: Core) -> None:
    flow_id = await core.flow(manual(1, "a"), formula(2, b="1"))
    paths = ("nodes/1/rows", "nodes/1/schema", "nodes/1", "nodes/%00", "nodes/" + "9" * 50, "runs")
    for path, query in itertools.product(paths, QUERIES):
        answer = await core.http.get(f"/flows/{flow_id}/{path}?{query}")
        assert answer.status_code in (200, 404, 422), (path, answer.status_code, answer.text)


@pytest.mark.parametrize(
    "path", ["/runs/%00", "/runs/x/logs?after=99999999999999999999", "/runs?offset=-1", "/nowhere"]
)
async def test_odd_paths(core: Core, path: str) -> None:
    answer = await core.http.get(path)
    assert answer.status_code in (404, 422)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_wrong_methods(core: Core) -> None:
    answer = await core.http.put("/flows")
    assert answer.status_code == 405
    assert answer.headers["allow"]
    assert answer.json()["code"] == "method_not_allowed"


async def test_an_unexpected_failure_has_an_id(core: Core, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    def fail(*_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(core.services.flows, "records", fail)
    problem = await core.call("GET", "/flows", status=500)
    assert problem["code"] == "unexpected"
    assert problem["id"] in caplog.text


async def test_palette_and_functions_are_cached_by_the_client(core: Core) -> None:
    for path in ("/palette", "/functions"):
        answer = await core.http.get(path)
        assert len(answer.json()) > 10
        again = await core.http.get(path, headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304
        assert not again.content
    palette = {item["type"]: item for item in await core.call("GET", "/palette")}
    formula_type = palette["formula"]
    assert formula_type["group"] == "transform"
    assert formula_type["docs"]
    assert '"x-widget": "expression"' in str(formula_type["settings_schema"]).replace("'", '"')
