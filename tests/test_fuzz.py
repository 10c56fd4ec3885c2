"""Whatever is sent to Core and the Worker, they answer as documented, live on, and keep flows whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import requests
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from product_support import INTERNAL_TOKEN, Client, Flow, Product, add, chain, connect, table
from schemathesis import openapi
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from flowfile_engine.nodes.registry import builtin_registry
from flowfile_engine.tasks import EVENT, DoneEvent, FailedEvent

SECONDS = 60

CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

UNFORESEEN = {"internal_error", "worker_lost", "unexpected"}
"""Codes of failures that are a fault of ours, whatever was sent."""

ENDLESS = {"/events"}
"""Streams that have no end; `test_over_http` reads them."""


def fuzzing(examples: int) -> settings:
    """The same examples at each invocation, as long as they take, and not made smaller: each one is a request."""
    return settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture
def worker(product: Product) -> Iterator[Client]:
    with product.worker() as worker:
        yield worker


# From the OpenAPI documents


def _routes(document: dict[str, Any]) -> list[Any]:
    found: list[Any] = [result.ok() for result in openapi.from_dict(document).get_all_operations()]  # pyright: ignore[reportAttributeAccessIssue]
    assert found
    return [operation for operation in found if operation.path not in ENDLESS]


def _cases(operation: Any, known: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Requests that fit the document and such that do not, to what is there and to what is not."""
    there = {name: value for name, value in known.items() if f"{{{name}}}" in operation.path}
    parts: list[st.SearchStrategy[Any]] = []
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        parts.append(operation.as_strategy(generation_mode=mode))
        if there:
            parts.append(operation.as_strategy(generation_mode=mode, path_parameters=there))
    return st.one_of(parts)


def test_core_answers_as_documented(
    product: Product, client: Client, session: requests.Session, subtests: pytest.Subtests
) -> None:
    document = client.call("GET", "/openapi.json")
    for operation in _routes(document):
        with subtests.test(operation=operation.label):
            flow = client.new_flow(*chain(table("numbers"), add("sorted", "sort", order_by=[{"column": "a"}])))
            known = {"flow_id": flow.flow_id, "node_id": "sorted", "run_id": flow.run()["run_id"]}

            @fuzzing(30)
            @given(_cases(operation, known))
            def send(case: Any) -> None:
                case.call_and_validate(
                    base_url=product.url, session=session, headers=product.headers, checks=CHECKS, timeout=SECONDS
                )

            send()
            assert client.call("GET", "/health")["status"] == "ok"
    assert "unexpected failure" not in product.log()


def test_worker_answers_as_documented(
    worker: Client, session: requests.Session, subtests: pytest.Subtests, product: Product
) -> None:
    document = worker.call("GET", "/openapi.json")
    for operation in _routes(document):
        with subtests.test(operation=operation.label):

            @fuzzing(150 if operation.path == "/tasks" else 20)
            @given(_cases(operation, {"task_id": "task", "file_ref": "0" * 32}))
            def send(case: Any) -> None:
                answer = case.call_and_validate(
                    base_url=str(worker.http.base_url),
                    session=session,
                    headers={"X-Internal-Token": INTERNAL_TOKEN},
                    checks=CHECKS,
                    timeout=SECONDS,
                )
                if answer.headers.get("content-type", [""])[0].startswith("application/x-ndjson"):
                    _assert_ends(answer.content)

            send()
            assert worker.call("GET", "/health")["status"] == "ok"
    assert worker.call("GET", "/tasks") == []


def _assert_ends(lines: bytes) -> None:
    """A task's events end with an answer, or a problem that somebody foresaw."""
    *_, last = [EVENT.validate_json(line) for line in lines.splitlines()]
    assert isinstance(last, DoneEvent | FailedEvent)
    if isinstance(last, FailedEvent):
        assert last.problem.code not in UNFORESEEN, last.problem


@pytest.mark.parametrize("service", ["core", "worker"])
def test_nobody_is_answered_without_the_token(product: Product, client: Client, worker: Client, service: str) -> None:
    known = client if service == "core" else worker
    with httpx.Client(base_url=known.http.base_url, trust_env=False) as stranger:
        for operation in _routes(known.call("GET", "/openapi.json")):
            path = operation.path.replace("{flow_id}", "1")
            answer = stranger.request(operation.method, path)
            assert answer.status_code == (200 if path == "/health" else 401), (operation.label, answer.text)


# Edits of every kind

