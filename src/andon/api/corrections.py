"""Endpoints that correct usage, and that tell whether its books balance."""

from typing import Any

from fastapi import APIRouter, Request

from andon.api.deps import Ctx, Who, service_of
from andon.api.guard import GuardedRoute, needs
from andon.engines.tenants.roles import Permission
from andon.runtime.books import verifying
from andon.runtime.telemetry import reports, repricing, voiding
from andon.schemas.corrections import RepriceCreate, VerifyCreate, VoidCreate

router = APIRouter(route_class=GuardedRoute, tags=["telemetry"])

CORRECT = needs(Permission.CORRECT_USAGE)


@router.post("/telemetry/llm-usage/{record_id}/void", openapi_extra=CORRECT)
def void_record(ctx: Ctx, who: Who, record_id: str, body: VoidCreate) -> dict[str, Any]:
    """Take a record out of all sums; it stays in the list, and its call_id stays taken."""
    return voiding.void_record(ctx, who, record_id, body.reason)


@router.post("/telemetry/reprice", openapi_extra=CORRECT)
async def reprice(
    request: Request, ctx: Ctx, who: Who, body: RepriceCreate | None = None
) -> dict[str, Any]:
    """Price calls again whose cost was computed or is unknown; a stated cost stays.

    Without dates the current month. The answer comes when all is done, which takes a second for
    some hundred thousand calls.
    """
    service, given = service_of(request), body or RepriceCreate()
    period = reports.period_of(ctx, who, given.period_start, given.period_end)
    asked = given.model_dump(include={"integration_id", "provider", "model"})

    def work() -> dict[str, Any]:
        return repricing.reprice(
            ctx, who, period, asked, lambda: service.is_ready, is_dry=given.dry_run
        )

    # In the pool that a stopping server waits for, so that nothing outlives the store.
    with service.alone(f"reprice {who.tenant.id}"):
        return await ctx.run(work)


@router.post("/verify", openapi_extra=needs(Permission.VERIFY_BOOKS))
async def verify(
    request: Request, ctx: Ctx, who: Who, body: VerifyCreate | None = None
) -> dict[str, Any]:
    """Compare sums, dedupe keys and block numbers with the records, while others go on writing.

    The tenant's own; an admin of the tenant `default` may ask for all.
    """
    service, given = service_of(request), body or VerifyCreate()

    def work() -> dict[str, Any]:
        return verifying.verify(ctx, who, lambda: service.is_ready, is_all=given.all_tenants)

    with service.alone("verify"):
        return await ctx.run(work)
