"""Endpoints of integrations."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from andon.api.deps import Ctx, IfMatch, Page, Who, paged, tag
from andon.api.guard import GuardedRoute, needs
from andon.engines.tenants.roles import Permission
from andon.models.cus_models import CusIntegrationStatus, CusProviderType
from andon.runtime import integrations
from andon.runtime.telemetry import reports
from andon.schemas.cus_schemas import (
    CusHealthCheckResponse,
    CusIntegrationCreate,
    CusIntegrationResponse,
    CusIntegrationUpdate,
    CusLimitsStatus,
)

router = APIRouter(prefix="/integrations", tags=["integrations"], route_class=GuardedRoute)

READ = needs(Permission.READ_INTEGRATIONS)
WRITE = needs(Permission.WRITE_INTEGRATIONS)


def _answer(response: Response, who: Who, row: dict[str, Any]) -> CusIntegrationResponse:
    tag(response, row["revision"])
    return CusIntegrationResponse(**integrations.shown(who, row))


@router.get("", openapi_extra=READ)
def list_integrations(
    ctx: Ctx,
    who: Who,
    page: Page,
    provider_type: CusProviderType | None = None,
    status: CusIntegrationStatus | None = None,
    name: Annotated[str | None, Query(max_length=255)] = None,
) -> dict[str, Any]:
    """List the integrations of the tenant, oldest first."""
    asked = {"provider_type": provider_type, "status": status, "name": name}
    filters = {key: str(getattr(v, "value", v)) for key, v in asked.items() if v is not None}
    rows, after = integrations.list_integrations(ctx, who, page.cursor, page.limit, filters)
    return paged([integrations.shown(who, row) for row in rows], after)


@router.post("", status_code=201, openapi_extra=WRITE)
def create_integration(
    ctx: Ctx, who: Who, body: CusIntegrationCreate, response: Response
) -> CusIntegrationResponse:
    """Make an integration; its credential is a reference, never a key."""
    row = integrations.create_integration(ctx, who, body.model_dump(mode="json"))
    return _answer(response, who, row)


@router.get("/{integration_id}", openapi_extra=READ)
def read_integration(
    ctx: Ctx, who: Who, integration_id: str, response: Response
) -> CusIntegrationResponse:
    """Read an integration; its ETag goes into If-Match of a PATCH."""
    return _answer(response, who, integrations.read_integration(ctx, who, integration_id))


@router.patch("/{integration_id}", openapi_extra=WRITE)
def change_integration(
    ctx: Ctx,
    who: Who,
    integration_id: str,
    body: CusIntegrationUpdate,
    if_match: IfMatch,
    response: Response,
) -> CusIntegrationResponse:
    """Change the given fields; another base_url drops the credential unless one comes with it."""
    fields = body.model_dump(mode="json", exclude_unset=True)
    row = integrations.change_integration(ctx, who, integration_id, fields, if_match)
    return _answer(response, who, row)


@router.delete("/{integration_id}", status_code=204, openapi_extra=WRITE)
def delete_integration(ctx: Ctx, who: Who, integration_id: str, if_match: IfMatch) -> None:
    """Delete an integration; its usage stays in the sums and its name is free again."""
    integrations.delete_integration(ctx, who, integration_id, if_match)


@router.post("/{integration_id}/enable", openapi_extra=WRITE)
def enable_integration(
    ctx: Ctx, who: Who, integration_id: str, response: Response
) -> CusIntegrationResponse:
    """Enable an integration; nobody is called."""
    return _answer(response, who, integrations.take_step(ctx, who, integration_id, "enable"))


@router.post("/{integration_id}/disable", openapi_extra=WRITE)
def disable_integration(
    ctx: Ctx, who: Who, integration_id: str, response: Response
) -> CusIntegrationResponse:
    """Disable an integration; usage that is reported late is still accepted."""
    return _answer(response, who, integrations.take_step(ctx, who, integration_id, "disable"))


@router.get("/{integration_id}/health", openapi_extra=READ)
def read_health(ctx: Ctx, who: Who, integration_id: str) -> CusHealthCheckResponse:
    """Give what the last check found; nobody is called."""
    return CusHealthCheckResponse(**integrations.last_health(ctx, who, integration_id))


@router.get("/{integration_id}/limits", openapi_extra=READ)
def read_limits(ctx: Ctx, who: Who, integration_id: str) -> CusLimitsStatus:
    """Set the integration's limits against what is used of them this month and this minute."""
    return CusLimitsStatus(**reports.read_limits(ctx, who, integration_id))
