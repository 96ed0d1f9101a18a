"""Idempotency-Key: the first request under a key acts, a repeat gets the same answer."""

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from andon import errors
from andon.api.deps import service_of
from andon.runtime.tenants import repeats
from andon.runtime.tenants.caller import Caller

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


async def once(
    request: Request, caller: Caller, key: str, digest: bytes, inner: Handler
) -> Response:
    """Answer a POST, or repeat the answer that its key had before.

    A new API key is shown once only: a repeated answer has null in its place.
    """
    if not 1 <= len(key) <= 200 or not key.isprintable():
        raise errors.InvalidRequest("Idempotency-Key must have 1 to 200 printable characters")
    ctx = service_of(request).ctx
    place = repeats.Place(caller, f"{request.method} {request.scope['path']}", key, digest)
    before = await ctx.run(repeats.reserve, ctx, place)
    if before is not None:
        answer = JSONResponse(json.loads(before.body), before.status)
        answer.headers["Idempotent-Replayed"] = "true"
        return answer
    try:
        response = await inner(request)
    except BaseException:
        await ctx.run(repeats.release, ctx, place)
        raise
    await ctx.run(repeats.keep, ctx, place, response.status_code, _shown_again(response.body))
    return response


def _shown_again(body: bytes | memoryview) -> str:
    answer = json.loads(bytes(body) or b"null")
    if isinstance(answer, dict) and "key" in answer:
        answer["key"] = None
    return json.dumps(answer)
