"""Small steps that keep the store tidy: what is past its time goes, a little at a time."""

from __future__ import annotations

import logging

from andon.drivers import tenants
from andon.drivers.telemetry import commit, corrections
from andon.engines.telemetry import DAY_US, HOUR_US, RECENT_SECONDS, SECOND_US
from andon.runtime import retention
from andon.runtime.context import Context
from andon.runtime.tenants import erasure
from andon.runtime.tenants.caller import Tenant

_STEPS_A_SWEEP = 1_000
_CORRECTION_DAYS = 7
"""How long the log of corrections is kept, which only a verification under way reads."""

log = logging.getLogger("andon.housekeeping")


def probe_store(ctx: Context) -> int:
    """Ask the store for its time; an error when it does not answer."""
    with ctx.db.reading(directory=True) as tx:
        return tx.now_us


def sweep(ctx: Context) -> None:
    """Drop what is past its time in every tenant, one short transaction a tenant."""
    with ctx.db.reading(directory=True) as tx:
        found = [Tenant.of_row(row) for row in tenants.every_tenant(tx)]
    if ctx.db.dialect != "sqlite":
        retention.keep_pieces(ctx)
    for tenant in found:
        _sweep_tenant(ctx, tenant)
        erasure.resume(ctx, tenant)


def _sweep_tenant(ctx: Context, tenant: Tenant) -> None:
    settings = ctx.settings
    retention.drop_usage(ctx, tenant)
    with ctx.db.writing(tenant.no) as tx, tx.erasing():
        seconds = tx.now_us // SECOND_US - 2 * RECENT_SECONDS
        commit.forget_recent(tx, tenant.slot, seconds)
        before_us = retention.oldest_text_us(settings, tx.now_us)
        ctx.meters.erased_texts.inc(commit.forget_error_texts(tx, tenant.slot, before_us))
        tenants.forget_answers(tx, tx.now_us - settings.idempotency_hours * HOUR_US)
        corrections.forget_log(tx, tenant.slot, tx.now_us - _CORRECTION_DAYS * DAY_US)


async def _tidy_keys(ctx: Context) -> None:
    """Drop dedupe keys past the horizon where this process keeps the index, in its writer."""
    if ctx.db.dialect != "sqlite":
        return
    await ctx.run_writer(retention.expire_keys, ctx)
    for _ in range(_STEPS_A_SWEEP):
        if not ctx.ledger.has_work:
            break
        await ctx.run_writer(retention.tend_keys, ctx)


async def sweep_forever(ctx: Context) -> None:
    """Sweep at every interval for as long as the service runs."""
    while True:
        await ctx.sleep(ctx.settings.sweep_interval_seconds)
        try:
            await ctx.run(sweep, ctx)
            await _tidy_keys(ctx)
        except Exception as fault:  # it must go on for as long as the service runs
            ctx.meters.sweeps.labels("failed").inc()
            log.warning("sweep failed", extra={"error": type(fault).__name__})
        else:
            ctx.meters.sweeps.labels("done").inc()
