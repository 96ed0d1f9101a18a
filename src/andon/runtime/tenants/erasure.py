"""Erase a suspended tenant: records and texts go in the background, sums and audit ids stay."""

from __future__ import annotations

import logging

from andon import errors
from andon.drivers import erasure, tenants
from andon.engines.telemetry import SECOND_US
from andon.runtime.audit import record_change
from andon.runtime.context import Context
from andon.runtime.tenants.caller import Caller, Tenant
from andon.runtime.tenants.directory import shown

log = logging.getLogger("andon.erasure")

_ROWS_A_STEP = 200
_LATE_SECONDS = 1


def request_erasure(ctx: Context, caller: Caller, tenant: Tenant) -> Tenant:
    """Note that a suspended tenant is to be erased; asked again, nothing changes."""
    with ctx.db.writing(tenant.no, also=caller.tenant.no, directory=True) as tx:
        present = _present(tenants.tenant_by_number(tx, tenant.no))
        if present.erase_us is not None:
            return present
        if present.status != "suspended":
            raise errors.InvalidTransition("Suspend the tenant first; then it can be erased.")
        erasure.begin(tx, tenant.no)
        changed = _present(tenants.tenant_by_number(tx, tenant.no))
        before, after = shown(present, tx.now_us), shown(changed, tx.now_us)
        record_change(ctx, tx, caller, changed, "tenant.erased", tenant.id, before, after)
    return changed


def _present(row: dict[str, object] | None) -> Tenant:
    if row is None:
        raise errors.NotFound
    return Tenant.of_row(row)


async def erase(ctx: Context, tenant: Tenant) -> None:
    """Erase a tenant, step by step; what fails is taken up again by the next sweep.

    Keys are trusted for a moment after a suspension: what they report meanwhile goes as well.
    """
    try:
        await ctx.sleep(ctx.settings.key_cache_seconds + _LATE_SECONDS)
        await ctx.run(erase_now, ctx, tenant)
    except Exception as fault:  # the next sweep goes on
        log.warning("erasure interrupted", extra={"error": type(fault).__name__})


def erase_now(ctx: Context, tenant: Tenant) -> None:
    """Take all steps of an erasure that are left, a short transaction each."""
    while _delete_some(ctx, tenant) or _empty_audit(ctx, tenant):
        pass
    with ctx.db.writing(tenant.no, directory=True) as tx, tx.erasing():
        present = _present(tenants.tenant_by_number(tx, tenant.no))
        erasure.blank_texts(tx)
        late_us = int(ctx.settings.key_cache_seconds + _LATE_SECONDS) * SECOND_US
        is_settled = tx.now_us >= (present.erase_us or 0) + late_us
        if present.erased_us is None and is_settled:
            erasure.end(tx, tenant.no)
            log.info("tenant erased", extra={"tenant_id": tenant.id})
    ctx.db.empty_journal()


def _delete_some(ctx: Context, tenant: Tenant) -> int:
    with ctx.db.writing(tenant.no) as tx, tx.erasing():
        tx.touch(tenant.slot)
        return erasure.delete_some(tx, tenant.slot, _ROWS_A_STEP)


def _empty_audit(ctx: Context, tenant: Tenant) -> int:
    with ctx.db.writing(tenant.no) as tx, tx.erasing():
        return erasure.empty_audit(tx, _ROWS_A_STEP)


def resume(ctx: Context, tenant: Tenant) -> None:
    """Go on with an erasure that was interrupted, or that a late report came after."""
    if tenant.erase_us is None:
        return
    with ctx.db.reading(tenant.no) as tx:
        is_due = tenant.erased_us is None or erasure.has_usage(tx, tenant.slot)
    if is_due:
        erase_now(ctx, tenant)
