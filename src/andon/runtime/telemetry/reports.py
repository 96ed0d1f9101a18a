"""What usage sums to: summaries, days, hours, single records, and limits with what is used."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from andon import errors
from andon.drivers import integrations
from andon.drivers.database import Tx
from andon.drivers.telemetry import imports, reads, records
from andon.drivers.telemetry.columns import SUMS
from andon.drivers.telemetry.overlays import Void
from andon.engines.telemetry import DAY_US, HOUR_US, RECENT_SECONDS, SECOND_US, keys_of
from andon.engines.tenants import calendar
from andon.models.money import nanousd_to_cents
from andon.runtime.audit import iso, record_change
from andon.runtime.context import Context
from andon.runtime.tenants.caller import Caller
from andon.schemas.usage_file import KEPT

Row = dict[str, Any]
Page = tuple[list[Row], str | None]


@dataclass(frozen=True, slots=True)
class Period:
    """Days of the tenant, both included, by number."""

    first: int
    last: int


def period_of(ctx: Context, caller: Caller, start: date | None, end: date | None) -> Period:
    """Read two dates in the tenant's time zone; without them the current month."""
    today = calendar.local_day(caller.tenant.zones, ctx.db.now_us())
    first, last = calendar.month_of(today)
    if start is not None:
        first = calendar.day_number(start)
        last = calendar.month_of(first)[1] if end is None else last
    if end is not None:
        last = calendar.day_number(end)
        first = calendar.month_of(last)[0] if start is None else first
    if first > last:
        raise errors.InvalidRequest("period_start must not be after period_end")
    return Period(first, last)


def _integrations(tx: Tx) -> dict[int, Row]:
    return {row["no"]: row for row in integrations.every_integration(tx)}


def summarise(ctx: Context, caller: Caller, period: Period) -> Row:
    """Sum a period of the tenant, over all and by integration."""
    with ctx.db.reading(caller.tenant.no) as tx:
        rows = reads.by_integration(tx, caller.tenant.slot, period.first, period.last)
        named = _integrations(tx)
    total = {name: sum(row[name] for row in rows) for name in SUMS}
    timed = total["latency_calls"]
    return {
        "tenant_id": caller.tenant.id,
        "period_start": calendar.day_of_number(period.first),
        "period_end": calendar.day_of_number(period.last),
        "total_calls": total["calls"],
        "total_tokens_in": total["tokens_in"],
        "total_tokens_out": total["tokens_out"],
        "total_cost_cents": nanousd_to_cents(total["cost_nanousd"]),
        "total_cost_nanousd": total["cost_nanousd"],
        "avg_latency_ms": total["latency_ms"] / timed if timed else None,
        "error_count": total["errors"],
        "blocked_count": total["blocked"],
        "unpriced_calls": total["unpriced"],
        "by_integration": [_of_integration(row, named[row["integration"]]) for row in rows],
    }


def _of_integration(row: Row, integration: Row) -> Row:
    return {
        "integration_id": integration["id"],
        "integration_name": integration["name"],
        "provider_type": integration["provider_type"],
        "total_calls": row["calls"],
        "total_tokens": row["tokens_in"] + row["tokens_out"],
        "total_cost_cents": nanousd_to_cents(row["cost_nanousd"]),
        "total_cost_nanousd": row["cost_nanousd"],
        "error_count": row["errors"],
    }


def _sums(row: Row) -> Row:
    return {
        "calls": row["calls"],
        "tokens_in": row["tokens_in"],
        "tokens_out": row["tokens_out"],
        "cost_cents": nanousd_to_cents(row["cost_nanousd"]),
        "cost_nanousd": row["cost_nanousd"],
        "errors": row["errors"],
        "blocked": row["blocked"],
        "unpriced": row["unpriced"],
    }


def _filters(tx: Tx, asked: Row) -> Row | None:
    """Turn an integration's id into its number; None when there is no such integration."""
    filters = {name: value for name, value in asked.items() if value is not None}
    if "integration_id" in filters:
        number = integrations.number_of(tx, filters.pop("integration_id"), 0)
        if number is None:
            return None
        filters["integration"] = number
    return filters


