"""Who is answered, and what a web page elsewhere can do: nothing."""

from __future__ import annotations

import itertools
import stat
from pathlib import Path

import httpx
import pytest
from core_support import Core, WorkerDouble, running_core

from flowfile_core.app import create_app
from flowfile_core.security import COOKIE, load_token
from flowfile_core.settings import Settings


async def test_every_route_demands_the_token(core: Core) -> None:
    async with httpx.AsyncClient(base_url=core.url) as anyone:
        assert (await anyone.get("/health")).json()["status"] == "ok"
        paths = core.services.settings and create_app(core.services.settings).openapi()["paths"]
        for path, methods in paths.items():
            for method in methods:
                answer = await anyone.request(method.upper(), path.replace("{", "1").replace("}", ""), json={})
                assert (path == "/health") == (answer.status_code == 200), (method, path, answer.status_code)
                assert path == "/health" or answer.json()["code"] == "unauthorized"
        assert (await anyone.get("/openapi.json")).status_code == 401


@pytest.mark.parametrize("header", ["Bearer wrong", "Bearer", "Basic x", "Bearer \xff\xfe", "nonsense"])
async def test_wrong_tokens_are_refused(core: Core, header: str) -> None:
    async with httpx.AsyncClient(base_url=core.url, headers=[(b"Authorization", header.encode("latin-1"))]) as anyone:
        assert (await anyone.get("/flows")).status_code == 401


async def test_the_page_gets_its_token_without_a_form(core: Core) -> None:
    async with httpx.AsyncClient(base_url=core.url, follow_redirects=True) as page:
        answer = await page.get("/")
        assert answer.url.path == "/ui/"
        assert "Flowfile" in answer.text
        cookie = answer.history[0].headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "samesite=strict" in cookie.lower()
        assert page.cookies[COOKIE] == core.token
        assert (await page.get("/flows")).status_code == 200


async def test_pages_fetch_nothing_from_elsewhere(core: Core) -> None:
    for path in ("/ui/", "/ui/flows/3", "/api-docs"):
        answer = await core.http.get(path)
        assert answer.status_code == 200
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        for sign in ("<script", 'src="http', "<link", "@import"):
            assert sign not in answer.text
    assert "/flows/{flow_id}/edits" in (await core.http.get("/api-docs")).text


async def test_other_names_are_not_answered(core: Core) -> None:
    hosts = ("evil.example", "localhost.evil.example:63578", "", "127.0.0.1.nip.io")
    for host, path in itertools.product(hosts, ("/health", "/ui/", "/flows")):
        answer = await core.http.get(path, headers={"Host": host})
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


async def test_names_of_loopback_are_answered(core: Core) -> None:
    for host in ("localhost:1", "127.0.0.1", "[::1]:8080", "LOCALHOST"):
        assert (await core.http.get("/health", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
    ],
)
async def test_other_pages_are_not_answered(core: Core, headers: dict[str, str]) -> None:
    assert (await core.http.post("/flows", json={}, headers=headers)).status_code == 403
    assert (await core.http.get("/flows", headers=headers)).status_code == 403


async def test_our_own_page_and_links_to_it_are_answered(core: Core) -> None:
    assert (await core.http.get("/flows", headers={"Origin": core.url})).status_code == 200
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert (await core.http.get("/ui/", headers=headers)).status_code == 200


async def test_pages_that_were_named_are_answered(settings: Settings, worker: WorkerDouble) -> None:
    named = settings.model_copy(update={"allowed_origins": ["http://localhost:5173"], "allowed_hosts": ["core"]})
    async with running_core(named) as core:
        answer = await core.http.get("/flows", headers={"Origin": "http://localhost:5173", "Host": "core:80"})
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "http://localhost:5173"
    assert worker.url


def test_the_token_is_kept_and_only_ours_to_read(tmp_path: Path) -> None:
    token = load_token(tmp_path)
    assert load_token(tmp_path) == token
    assert len(token) >= 40
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600
