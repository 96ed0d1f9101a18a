"""Endpoints of tenants, principals, keys and the audit of changes."""

from typing import Any

from fastapi import APIRouter, Request, Response

from andon import errors
from andon.api.deps import Ctx, IfMatch, Page, Who, paged, service_of, tag
from andon.api.guard import GuardedRoute, needs
from andon.engines.tenants.calendar import is_zone
from andon.engines.tenants.roles import Permission, Role
from andon.runtime import audit
from andon.runtime.telemetry import erasure as end_users
from andon.runtime.tenants import credentials, directory, erasure
from andon.schemas.admin import (
    EndUserErase,
    KeyCreate,
    PrincipalCreate,
    TenantCreate,
    TenantUpdate,
)

router = APIRouter(route_class=GuardedRoute)

READ = needs(Permission.READ_TENANT)
CHANGE = needs(Permission.WRITE_TENANT)
DIRECTORY = needs(Permission.MANAGE_TENANTS)
KEYS = needs(Permission.MANAGE_KEYS)
ERASE = needs(Permission.ERASE_END_USERS)


def _checked_zone(name: str) -> str:
    if not is_zone(name):
        raise errors.InvalidRequest(
            "time_zone must be an IANA name such as Europe/Berlin",
            errors=[{"field": "time_zone", "code": "unknown_time_zone"}],
        )
    return name


@router.get("/tenants", tags=["tenants"], openapi_extra=READ)
def list_tenants(ctx: Ctx, who: Who, page: Page) -> dict[str, Any]:
    """List all tenants for an admin of the tenant `default`, else the key's own."""
    return paged(*directory.list_tenants(ctx, who, page.cursor, page.limit))


@router.post("/tenants", status_code=201, tags=["tenants"], openapi_extra=DIRECTORY)
def create_tenant(ctx: Ctx, who: Who, body: TenantCreate, response: Response) -> dict[str, Any]:
    """Make a tenant; give it its first key with POST keys and its tenant_id."""
    made = directory.create_tenant(ctx, who, body.name, _checked_zone(body.time_zone))
    tag(response, made.revision)
    return directory.shown(made, ctx.db.now_us())


@router.get("/tenants/{tenant_id}", tags=["tenants"], openapi_extra=READ)
def read_tenant(ctx: Ctx, who: Who, tenant_id: str, response: Response) -> dict[str, Any]:
    """Read a tenant."""
    found = directory.read_tenant(ctx, who, tenant_id)
    tag(response, found.revision)
    return directory.shown(found, ctx.db.now_us())


@router.patch("/tenants/{tenant_id}", tags=["tenants"], openapi_extra=CHANGE)
def change_tenant(
    request: Request,
    ctx: Ctx,
    who: Who,
    tenant_id: str,
    body: TenantUpdate,
    if_match: IfMatch,
    response: Response,
) -> dict[str, Any]:
    """Change name, time zone or settings; a time zone holds from the next month on."""
    changes = {name: v for name, v in body.model_dump(exclude_unset=True).items() if v is not None}
    if "time_zone" in changes:
        _checked_zone(changes["time_zone"])
    present = directory.read_tenant(ctx, who, tenant_id)
    changed = directory.change_tenant(ctx, who, present, "tenant.changed", changes, if_match)
    service_of(request).doorkeeper.forget()
    tag(response, changed.revision)
    return directory.shown(changed, ctx.db.now_us())


def _set_status(
    request: Request, ctx: Ctx, who: Who, tenant_id: str, status: str
) -> dict[str, Any]:
    present = directory.read_tenant(ctx, who, tenant_id)
    action = "tenant.suspended" if status == "suspended" else "tenant.resumed"
    changed = directory.change_tenant(ctx, who, present, action, {"status": status})
    service_of(request).doorkeeper.forget()
    return directory.shown(changed, ctx.db.now_us())


@router.post("/tenants/{tenant_id}/suspend", tags=["tenants"], openapi_extra=DIRECTORY)
def suspend_tenant(request: Request, ctx: Ctx, who: Who, tenant_id: str) -> dict[str, Any]:
    """Suspend a tenant: its keys get 403 `tenant_suspended` within 2 seconds."""
    return _set_status(request, ctx, who, tenant_id, "suspended")