def aggregate_daily(
    ctx: Context, caller: Caller, period: Period, asked: Row, cursor: str | None, limit: int
) -> Page:
    """List sums by day, integration, agent and model."""
    after = _read_cursor(cursor, _daily_cursor)
    with ctx.db.reading(caller.tenant.no) as tx:
        filters = _filters(tx, asked)
        if filters is None:
            return [], None
        slot = caller.tenant.slot
        rows = reads.daily(tx, slot, period.first, period.last, filters, after, limit + 1)
        named = _integrations(tx)
    items = [
        {
            "date": calendar.day_of_number(row["day"]).isoformat(),
            "integration_id": named[row["integration"]]["id"],
            "agent_id": row["agent_id"] or None,
            "model": row["model"],
            **_sums(row),
        }
        for row in rows[:limit]
    ]
    if len(rows) <= limit:
        return items, None
    last = rows[limit - 1]
    return items, json.dumps([last["day"], last["integration"], last["agent_id"], last["model"]])


def _daily_cursor(text: str) -> tuple[int, int, str, str]:
    day, integration, agent, model = json.loads(text)
    names = f"{agent}{model}"
    names.encode()  # a half of a surrogate pair is a ValueError
    if "\0" in names:
        raise ValueError
    return _small(day), _small(integration), str(agent), str(model)


def _read_cursor(cursor: str | None, read: Callable[[str], Any]) -> Any:
    if cursor is None:
        return None
    try:
        return read(cursor)
    except (ValueError, TypeError, RecursionError):
        raise errors.InvalidRequest("cursor must be a next_cursor of this list") from None


def trace_history(
    ctx: Context,
    caller: Caller,
    bucket: str,
    period: Period,
    asked: Row,
    cursor: str | None,
    limit: int,
) -> Page:
    """List sums by hour (UTC) or by day (of the tenant)."""
    if bucket == "hour" and asked.get("agent_id") is not None:
        raise errors.InvalidRequest(
            "hours are summed by integration and model; ask for agent_id with bucket=day"
        )
    after = _read_cursor(cursor, _small)
    with ctx.db.reading(caller.tenant.no) as tx:
        filters = _filters(tx, asked)
        if filters is None:
            return [], None
        slot = caller.tenant.slot
        if bucket == "hour":
            first, last = _hours(caller, period)
            rows = reads.by_hour(tx, slot, first, last, filters, after, limit + 1)
        else:
            rows = reads.by_day(tx, slot, period.first, period.last, filters, after, limit + 1)
    items = [{"bucket_start": _start(caller, bucket, row["bucket"]), **_sums(row)} for row in rows]
    following = str(rows[limit - 1]["bucket"]) if len(rows) > limit else None
    return items[:limit], following


def _small(text: str) -> int:
    number = int(text)
    if abs(number) > _FARTHEST:
        raise ValueError
    return number


_FARTHEST = 2**31 - 1
_LAST_DAY = calendar.day_number(date.max)
_FIRST_DAY = calendar.day_number(date.min)


def midnight_us(caller: Caller, day: int) -> int:
    """Give the instant at which a day of the tenant begins."""
    if not _FIRST_DAY < day < _LAST_DAY:
        # No time zone can be told at the ends of the calendar; calls there are in UTC.
        return day * DAY_US
    named = calendar.day_of_number(day)
    guess = datetime(named.year, named.month, named.day, tzinfo=UTC)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    rough_us = (guess - epoch) // timedelta(microseconds=1)
    zone = ZoneInfo(calendar.zone_now(caller.tenant.zones, rough_us))
    return (guess.replace(tzinfo=zone).astimezone(UTC) - epoch) // timedelta(microseconds=1)


def _hours(caller: Caller, period: Period) -> tuple[int, int]:
    first_us = midnight_us(caller, period.first)
    return first_us // HOUR_US, (midnight_us(caller, period.last + 1) - 1) // HOUR_US


def _start(caller: Caller, bucket: str, number: int) -> str:
    return iso(number * HOUR_US if bucket == "hour" else midnight_us(caller, number))


def list_records(
    ctx: Context, caller: Caller, asked: Row, unpriced: bool, cursor: str | None, limit: int
) -> Page:
    """List single records, the newest first."""
    before = _read_cursor(cursor, _position)
    with ctx.db.reading(caller.tenant.no) as tx:
        filters = _filters(tx, asked)
        if filters is None:
            return [], None
        if "call_id" in filters:
            filters["block"] = _blocks_of_call(ctx, tx, caller, filters["call_id"])
        if unpriced:
            filters["cost_nanousd"] = None
        rows, last = records.records(tx, caller.tenant.slot, filters, before, limit)
        named = _integrations(tx)
    items = [_record(row, named[row["integration"]]) for row in rows]
    return items, (f"{last[0]}.{last[1]}" if last else None)


