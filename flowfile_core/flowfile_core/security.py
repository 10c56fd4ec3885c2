"""Who may call Core: a token on every route, and a check of where requests come from.

A web page elsewhere can make a browser send requests to this machine. It cannot read the token; `Host` and `Origin`
show a page that tries anyway (DNS rebinding, forged forms).
"""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, cast

from fastapi import Depends, Request, Response
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from flowfile_core.problems import ForbiddenError, UnauthorizedError, error_response

COOKIE = "flowfile_token"
TOKEN_FILE = "token"
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class User:
    """The person that a request comes from."""

    user_id: int
    name: str


@dataclass(frozen=True, slots=True)
class Gate:
    """The token of single-user mode, and whose it is."""

    token: str
    user: User

    def admits(self, *given: str | None) -> bool:
        """Whether one of the texts is the token. Takes the same time for each wrong one."""
        expected = self.token.encode()
        found = [text is not None and hmac.compare_digest(text.encode(), expected) for text in given]
        return any(found)


def load_token(data_dir: Path) -> str:
    """The token in the data folder, made at the first start. Only the person that runs Core can read it."""
    data_dir.mkdir(parents=True, exist_ok=True)
    path = data_dir / TOKEN_FILE
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        token = path.read_text().strip()
        if token:
            return token
        path.unlink()
        return load_token(data_dir)
    with os.fdopen(descriptor, "w") as file:
        token = secrets.token_urlsafe(32)
        file.write(token)
    return token


_bearer = HTTPBearer(auto_error=False, description="The token in the data folder's file `token`")
_cookie = APIKeyCookie(name=COOKIE, auto_error=False, description="Given to the pages that Core serves on loopback")


async def current_user(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    cookie: Annotated[str | None, Depends(_cookie)],
) -> User:
    """The person that a request comes from.

    Raises:
        UnauthorizedError: the request brings no token, or a wrong one.
    """
    gate = cast("Gate", request.app.state.gate)
    if not gate.admits(bearer.credentials if bearer is not None else None, cookie):
        raise UnauthorizedError("a valid token is needed", hint=f"it is in the data folder, in the file {TOKEN_FILE}")
    return gate.user


CurrentUser = Annotated[User, Depends(current_user)]


def give_cookie(response: Response, token: str) -> None:
    """Let the page that is served use the API, and no script read how."""
    response.set_cookie(COOKIE, token, httponly=True, samesite="strict", path="/")


class OriginGuard:
    """Refuses requests that come by a name, or from a page, that is not ours."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str], origins: Sequence[str]) -> None:
        self.app = app
        self._hosts = LOOPBACK_NAMES | {host.lower() for host in hosts}
        self._origins = frozenset(origin.rstrip("/").lower() for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] == "http":
            error = self._refusal(Headers(scope=scope))
            if error is not None:
                await error_response(error)(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _refusal(self, headers: Headers) -> ForbiddenError | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or _name(hosts[0]) not in self._hosts:
            return ForbiddenError(
                "Core is not called by that name", hint="FLOWFILE_ALLOWED_HOSTS lists further names it answers to"
            )
        origins = headers.getlist("origin")
        if origins:
            ours = {f"http://{hosts[0]}".lower(), f"https://{hosts[0]}".lower()} | self._origins
            if any(origin.lower() not in ours for origin in origins):
                return ForbiddenError("requests of other web pages are not answered")
        elif (
            headers.get("sec-fetch-site") in ("cross-site", "same-site") and headers.get("sec-fetch-mode") != "navigate"
        ):
            return ForbiddenError("requests of other web pages are not answered")
        return None


def _name(host: str) -> str:
    """The name in a `Host` header, without the port."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
