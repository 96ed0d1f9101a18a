"""The endpoint that gives all single records as one text, however many they are."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from andon import errors
from andon.adapters.usage_text import Csv, JsonLines, Writer
from andon.api.deps import Ctx, Who
from andon.api.guard import GuardedRoute, needs
from andon.engines.tenants.roles import Permission
from andon.runtime.context import Context
from andon.runtime.telemetry import export
from andon.runtime.tenants.caller import Caller

router = APIRouter(route_class=GuardedRoute)

READ = needs(Permission.READ_USAGE)
Day = Annotated[date | None, Query(description="in the tenant's time zone, included")]
Form = Annotated[Literal["jsonl", "csv"], Query(alias="format")]

_MORE_TRIES = 4
_CONTENT: dict[str, Any] = {"application/x-ndjson": {}, "text/csv": {}}


@router.get(
    "/telemetry/llm-usage/export",
    tags=["telemetry"],
    openapi_extra=READ,
    response_class=StreamingResponse,
    responses={200: {"description": "All records, oldest first", "content": _CONTENT}},
)
async def export_usage(
    ctx: Ctx,
    who: Who,
    form: Form = "jsonl",
    period_start: Day = None,
    period_end: Day = None,
    integration_id: Annotated[str | None, Query(max_length=100)] = None,
) -> StreamingResponse:
    """Give single records in the order of their commits, up to those committed now.

    An answer that ends before its end breaks its connection: what came whole is complete.
    """
    asked = await ctx.run(export.begin, ctx, who, period_start, period_end, integration_id)
    writer: Writer = Csv() if form == "csv" else JsonLines()
    named = {"Content-Disposition": f'attachment; filename="usage.{form}"'}
    return StreamingResponse(_text(ctx, who, asked, writer), 200, named, writer.media_type)


async def _text(
    ctx: Context, who: Caller, asked: export.Export, writer: Writer
) -> AsyncIterator[bytes]:
    yield writer.head()
    after: int | None = asked.after
    while after is not None:
        text, after = await _page(ctx, who, asked, after, writer)
        if text:
            yield text


async def _page(
    ctx: Context, who: Caller, asked: export.Export, after: int, writer: Writer
) -> tuple[bytes, int | None]:
    """Read a page, again for a while when the store does not answer: much may be read already."""
    for _ in range(_MORE_TRIES):
        try:
            return await ctx.run(_read, ctx, who, asked, after, writer)
        except errors.StoreUnavailable as fault:
            await ctx.sleep(fault.retry_after_seconds or 1)
    return await ctx.run(_read, ctx, who, asked, after, writer)


def _read(
    ctx: Context, who: Caller, asked: export.Export, after: int, writer: Writer
) -> tuple[bytes, int | None]:
    columns, following = export.read_on(ctx, who, asked, after)
    return (writer.write(columns) if columns else b""), following
