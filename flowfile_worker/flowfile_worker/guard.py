"""Who may speak to the service: the right `Host`, and the token."""

from __future__ import annotations

import hmac
import ipaddress

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from flowfile_engine.errors import Problem
from flowfile_worker.problems import problem_response

TOKEN_HEADER = "X-Internal-Token"
_OPEN_PATHS = frozenset({"/health"})


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's loopback."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Guard:
    """Refuses requests with a foreign `Host` header (a web page elsewhere) or without the token.

    Args:
        app: what it protects.
        token: None: nobody needs one.
        hosts: the names that `Host` may hold besides loopback's; None: any.
    """

    def __init__(self, app: ASGIApp, token: str | None, hosts: frozenset[str] | None) -> None:
        self._app = app
        self._token = token.encode() if token else None
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with a problem."""
        if scope["type"] == "http" and (problem := self._objection(scope["path"], Headers(scope=scope))) is not None:
            await problem_response(problem)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _objection(self, path: str, headers: Headers) -> Problem | None:
        host = _host_name(headers.get("host", ""))
        if self._hosts is not None and host not in self._hosts and not is_loopback(host):
            return Problem(
                code="bad_host",
                message=f"the service does not answer to the name {host!r}",
                hint="name it with --allowed-host",
            )
        given = headers.get(TOKEN_HEADER, "").encode("latin-1")
        if self._token is None or path in _OPEN_PATHS or hmac.compare_digest(given, self._token):
            return None
        return Problem(
            code="unauthorized",
            message=f"the header {TOKEN_HEADER} is missing or wrong",
            hint="services share a token by FLOWFILE_INTERNAL_TOKEN",
        )


def _host_name(host: str) -> str:
    """A `Host` header without its port and brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()
