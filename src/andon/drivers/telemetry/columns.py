"""Rows of the telemetry tables as tuples, in the order that their statements take."""

from __future__ import annotations

from typing import Any, NamedTuple

from andon.drivers.database.tables import SUMS, usage, usage_daily, usage_hourly, usage_recent

USAGE = tuple(column.name for column in usage.columns)[4:]
"""Columns of a usage row after slot, tenant, block and seq."""

HOURLY_KEY = tuple(column.name for column in usage_hourly.primary_key)
DAILY_KEY = tuple(column.name for column in usage_daily.primary_key)
RECENT_KEY = tuple(column.name for column in usage_recent.primary_key)


class NewKey(NamedTuple):
    """What the dedupe index keeps of a call."""

    tenant: int
    key: bytes
    content: bytes
    cost_stated_nanousd: int | None
    id: bytes
    received_day: int
    backfill_month: int | None


class Existing(NamedTuple):
    """What the dedupe index knows of a call that came before."""

    content: bytes
    cost_stated_nanousd: int | None
    id: bytes


Known = dict[tuple[int, bytes], Existing]
"""Calls that came before, by tenant and key."""


class Written(NamedTuple):
    """The rows of one group, ready for SQL; `usage` rows are (tenant, seq, *USAGE)."""

    usage: list[tuple[Any, ...]]
    error_texts: list[tuple[int, int, int, str]]
    hourly: list[tuple[Any, ...]]
    daily: list[tuple[Any, ...]]
    recent: list[tuple[Any, ...]]
    names: list[tuple[int, int, str, str]]


def upsert(table: str, key: tuple[str, ...], sums: tuple[str, ...], mark: str) -> str:
    """Write the statement that adds sums to a rollup row, making it when it is new."""
    columns = (*key, *sums)
    adds = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in sums)
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) "
        f"VALUES ({', '.join([mark] * len(columns))}) "
        f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {adds}"
    )


__all__ = [
    "DAILY_KEY",
    "HOURLY_KEY",
    "RECENT_KEY",
    "SUMS",
    "USAGE",
    "Existing",
    "Known",
    "NewKey",
    "Written",
    "upsert",
]