@router.post("/tenants/{tenant_id}/resume", tags=["tenants"], openapi_extra=DIRECTORY)
def resume_tenant(request: Request, ctx: Ctx, who: Who, tenant_id: str) -> dict[str, Any]:
    """Let a suspended tenant's keys work again."""
    return _set_status(request, ctx, who, tenant_id, "active")


@router.post(
    "/tenants/{tenant_id}/erase", status_code=202, tags=["tenants"], openapi_extra=DIRECTORY
)
async def erase_tenant(ctx: Ctx, who: Who, tenant_id: str) -> dict[str, Any]:
    """Erase a suspended tenant for good, in the background; `erased_at` tells when it is done.

    Its usage records, texts and names go; sums and the ids in its audit stay.
    """
    present = await ctx.run(directory.read_tenant, ctx, who, tenant_id)
    erased = await ctx.run(erasure.request_erasure, ctx, who, present)
    if erased.erased_us is None:
        ctx.spawn(erasure.erase(ctx, erased))
    return directory.shown(erased, ctx.db.now_us())


@router.post("/end-users/erase", tags=["telemetry"], openapi_extra=ERASE)
def erase_end_user(ctx: Ctx, who: Who, body: EndUserErase) -> dict[str, Any]:
    """Erase the usage records of an end user; sums and dedupe keys stay.

    Looks for some seconds at most: while `complete` is false, send it again with `next_cursor`.
    """
    return end_users.erase_end_user(ctx, who, body.end_user, body.cursor)


@router.get("/principals", tags=["keys"], openapi_extra=KEYS)
def list_principals(ctx: Ctx, who: Who, page: Page) -> dict[str, Any]:
    """List the people and services of the tenant."""
    return paged(*credentials.list_principals(ctx, who, page.cursor, page.limit))


@router.post("/principals", status_code=201, tags=["keys"], openapi_extra=KEYS)
def create_principal(ctx: Ctx, who: Who, body: PrincipalCreate) -> dict[str, Any]:
    """Make a person or a service; confirmations count people, never keys or services."""
    return credentials.create_principal(ctx, who, body.kind, body.name, body.tenant_id)


@router.get("/principals/{principal_id}", tags=["keys"], openapi_extra=KEYS)
def read_principal(ctx: Ctx, who: Who, principal_id: str) -> dict[str, Any]:
    """Read a person or a service of the tenant."""
    return credentials.read_principal(ctx, who, principal_id)


@router.get("/keys", tags=["keys"], openapi_extra=KEYS)
def list_keys(ctx: Ctx, who: Who, page: Page) -> dict[str, Any]:
    """List the keys of the tenant, with when they were last used."""
    return paged(*credentials.list_keys(ctx, who, page.cursor, page.limit))


@router.post("/keys", status_code=201, tags=["keys"], openapi_extra=KEYS)
def create_key(ctx: Ctx, who: Who, body: KeyCreate) -> dict[str, Any]:
    """Make a key; `key` is shown this once and kept as a hash only."""
    role = Role(body.role)
    return credentials.create_key(ctx, who, body.name, role, body.tenant_id, body.principal_id)


@router.get("/keys/{key_id}", tags=["keys"], openapi_extra=KEYS)
def read_key(ctx: Ctx, who: Who, key_id: str) -> dict[str, Any]:
    """Read what may be seen of a key."""
    return credentials.read_key(ctx, who, key_id)


@router.delete("/keys/{key_id}", status_code=204, tags=["keys"], openapi_extra=KEYS)
def revoke_key(request: Request, ctx: Ctx, who: Who, key_id: str) -> None:
    """Revoke a key, on every replica within 2 seconds."""
    credentials.revoke_key(ctx, who, key_id)
    service_of(request).doorkeeper.forget()


@router.get("/audit/changes", tags=["audit"], openapi_extra=needs(Permission.READ_AUDIT))
def list_changes(ctx: Ctx, who: Who, page: Page) -> dict[str, Any]:
    """List who changed what, with its state before and after, the newest first."""
    return paged(*audit.list_changes(ctx, who, page.cursor, page.limit))
