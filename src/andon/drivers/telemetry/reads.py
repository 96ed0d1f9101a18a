"""What is read of usage: sums from the rollups, and single records page by page."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, select, tuple_

from andon.drivers.database import Tx
from andon.drivers.database.tables import (
    SUMS,
    blocks,
    usage,
    usage_daily,
    usage_errors,
    usage_hourly,
    usage_keys,
    usage_recent,
)
from andon.models.ids import time_of

Row = dict[str, Any]
PAGE_SCANS = 20_000
"""Most single records that one page of a filtered list looks at."""


def _rows(tx: Tx, statement: Select[Any]) -> list[Row]:
    return [dict(row) for row in tx.conn.execute(statement).mappings()]


def _as_int(row: Row) -> Row:
    return {name: int(value) if name in SUMS else value for name, value in row.items()}


def _days(tx: Tx, slot: int, first: int, last: int, filters: Row) -> ColumnElement[bool]:
    table = usage_daily.c
    parts = [table.slot == slot, tx.of(usage_daily), table.day.between(first, last)]
    return and_(*parts, *(table[name] == value for name, value in filters.items()))


def _totals(table: Any) -> list[Any]:
    return [func.coalesce(func.sum(table.c[name]), 0).label(name) for name in SUMS]


def by_integration(tx: Tx, slot: int, first: int, last: int) -> list[Row]:
    """Sum a tenant's days (both included) by integration number."""
    number = usage_daily.c.integration
    statement = select(number, *_totals(usage_daily)).where(_days(tx, slot, first, last, {}))
    return [_as_int(row) for row in _rows(tx, statement.group_by(number).order_by(number))]


def of_integration(tx: Tx, slot: int, first: int, last: int, integration: int) -> Row:
    """Sum a tenant's days (both included) for one integration."""
    where = _days(tx, slot, first, last, {"integration": integration})
    return _as_int(_rows(tx, select(*_totals(usage_daily)).where(where))[0])


def recent_calls(tx: Tx, slot: int, integration: int, since_second: int) -> int:
    """Count an integration's calls in the seconds after this one."""
    table = usage_recent.c
    statement = select(func.coalesce(func.sum(table.calls), 0)).where(
        table.slot == slot,
        tx.of(usage_recent),
        table.integration == integration,
        table.second > since_second,
    )
    return int(tx.conn.execute(statement).scalar_one())


def daily(
    tx: Tx, slot: int, first: int, last: int, filters: Row, after: Any, limit: int
) -> list[Row]:
    """List sums by day, integration, agent and model, from the one after `after`."""
    key = [usage_daily.c[name] for name in ("day", "integration", "agent_id", "model")]
    statement = select(*key, *_totals(usage_daily)).where(_days(tx, slot, first, last, filters))
    if after is not None:
        statement = statement.where(tuple_(*key) > tuple_(*after))
    statement = statement.group_by(*key).order_by(*key).limit(limit)
    return [_as_int(row) for row in _rows(tx, statement)]


def by_day(
    tx: Tx, slot: int, first: int, last: int, filters: Row, after: int | None, limit: int
) -> list[Row]:
    """Sum by the tenant's day."""
    day = usage_daily.c.day
    statement = select(day.label("bucket"), *_totals(usage_daily)).where(
        _days(tx, slot, first if after is None else max(first, after + 1), last, filters)
    )
    return [_as_int(row) for row in _rows(tx, statement.group_by(day).order_by(day).limit(limit))]


def by_hour(
    tx: Tx, slot: int, first: int, last: int, filters: Row, after: int | None, limit: int
) -> list[Row]:
    """Sum by hour in UTC; hours are counted since 1970, both ends included."""
    table = usage_hourly.c
    start = first if after is None else max(first, after + 1)
    statement = select(table.hour.label("bucket"), *_totals(usage_hourly)).where(
        table.slot == slot,
        tx.of(usage_hourly),
        table.hour.between(start, last),
        *(table[name] == value for name, value in filters.items()),
    )
    statement = statement.group_by(table.hour).order_by(table.hour).limit(limit)
    return [_as_int(row) for row in _rows(tx, statement)]


def blocks_of_call(tx: Tx, slot: int, key: bytes) -> list[int]:
    """Name the blocks that may hold a call: its id carries the time of its block."""
    table = usage_keys.c
    known = select(table.id).where(table.slot == slot, table.tenant == tx.tenant, table.key == key)
    found = tx.conn.execute(known).scalar()
    if found is None:
        return []
    committed_us = time_of(UUID(bytes=bytes(found)))
    near = select(blocks.c.block).where(
        blocks.c.slot == slot, blocks.c.committed_us.between(committed_us - 2, committed_us + 2)
    )
    return [int(row[0]) for row in tx.conn.execute(near)]


Position = tuple[int, int]
"""Block and place in the block: where a record stands in its slot."""


def records(
    tx: Tx, slot: int, filters: Row, before: Position | None, limit: int
) -> tuple[list[Row], Position | None]:
    """List records, the newest first; looks at PAGE_SCANS records at most.

    `filters` are equalities of columns; None asks for rows without a value.

    Returns the records and the position to go on from, None at the end.
    """
    place = tuple_(usage.c.block, usage.c.seq)
    window = select(usage).where(usage.c.slot == slot, tx.of(usage))
    if before is not None:
        window = window.where(place < tuple_(*before))
    if "block" in filters:
        window = window.where(usage.c.block.in_(filters["block"]))
    window = window.order_by(usage.c.block.desc(), usage.c.seq.desc())
    seen = window.limit(PAGE_SCANS).subquery()
    found = select(seen, usage_errors.c.message).select_from(
        seen.outerjoin(
            usage_errors,
            and_(*(usage_errors.c[name] == seen.c[name] for name in _PLACE)),
        )
    )
    for name, value in filters.items():
        if isinstance(value, list):
            found = found.where(seen.c[name].in_(value))
            continue
        found = found.where(seen.c[name].is_(None) if value is None else seen.c[name] == value)
    page = _rows(tx, found.order_by(seen.c.block.desc(), seen.c.seq.desc()).limit(limit + 1))
    if len(page) > limit:
        return page[:limit], (page[limit - 1]["block"], page[limit - 1]["seq"])
    beyond = window.with_only_columns(usage.c.block, usage.c.seq).offset(PAGE_SCANS - 1).limit(1)
    last = tx.conn.execute(beyond).first() if filters else None
    return page, (last[0], last[1]) if last is not None else None


_PLACE = ("slot", "tenant", "block", "seq")