ODD_TEXTS = [
    "",
    "a",
    "b",
    "\ud800",
    "nul\0",
    "x" * 10_000,
    "${p}",
    "${",
    "é\u0301",
    "1",
    "../../x",
    "\u202e",
    " ",
    "'\"",
    "#",
]
ODD_NUMBERS = [0, -1, 2**31, 2**53 + 1, 2**63, 2**64, 10**400, -(10**30), 0.5, 1e308, float("nan"), float("inf"), -0.0]

texts = st.sampled_from(ODD_TEXTS) | st.text(max_size=5)
scalars = texts | st.sampled_from(ODD_NUMBERS) | st.booleans() | st.none() | st.integers()


def _nested(depth: int, kind: str) -> Any:
    value: Any = "bottom"
    for _ in range(depth):
        value = [value] if kind == "list" else {"a": value}
    return value


deep = st.builds(_nested, st.sampled_from([3, 48, 49, 50, 51, 120, 400]), st.sampled_from(["list", "dict"]))
odd = st.recursive(
    scalars | deep, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=5
)

NODES = {str(node.model_fields["type"].default): node for node in builtin_registry()}
EXAMPLES = [(name, example.settings) for name, node in sorted(NODES.items()) for example in node.examples]
NAMES = [*sorted(NODES), "no_such_type", "", "\ud800"]

KNOWN = [1, 2, "a", "b"]
NEW = [3, 4, "c", "\ud83d\ude00", "nul\0", "-0", " "]
ODD_IDS = ["1", "\ud800", 2**53, 2**70, "", None, 1.5, True, "x" * 300, []]


@st.composite
def _typed_settings(draw: st.DrawFn) -> tuple[str, Any]:
    """The settings of an example, often with one of them replaced by something odd."""
    name, given_settings = draw(st.sampled_from(EXAMPLES))
    changed = json.loads(json.dumps(given_settings, default=str))
    if draw(st.integers(0, 2)) == 0:
        key = draw(st.sampled_from([*changed, "no_such_field"]))
        changed[key] = draw(odd)
    return name, changed


@st.composite
def _added(draw: st.DrawFn, ids: st.SearchStrategy[Any]) -> dict[str, Any]:
    name, changed = draw(_typed_settings() | _typed_settings() | st.tuples(st.sampled_from(NAMES), odd))
    return {"op": "add_step", "id": draw(ids), "type": name, "settings": changed}


def _operation(op: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"op": st.just(op), **fields})


def _operations(known: list[Any], new: list[Any], ports: list[str]) -> st.SearchStrategy[Any]:
    """All operations, on the steps and ports that are named."""
    ids, names = st.sampled_from(known), st.sampled_from(ports)
    places = st.fixed_dictionaries({"x": st.sampled_from([0, 0.5, -(10**8)]), "y": st.integers(-9, 9)})
    declared = st.fixed_dictionaries({"type": st.sampled_from(["text", "integer", "date"]), "default": texts})
    flow_settings = st.fixed_dictionaries({"name": texts, "description": texts})
    return st.one_of(
        _added(st.sampled_from(new)),
        _operation("update_step", id=ids, settings=_typed_settings().map(lambda pair: pair[1])),
        _operation("update_step", id=ids, title=texts, cache_results=st.booleans()),
        _operation("remove_step", id=ids),
        _operation("connect", source=ids, target=ids, input=names),
        _operation("connect", source=ids, target=ids, output=names, name=st.none() | texts, position=st.integers(0, 3)),
        _operation("disconnect", source=ids, target=ids, input=names),
        _operation("set_parameters", parameters=st.dictionaries(st.sampled_from(["p", "q"]), declared, max_size=2)),
        _operation("set_flow_settings", flow_settings=flow_settings),
        _operation("move", positions=st.dictionaries(ids.map(str), st.none() | places, max_size=3)),
    )


plausible = _operations(KNOWN, NEW, ["main", "left", "right"])
hardly = (
    _operations([*KNOWN, *ODD_IDS], [*KNOWN, *ODD_IDS], ["main", "", "\ud800", "sample"])
    | st.tuples(plausible, st.sampled_from(["title", "version", "index", "position", "more", "id"]), odd).map(
        lambda parts: {**parts[0], parts[1]: parts[2]}
    )
    | _operation("no_such_operation")
    | odd
)
some = st.lists(plausible, min_size=1, max_size=2)
edits = st.tuples(some | some | some | st.lists(plausible | hardly, min_size=1, max_size=3), st.just(0)) | st.tuples(
    some, st.sampled_from([0, 0, 0, -1, 1, 2**60, "x", None])
)


def _send(flow: Flow, path: str, body: Any) -> httpx.Response:
    """A request whose JSON may hold what JSON must not: `NaN`, halves of characters, numbers without end."""
    return flow.client.http.post(
        f"{flow.path}/{path}", content=json.dumps(body), headers={"Content-Type": "application/json"}
    )