def _blocks_of_call(ctx: Context, tx: Tx, caller: Caller, call_id: str) -> list[int]:
    (key,) = keys_of(caller.tenant.no, [call_id])
    known = ctx.ledger.look_up(tx, caller.tenant.slot, key)
    return [] if known is None else records.blocks_of_id(tx, caller.tenant.slot, known.id)


def _position(text: str) -> tuple[int, int]:
    block, seq = text.split(".")
    return _small(block), _small(seq)


def _record(row: Row, integration: Row) -> Row:
    cost, void = row["cost_nanousd"], row["void"]
    return {
        "id": str(UUID(bytes=row["id"])),
        "integration_id": integration["id"],
        **{name: row[name] for name in KEPT},
        "cost_cents": None if cost is None else cents_of(cost),
        "error_message": row["message"],
        "metadata": json.loads(row["metadata"] or "{}"),
        "request": json.loads(row["request"]) if row["request"] else None,
        "labels": json.loads(row["labels"] or "{}"),
        "occurred_at": iso(row["occurred_us"]),
        "created_at": iso(row["received_us"]),
        "voided": None if void is None else shown_void(void),
    }


def shown_void(void: Void) -> Row:
    """Describe why a record counts no more."""
    return {"at": iso(void.voided_us), "by": void.voided_by, "reason": void.reason}


def cents_of(cost_nanousd: int) -> float:
    """Write nano-dollars as cents with up to 7 decimals.

    At most 15 significant digits (a call costs $1,000,000 at most), which a double shows exactly.
    """
    whole, rest = divmod(cost_nanousd, 10_000_000)
    return float(f"{whole}.{rest:07d}")


def read_limits(ctx: Context, caller: Caller, integration_id: str) -> Row:
    """Set an integration's limits against what is used of them in the tenant's month."""
    tenant = caller.tenant
    with ctx.db.reading(tenant.no) as tx:
        row = integrations.integration(tx, integration_id)
        if row is None:
            raise errors.NotFound
        first, last = calendar.month_of(calendar.local_day(tenant.zones, tx.now_us))
        used = reads.of_integration(tx, tenant.slot, first, last, row["no"])
        since = tx.now_us // SECOND_US - RECENT_SECONDS
        rpm = reads.recent_calls(tx, tenant.slot, row["no"], since)
    return {
        "integration_id": row["id"],
        "integration_name": row["name"],
        "budget_limit_cents": row["budget_limit_cents"],
        "budget_used_cents": nanousd_to_cents(used["cost_nanousd"]),
        "budget_used_nanousd": used["cost_nanousd"],
        "token_limit_month": row["token_limit_month"],
        "tokens_used_month": used["tokens_in"] + used["tokens_out"],
        "rate_limit_rpm": row["rate_limit_rpm"],
        "current_rpm": rpm,
        "period_start": calendar.day_of_number(first),
        "period_end": calendar.day_of_number(last),
    }


def open_import(ctx: Context, caller: Caller, note: str) -> Row:
    """Open an import, under whose id calls older than the horizon are reported."""
    with ctx.db.writing(caller.tenant.no) as tx:
        row = {"id": ctx.new_id(tx.now_us), "note": note, "created_by": caller.principal_id}
        imports.insert_import(tx, row)
        shown = {**row, "created_at": iso(tx.now_us)}
        record_change(ctx, tx, caller, caller.tenant, "import.opened", row["id"], None, shown)
    return shown


def list_imports(ctx: Context, caller: Caller, cursor: str | None, limit: int) -> Page:
    """List the imports of the tenant, oldest first."""
    with ctx.db.reading(caller.tenant.no) as tx:
        rows = imports.list_imports(tx, cursor or "", limit + 1)
    items = [
        {
            "id": row["id"],
            "note": row["note"],
            "created_by": row["created_by"],
            "created_at": iso(row["created_us"]),
        }
        for row in rows[:limit]
    ]
    return items, (items[-1]["id"] if len(rows) > limit else None)
