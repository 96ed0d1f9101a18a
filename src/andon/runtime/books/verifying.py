"""Verify the books of a tenant or of the whole store, at once or slowly in the background."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from andon import errors
from andon.drivers import tenants as directory
from andon.engines.tenants.roles import Permission
from andon.runtime.books.blocks import BlocksCheck
from andon.runtime.books.findings import Findings, Steps
from andon.runtime.books.keys import KeysCheck
from andon.runtime.books.sums import SumsCheck
from andon.runtime.context import Context
from andon.runtime.tenants.caller import Caller, Tenant

_STOPPING = "The server is stopping; the books were not looked through to the end."


def verify(
    ctx: Context, caller: Caller, may_go_on: Callable[[], bool], *, is_all: bool
) -> dict[str, Any]:
    """Look through the books of the caller's tenant, or of all for an admin of `default`."""
    if is_all:
        caller.require(Permission.MANAGE_TENANTS)
    findings = Findings()
    steps = all_books(ctx, findings) if is_all else own_books(ctx, caller.tenant, findings)
    for _ in steps:
        if not may_go_on():
            raise errors.StoreUnavailable(_STOPPING, retry_after_seconds=1)
    return {"tenants": "all" if is_all else caller.tenant.id, **findings.shown()}


def own_books(ctx: Context, tenant: Tenant, findings: Findings) -> Steps:
    """Look through one tenant's books.

    The embedded store's dedupe index does not say whose a key is, so that its keys are looked
    through with the whole store's books alone, or where there is no other tenant.
    """
    yield from SumsCheck(ctx, tenant, findings).steps()
    if ctx.db.dialect != "sqlite" or len(_directory(ctx)[0]) == 1:
        yield from KeysCheck(ctx, tenant.slot, [tenant], findings).steps()


def all_books(ctx: Context, findings: Findings) -> Steps:
    """Look through every tenant's books, then through the keys and blocks of every slot."""
    tenants, erased = _directory(ctx)
    for tenant in tenants:
        if tenant.no not in erased:
            yield from SumsCheck(ctx, tenant, findings).steps()
    for slot in sorted({tenant.slot for tenant in tenants}):
        of_slot = [tenant for tenant in tenants if tenant.slot == slot]
        yield from KeysCheck(ctx, slot, None, findings).steps()
        yield from BlocksCheck(ctx, slot, of_slot, erased, findings).steps()


def _directory(ctx: Context) -> tuple[list[Tenant], frozenset[int]]:
    """List the tenants, and the numbers of those whose records are being erased or gone."""
    with ctx.db.reading(directory=True) as tx:
        rows = directory.every_tenant(tx)
    erased = frozenset(row["tenant"] for row in rows if row["erase_us"] is not None)
    return [Tenant.of_row(row) for row in rows], erased


def advance(steps: Steps) -> bool | None:
    """Do one step and tell whether the next one may take its time; None at the end."""
    return next(steps, None)
