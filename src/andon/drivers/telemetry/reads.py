"""What usage sums to, read from the rollups."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select, tuple_

from andon.drivers.database import Tx
from andon.drivers.database.tables import (
    SUMS,
    usage_daily,
    usage_hourly,
    usage_recent,
)

Row = dict[str, Any]


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