def test_edits_of_every_kind_leave_a_flow_whole(client: Client) -> None:
    made: list[int] = []

    @fuzzing(100)
    @given(st.lists(edits, min_size=4, max_size=12))
    def work(batches: list[tuple[list[Any], Any]]) -> None:
        flow = client.new_flow(
            table(1),
            table(2, 2, "a", "b"),
            add("a", "sort", order_by=[{"column": "a"}]),
            add("b", "formula", columns=[{"name": "c", "expression": "a + 1"}]),
            connect(1, "a"),
        )
        seen = [flow.document()]
        for operations, distance in batches:
            revision = flow.revision + distance if isinstance(distance, int) else distance
            answer = _send(flow, "edits", {"revision": revision, "operations": operations})
            if answer.status_code == 200:
                assert answer.json()["revision"] == flow.revision + 1
                flow.revision += 1
                seen.append(flow.document())
            else:
                assert answer.status_code in {400, 409, 413, 422}, answer.text
                assert answer.headers["content-type"] == "application/problem+json"
                state = flow.state()
                assert (state["revision"], state["document"]) == (flow.revision, seen[-1])
        made.append(len(seen))
        _assert_opens(flow, seen[-1])
        for document in reversed(seen[:-1]):
            assert _send(flow, "undo", {}).status_code == 200
            assert flow.document() == document
        for document in seen[1:]:
            assert _send(flow, "redo", {}).status_code == 200
            assert flow.document() == document
        client.call("DELETE", f"{flow.path}?discard=true", status=204)

    work()
    assert sum(made) > 2 * len(made), "hardly an edit was taken"


def _assert_opens(flow: Flow, document: dict[str, Any]) -> None:
    """The flow's file holds what the flow is, every step can be looked at, and a run gets an answer."""
    text = flow.client.text(f"{flow.path}/export?format=yaml")
    imported = Flow(flow.client, flow.client.call("POST", "/flows/import", {"text": text}, status=201))
    again = imported.document()
    for part in ("flow_settings", "parameters", "steps"):
        assert again[part] == document[part]
    assert _edges(again) == _edges(document)
    imported.client.call("DELETE", f"{imported.path}?discard=true", status=204)
    state = flow.state()
    assert [node["id"] for node in state["node_states"]] == [step["id"] for step in document["steps"]]
    for step in document["steps"]:
        rows = flow.client.http.get(f"{flow.path}/nodes/{quote(str(step['id']), safe='')}/rows?limit=5")
        assert rows.status_code in {200, 422}, rows.text
        assert rows.status_code == 200 or rows.json()["code"] not in UNFORESEEN, rows.text
    ran = flow.client.http.post(f"{flow.path}/runs?wait={SECONDS}", json={"mode": "performance"})
    assert ran.status_code in {200, 422}, ran.text
    if ran.status_code == 200 and ran.json()["problem"]:
        assert ran.json()["problem"]["code"] not in UNFORESEEN, ran.text


def _edges(document: dict[str, Any]) -> dict[str, list[Any]]:
    """The edges by the port that they end at: only there does their order mean something."""
    ends: dict[str, list[Any]] = {}
    for edge in document["edges"]:
        ends.setdefault(json.dumps([edge["target"], edge["input"]]), []).append(edge)
    return ends


BODIES = [
    b"",
    b"null",
    b"[]",
    b'{"revision":0,"operations":',
    b'{"revision":0,"operations":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b'{"revision":' + b"9" * 5_000 + b',"operations":[]}',
    b'{"revision":1e999,"operations":[]}',
    b'{"revision":0,"operations":[{"op":"remove_step","id":"\\ud800"}]}',
    b'{"revision":0,"operations":[{"op":"remove_step","id":"\xff\xfe"}]}',
    b'\xef\xbb\xbf{"revision":0,"operations":[]}',
    '{"revision":0,"operations":[]}'.encode("utf-16"),
]


@pytest.mark.parametrize("number", range(len(BODIES)))
def test_bodies_that_are_hardly_json_are_refused(client: Client, worker: Client, number: int) -> None:
    flow = client.new_flow(table(1))
    headers = {"Content-Type": "application/json"}
    targets = [
        (client, f"{flow.path}/edits"),
        (client, f"{flow.path}/runs"),
        (client, "/flows/import"),
        (worker, "/tasks"),
    ]
    for service, path in targets:
        answer = service.http.post(path, content=BODIES[number], headers=headers)
        # A run may be asked for without a body.
        allowed = {400, 409, 413, 422} | ({200, 202} if path.endswith("/runs") else set())
        assert answer.status_code in allowed, (path, answer.text)
    assert flow.state()["revision"] == flow.revision
