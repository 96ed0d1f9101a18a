"""The raw path on which usage is reported: no framework between the socket and the commit."""

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs

import msgspec
from starlette.types import Receive, Scope, Send

from andon import errors
from andon.adapters.telemetry import BatchRefused, RecordRefused, decode_batch, decode_one
from andon.api import problems
from andon.api.deps import Service
from andon.api.guard import bearer, is_unsafe
from andon.engines.tenants.roles import Permission
from andon.models.ids import text_of
from andon.runtime.tenants.caller import Caller

ONE = "/api/v1/telemetry/llm-usage"
BATCH = "/api/v1/telemetry/llm-usage/batch"

_encode = msgspec.json.Encoder().encode
_JSON = (b"content-type", b"application/json")


class Ingest:
    """Answers POSTs of usage; everything that is acknowledged is durable."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._routes: dict[str, Callable[[Caller, bytes, str | None], Awaitable[bytes]]] = {
            ONE: self._one,
            BATCH: self._batch,
        }

    def takes(self, scope: Scope) -> bool:
        """Tell whether this request is for the raw path."""
        return scope["method"] == "POST" and scope["path"] in self._routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            caller = await self._service.doorkeeper.admit(bearer(_header(scope, b"authorization")))
            scope["state"]["caller"] = caller
            caller.require(Permission.REPORT_USAGE)
            body = await self._read(scope, receive)
            answer = await self._routes[scope["path"]](caller, body, _import_id(scope))
        except errors.AndonError as fault:
            await problems.response_of(fault)(scope, receive, send)
            return
        length = (b"content-length", str(len(answer)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [_JSON, length]})
        await send({"type": "http.response.body", "body": answer})

    async def _read(self, scope: Scope, receive: Receive) -> bytes:
        if (_header(scope, b"content-encoding") or "identity") != "identity":
            raise errors.EncodingNotOffered
        limit = self._service.ctx.settings.ingest_body_max_bytes
        chunks: list[bytes] = []
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise errors.InvalidRequest("the connection ended before the body did")
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            if size > limit:
                raise errors.BodyTooLarge
            more = message.get("more_body", False)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def _one(self, caller: Caller, body: bytes, import_id: str | None) -> bytes:
        try:
            record = decode_one(body)
        except RecordRefused as refused:
            self._count_refused([refused.code])
            raise errors.RecordRefused(refused.code, refused.message) from None
        receipt = await self._service.recorder.record_usage(caller, [record], import_id)
        for _, code, message in receipt.refused:
            if code == errors.CallIdConflict.code:
                raise errors.CallIdConflict
            raise errors.RecordRefused(code, message)
        status = "accepted" if receipt.accepted else "duplicate"
        return _encode({"status": status, "id": text_of(receipt.last_id)})

    async def _batch(self, caller: Caller, body: bytes, import_id: str | None) -> bytes:
        try:
            batch = decode_batch(body)
        except BatchRefused as refused:
            raise errors.RecordRefused(refused.code, refused.message) from None
        receipt = await self._service.recorder.record_usage(
            caller, batch.records, import_id, batch.places
        )
        self._count_refused([refused.code for refused in batch.rejected])
        rejected = [(r.index, r.code, r.message) for r in batch.rejected] + receipt.refused
        answer = {
            "accepted": receipt.accepted,
            "duplicates": receipt.duplicates,
            "rejected": [
                {"index": index, "code": code, "message": message}
                for index, code, message in sorted(rejected)
            ],
        }
        return _encode(answer)

    def _count_refused(self, codes: list[str]) -> None:
        for code in codes:
            self._service.ctx.meters.count_rejected(code)


def _header(scope: Scope, name: bytes) -> str | None:
    for key, value in scope["headers"]:
        if key == name:
            text: str = value.decode("latin-1")
            return text
    return None


def _import_id(scope: Scope) -> str | None:
    query = scope.get("query_string", b"")
    if not query:
        return None
    asked = parse_qs(query.decode("latin-1"), keep_blank_values=True, max_num_fields=10)
    unknown = sorted(set(asked) - {"import_id"})
    if unknown:
        raise errors.InvalidRequest("the only query parameter here is import_id")
    found = asked.get("import_id")
    if found and is_unsafe(found[0]):
        raise errors.UnknownImport
    return found[0] if found else None
