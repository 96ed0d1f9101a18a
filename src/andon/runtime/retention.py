"""Years of data: pieces are made ahead of their time and dropped when they are past it."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from itertools import pairwise

from andon.drivers.database import pieces
from andon.drivers.telemetry import retention
from andon.engines.telemetry import DAY_US, SECOND_US
from andon.runtime.context import Context
from andon.runtime.telemetry.rows import month_of
from andon.runtime.tenants.caller import Tenant
from andon.settings import Settings

log = logging.getLogger("andon.retention")

GENERATIONS = 4
"""Into so many parts the horizon is cut; the dedupe keys of a part go together."""

_MONTHS_AHEAD = 2
_BLOCKS_A_STEP = 200


def generation_days(settings: Settings) -> int:
    """Tell for how many days a piece takes dedupe keys."""
    return -(-settings.dedupe_horizon_days // GENERATIONS)


def last_day_past(settings: Settings, now_us: int) -> int:
    """Name the last day of receipt whose dedupe keys are past the horizon."""
    tolerance = -(-settings.future_tolerance_seconds * SECOND_US // DAY_US)
    return now_us // DAY_US - settings.dedupe_horizon_days - tolerance - 1


def first_month_kept(settings: Settings, now_us: int) -> int:
    """Name the oldest month of receipt whose records are kept; 0 where all are."""
    months = settings.usage_retention_months
    return month_of(now_us) - months if months else 0


def month_start_us(month: int) -> int:
    """Give the instant at which a month begins in UTC."""
    start = datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return int(start.timestamp()) * SECOND_US


def oldest_text_us(settings: Settings, now_us: int) -> int:
    """Give the receipt of the oldest error text that is kept: none outlives its record."""
    by_age = now_us - settings.error_text_days * DAY_US
    first = first_month_kept(settings, now_us)
    return max(by_age, month_start_us(first)) if first else by_age


def keep_pieces(ctx: Context) -> None:
    """Make the pieces of a PostgreSQL database that will be needed; drop those past their time."""
    with ctx.db.reading(directory=True) as tx:
        found, now_us = pieces.read(tx), tx.now_us
    this_month, today = month_of(now_us), now_us // DAY_US
    ahead = set(range(this_month, this_month + _MONTHS_AHEAD + 1)) - set(found.months)
    for month in sorted(ahead):
        with ctx.db.writing() as tx:
            pieces.make_month(tx, month)
    if not found.generations or today >= found.generations[-1] + generation_days(ctx.settings):
        with ctx.db.writing() as tx:
            pieces.begin_generation(tx, generation_days(ctx.settings))
    _drop_months(ctx, found.months, now_us)
    _drop_generations(ctx, found.generations, now_us)


def _drop_months(ctx: Context, months: list[int], now_us: int) -> None:
    for month in months:
        if month >= first_month_kept(ctx.settings, now_us):
            continue
        with ctx.db.writing() as tx:
            span = month_start_us(month), month_start_us(month + 1)
            records = retention.count_between(tx, *span)
            is_dropped = pieces.drop_month(tx, month)
        if is_dropped:
            _tell(ctx, records, month)


def _drop_generations(ctx: Context, generations: list[int], now_us: int) -> None:
    # The keys of a generation came until the next one began.
    last = last_day_past(ctx.settings, now_us)
    for generation, after in pairwise(generations):
        if after > last:
            continue
        with ctx.db.writing() as tx:
            is_dropped = pieces.drop_generation(tx, generation)
        if is_dropped:
            ctx.meters.dropped_generations.inc()
            log.info("dedupe keys dropped", extra={"generation": generation})


def _tell(ctx: Context, records: int, month: int) -> None:
    ctx.meters.dropped_records.inc(records)
    named = f"{month // 12:04}-{month % 12 + 1:02}"
    log.info("usage past its retention dropped", extra={"records": records, "month": named})


def drop_usage(ctx: Context, tenant: Tenant) -> None:
    """Drop a tenant's usage past its retention, a short transaction a step."""
    if not ctx.settings.usage_retention_months:
        return
    if ctx.db.dialect != "sqlite":
        _forget_corrections(ctx, tenant)
        return
    before = first_month_kept(ctx.settings, ctx.db.now_us())
    is_more = True
    while is_more:
        with ctx.db.writing(tenant.no) as tx, tx.erasing():
            tx.touch(tenant.slot)
            dropped = retention.drop_oldest(tx, tenant.slot, before, _BLOCKS_A_STEP)
        is_more = dropped.is_more
        if dropped.blocks:
            ctx.meters.dropped_records.inc(dropped.records)
            told = {"records": dropped.records, "tenant_id": tenant.id}
            log.info("usage past its retention dropped", extra=told)


def _forget_corrections(ctx: Context, tenant: Tenant) -> None:
    """Drop the corrections of records that went with their month."""
    with ctx.db.writing(tenant.no) as tx:
        tx.touch(tenant.slot)
        retention.forget_corrections(tx, tenant.slot)


def expire_keys(ctx: Context) -> None:
    """Drop the dedupe keys of the embedded store that are past the horizon; its writer's work."""
    try:
        with ctx.db.writing() as tx:
            expired = ctx.ledger.expire(tx, last_day_past(ctx.settings, tx.now_us))
    except BaseException:
        ctx.ledger.doubt()
        raise
    expired.keep()
    if expired.pieces:
        ctx.meters.dropped_generations.inc(expired.pieces)
        log.info("dedupe keys dropped", extra={"generations": expired.pieces})


def tend_keys(ctx: Context) -> None:
    """Take a step of the index's upkeep, such as deleting pages of what was dropped."""
    try:
        with ctx.db.writing() as tx:
            keep = ctx.ledger.tend(tx)
    except BaseException:
        ctx.ledger.doubt()
        raise
    keep()
