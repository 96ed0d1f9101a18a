"""The outermost layer: request ids, security headers, metrics, one log line a request."""

import re
import time
from collections.abc import Callable
from typing import Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from andon.api import problems
from andon.models.redaction import contains_raw_key
from andon.runtime.meters import Meters


class Log(Protocol):
    """Where a line for each answered request goes."""

    def write(
        self,
        method: str,
        route: str,
        status: int,
        seconds: float,
        request_id: str,
        tenant_id: str | None,
        key_id: str | None,
    ) -> None:
        """Write one line."""


SECURITY_HEADERS = [
    (
        b"content-security-policy",
        (
            b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
            b"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        ),
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
]

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Edge:
    """Wraps the whole application; the raw ingest path passes through it too."""

    def __init__(
        self, app: ASGIApp, meters: Meters, new_id: Callable[[], str], log: Log | None
    ) -> None:
        self._app = app
        self._meters = meters
        self._new_id = new_id
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and note what became of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = self._request_id(scope)
        # A state of its own: the server shares one dictionary between requests.
        scope["state"] = {**scope.get("state", {}), "request_id": request_id}
        started = time.perf_counter()
        status = 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message["headers"], *SECURITY_HEADERS]
                headers.append((b"x-request-id", request_id.encode()))
                message["headers"] = headers
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception as fault:  # whatever it was, the caller gets a problem and no trace
            answer = problems.response_of(problems.unexpected(fault, request_id))
            if status == 0:
                await answer(scope, receive, noted)
        finally:
            self._note(scope, status, time.perf_counter() - started, request_id)

    def _request_id(self, scope: Scope) -> str:
        for name, value in scope["headers"]:
            if name == b"x-request-id":
                sent = value.decode("latin-1")
                if _REQUEST_ID.fullmatch(sent) and not contains_raw_key(sent):
                    return str(sent)
        return self._new_id()

    def _note(self, scope: Scope, status: int, seconds: float, request_id: str) -> None:
        route = _route_of(scope)
        method = scope["method"][:10]
        self._meters.note_request(method, route, status, seconds)
        if self._log is not None:
            caller = scope["state"].get("caller")
            tenant_id, key_id = (caller.tenant.id, caller.key_id) if caller else (None, None)
            self._log.write(method, route, status, seconds, request_id, tenant_id, key_id)


def _route_of(scope: Scope) -> str:
    # The route's template, never the path: a path may carry anything.
    template = scope.get("andon_route") or getattr(scope.get("route"), "path", None)
    return str(template or "unknown")
