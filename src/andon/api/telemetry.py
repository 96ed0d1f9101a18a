"""Endpoints that read usage; reporting it has a raw path of its own."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query

from andon.api.deps import Ctx, LargePage, Page, Who, paged
from andon.api.guard import GuardedRoute, needs
from andon.engines.tenants.roles import Permission
from andon.runtime.telemetry import reports
from andon.schemas.admin import ImportCreate
from andon.schemas.cus_schemas import CusUsageSummary

router = APIRouter(route_class=GuardedRoute)

READ = needs(Permission.READ_USAGE)
Text = Annotated[str | None, Query(max_length=100)]
Day = Annotated[date | None, Query(description="in the tenant's time zone, included")]


def period_of(
    ctx: Ctx, who: Who, period_start: Day = None, period_end: Day = None
) -> reports.Period:
    """Read the period that is asked for; the current month without dates."""
    return reports.period_of(ctx, who, period_start, period_end)


def filters_of(
    integration_id: Text = None, agent_id: Text = None, model: Text = None
) -> dict[str, Any]:
    """Read the filters that sums and lists share."""
    return {"integration_id": integration_id, "agent_id": agent_id, "model": model}


Period = Annotated[reports.Period, Depends(period_of)]
Filters = Annotated[dict[str, Any], Depends(filters_of)]


@router.get("/telemetry/usage-summary", tags=["telemetry"], openapi_extra=READ)
def read_summary(ctx: Ctx, who: Who, period: Period) -> CusUsageSummary:
    """Sum a period of the tenant, in all and by integration."""
    return CusUsageSummary(**reports.summarise(ctx, who, period))


@router.get("/telemetry/daily-aggregates", tags=["telemetry"], openapi_extra=READ)
def list_daily(
    ctx: Ctx, who: Who, period: Period, filters: Filters, page: LargePage
) -> dict[str, Any]:
    """List sums by day, integration, agent and model."""
    items = reports.aggregate_daily(ctx, who, period, filters, page.cursor, page.limit)
    return paged(*items)


@router.get("/telemetry/usage-history", tags=["telemetry"], openapi_extra=READ)
def list_history(
    ctx: Ctx,
    who: Who,
    period: Period,
    filters: Filters,
    page: LargePage,
    bucket: Literal["hour", "day"] = "day",
) -> dict[str, Any]:
    """List sums by hour (UTC) or by day (of the tenant); agent_id goes with days."""
    return paged(*reports.trace_history(ctx, who, bucket, period, filters, page.cursor, page.limit))


@router.get("/telemetry/llm-usage", tags=["telemetry"], openapi_extra=READ)
def list_records(
    ctx: Ctx,
    who: Who,
    filters: Filters,
    page: Page,
    provider: Text = None,
    call_id: Text = None,
    session_id: Text = None,
    end_user: Text = None,
    import_id: Text = None,
    error_code: Text = None,
    policy_result: Text = None,
    *,
    unpriced: Annotated[bool, Query(description="only calls whose price is unknown")] = False,
) -> dict[str, Any]:
    """List single records, the newest first; a page may be empty and still go on."""
    asked = {
        **filters,
        "provider": provider,
        "call_id": call_id,
        "session_id": session_id,
        "end_user": end_user,
        "import_id": import_id,
        "error_code": error_code,
        "policy_result": policy_result,
    }
    return paged(*reports.list_records(ctx, who, asked, unpriced, page.cursor, page.limit))


@router.get("/imports", tags=["telemetry"], openapi_extra=READ)
def list_imports(ctx: Ctx, who: Who, page: Page) -> dict[str, Any]:
    """List the imports of the tenant."""
    return paged(*reports.list_imports(ctx, who, page.cursor, page.limit))


@router.post(
    "/imports", status_code=201, tags=["telemetry"], openapi_extra=needs(Permission.BACKFILL_USAGE)
)
def open_import(ctx: Ctx, who: Who, body: ImportCreate | None = None) -> dict[str, Any]:
    """Open an import; batches of older calls carry its id as ?import_id=."""
    return reports.open_import(ctx, who, body.note if body else "")
