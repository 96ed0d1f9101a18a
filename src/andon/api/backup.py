"""The endpoint that copies the embedded store while the server goes on."""

from typing import Any

from fastapi import APIRouter, Request

from andon.api.deps import Ctx, Who, service_of
from andon.api.guard import GuardedRoute, needs
from andon.engines.tenants.roles import Permission
from andon.runtime import backup
from andon.schemas import admin

router = APIRouter(route_class=GuardedRoute)


class BackupCreate(admin.Request):
    """Nothing: where the server writes is never its caller's to say."""


@router.post("/backup", status_code=201, tags=["service"], openapi_extra=needs(Permission.BACK_UP))
async def make_backup(
    request: Request, ctx: Ctx, who: Who, _body: BackupCreate | None = None
) -> dict[str, Any]:
    """Copy the embedded store into ANDON_HOME/backups, as it is at one instant.

    The copy is there for whoever runs on the same machine to move, and goes after a day.
    """
    service = service_of(request)
    # In the pool that a stopping server waits for, so that nothing outlives the store.
    return await ctx.run(backup.make_backup, ctx, who, lambda: service.is_ready)
