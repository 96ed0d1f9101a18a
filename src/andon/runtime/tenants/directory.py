"""Use cases of tenants: make, read, change, suspend, resume."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from andon import errors
from andon.drivers import tenants
from andon.drivers.database import Tx
from andon.engines.tenants import calendar
from andon.runtime.audit import iso, record_change
from andon.runtime.context import Context
from andon.runtime.tenants.caller import Caller, Tenant


def shown(tenant: Tenant, now_us: int) -> dict[str, Any]:
    """Describe a tenant; a time zone that holds from its next month on is told apart."""
    later = [entry for entry in tenant.zones if entry[1] > now_us]
    return {
        "id": tenant.id,
        "name": tenant.name,
        "status": tenant.status,
        "time_zone": calendar.zone_now(tenant.zones, now_us),
        "next_time_zone": later[0][0] if later else None,
        "next_time_zone_from": iso(later[0][1]) if later else None,
        "settings": json.loads(tenant.settings),
        "created_at": iso(tenant.created_us),
        "updated_at": iso(tenant.updated_us),
        "erasure_began_at": None if tenant.erase_us is None else iso(tenant.erase_us),
        "erased_at": None if tenant.erased_us is None else iso(tenant.erased_us),
    }


def _visible(caller: Caller, tenant_id: str) -> bool:
    return tenant_id == caller.tenant.id or (
        caller.tenant.is_default and caller.role.value == "admin"
    )


def read_tenant(ctx: Context, caller: Caller, tenant_id: str) -> Tenant:
    """Read the caller's own tenant, or any for an admin of the tenant `default`."""
    if _visible(caller, tenant_id):
        with ctx.db.reading(directory=True) as tx:
            row = tenants.tenant_by_id(tx, tenant_id)
        if row is not None:
            return Tenant.of_row(row)
    raise errors.NotFound


def list_tenants(
    ctx: Context, caller: Caller, cursor: str | None, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    """List every tenant for an admin of the tenant `default`, else the caller's own."""
    now_us = ctx.db.now_us()
    if not _visible(caller, ""):
        return [shown(read_tenant(ctx, caller, caller.tenant.id), now_us)], None
    with ctx.db.reading(directory=True) as tx:
        rows = tenants.list_tenants(tx, cursor or "", limit + 1)
    found = [Tenant.of_row(row) for row in rows[:limit]]
    return [shown(one, now_us) for one in found], (found[-1].id if len(rows) > limit else None)


def create_tenant(ctx: Context, caller: Caller, name: str, time_zone: str) -> Tenant:
    """Make a tenant; it starts empty, with no key."""
    with ctx.db.writing(caller.tenant.no, directory=True) as tx:
        tenant_id = ctx.new_id(tx.now_us)
        number = tenants.insert_tenant(
            tx,
            {
                "id": tenant_id,
                "name": name,
                "zones": json.dumps([[time_zone, 0]]),
                "settings": "{}",
                "status": "active",
                "created_us": tx.now_us,
                "updated_us": tx.now_us,
                "revision": 1,
            },
        )
        row = tenants.tenant_by_number(tx, number)
        assert row is not None
        made = Tenant.of_row(row)
        # The new tenant's own audit begins when its own people act; this row is the maker's.
        after = shown(made, tx.now_us)
        record_change(ctx, tx, caller, caller.tenant, "tenant.created", made.id, None, after)
    return made


def change_tenant(
    ctx: Context,
    caller: Caller,
    tenant: Tenant,
    action: str,
    changes: Mapping[str, Any],
    if_match: int | None = None,
) -> Tenant:
    """Change name, time zone, settings or status; None of `changes` is left as it is."""
    with ctx.db.writing(tenant.no, also=caller.tenant.no, directory=True) as tx:
        row = tenants.tenant_by_number(tx, tenant.no)
        if row is None:
            raise errors.NotFound
        present = Tenant.of_row(row)
        if if_match is not None and if_match != present.revision:
            raise errors.PreconditionFailed
        values = _values(present, changes, tx)
        if not tenants.update_tenant(tx, tenant.no, present.revision, values):
            raise errors.Conflict("The tenant was changed at the same moment; try again.")
        row = tenants.tenant_by_number(tx, tenant.no)
        assert row is not None
        changed = Tenant.of_row(row)
        before, after = shown(present, tx.now_us), shown(changed, tx.now_us)
        record_change(ctx, tx, caller, changed, action, tenant.id, before, after)
    return changed


def _values(present: Tenant, changes: Mapping[str, Any], tx: Tx) -> dict[str, Any]:
    if present.erase_us is not None:
        raise errors.InvalidTransition("The tenant is erased for good; make a new one.")
    values: dict[str, Any] = {"updated_us": tx.now_us}
    if "name" in changes:
        values["name"] = changes["name"]
    if "status" in changes:
        if present.is_default and changes["status"] != "active":
            raise errors.InvalidTransition("The tenant `default` cannot be suspended.")
        values["status"] = changes["status"]
    if "time_zone" in changes:
        zones = calendar.change_zone(present.zones, changes["time_zone"], tx.now_us)
        values["zones"] = json.dumps(zones)
    if "settings" in changes:
        merged = {**json.loads(present.settings), **changes["settings"]}
        kept = {name: value for name, value in merged.items() if value is not None}
        values["settings"] = json.dumps(kept, sort_keys=True)
    return values
