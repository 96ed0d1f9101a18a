"""The guard of every route: who asks, whether the object is theirs, whether they may."""

import hashlib
import json
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from andon import errors
from andon.api import idempotent
from andon.api.deps import service_of
from andon.engines.tenants.roles import Permission
from andon.models.redaction import contains_raw_key, redact
from andon.runtime import integrations, prices
from andon.runtime.context import Context
from andon.runtime.telemetry import voiding
from andon.runtime.tenants import credentials, directory
from andon.runtime.tenants.caller import Caller

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

_FIND: dict[str, Callable[[Context, Caller, str], Any]] = {
    "integration_id": integrations.read_integration,
    "price_id": prices.read_price,
    "tenant_id": directory.read_tenant,
    "key_id": credentials.read_key,
    "principal_id": credentials.read_principal,
    "record_id": voiding.read_record,
}
"""How an object named in a path is looked up; each lookup sees the caller's own only."""


def needs(permission: Permission) -> dict[str, Any]:
    """Declare on a route what its callers must be allowed to do."""
    return {"x-permission": str(permission), "security": [{"key": []}]}


class GuardedRoute(APIRoute):
    """A route that answers 401, then 404, then 403, and only then looks at the body."""

    def get_route_handler(self) -> Handler:
        """Wrap the endpoint in its guard."""
        inner = super().get_route_handler()
        permission = Permission((self.openapi_extra or {})["x-permission"])

        async def guarded(request: Request) -> Response:
            request.scope["andon_route"] = f"/api/v1{self.path}"
            caller = await admit(request)
            await _find_objects(request, caller)
            caller.require(permission)
            _check_query(request)
            if request.method not in {"POST", "PATCH", "PUT", "DELETE"}:
                return await inner(request)
            body = await _read_body(request)
            key = request.headers.get("idempotency-key")
            if request.method != "POST" or key is None:
                return await inner(request)
            digest = hashlib.sha256(request.scope["path"].encode() + b"\0" + body).digest()
            return await idempotent.once(request, caller, key, digest, inner)

        return guarded


async def admit(request: Request) -> Caller:
    """Authenticate a request by its Bearer key and note its caller."""
    service = service_of(request)
    presented = bearer(request.headers.get("authorization"))
    caller = await service.doorkeeper.admit(presented)
    request.state.caller = caller = replace(caller, request_id=request.state.request_id)
    return caller


def bearer(header: str | None) -> str:
    """Read the key out of an Authorization header."""
    scheme, _, key = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise errors.NotAuthenticated
    return key.strip()


async def _find_objects(request: Request, caller: Caller) -> None:
    ctx = service_of(request).ctx
    for name, value in request.path_params.items():
        find = _FIND.get(name)
        if find is None:
            continue
        if is_unsafe(value):
            raise errors.NotFound
        await ctx.run(find, ctx, caller, value)


def is_unsafe(text: str) -> bool:
    """Tell whether a text must not reach a statement: no id or filter is a key or holds U+0000."""
    return "\0" in text or contains_raw_key(text)


def _check_query(request: Request) -> None:
    for name, value in request.query_params.multi_items():
        if contains_raw_key(value):
            raise errors.RawCredential
        if "\0" in value:
            raise errors.InvalidRequest(
                "a query parameter must not hold U+0000",
                errors=[{"field": redact(name), "code": "invalid_text"}],
            )


async def _read_body(request: Request) -> bytes:
    if request.headers.get("content-encoding", "identity") != "identity":
        raise errors.EncodingNotOffered
    limit = service_of(request).ctx.settings.body_max_bytes
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise errors.BodyTooLarge
        chunks.append(chunk)
    body = b"".join(chunks)
    # Kept where the framework looks for it, since the stream is read.
    request._body = body
    if contains_raw_key(_plain_text(body)):
        raise errors.RawCredential
    return body


def _plain_text(body: bytes) -> str:
    """Write a body without escapes, in which a key could hide; what is no JSON stays as it is."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise errors.InvalidJson from None
    if "\0" in text:
        # The framework would read UTF-16 and UTF-32 as well, which the search for keys does not.
        raise errors.InvalidJson
    try:
        return json.dumps(json.loads(text.removeprefix("\ufeff")), ensure_ascii=False)
    except (ValueError, RecursionError):
        return text
