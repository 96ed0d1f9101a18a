"""The group commit on PostgreSQL: keys first, rollups in one order, the block's number last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from andon.drivers.database import Tx
from andon.drivers.database.tables import metadata
from andon.drivers.telemetry.columns import (
    DAILY_KEY,
    HOURLY_KEY,
    RECENT_KEY,
    SUMS,
    USAGE,
    Existing,
    Known,
    NewKey,
    Written,
)

_CLAIM = (
    "INSERT INTO usage_keys SELECT %s, u.* FROM unnest(%s::int[], %s::bytea[], %s::bytea[],"
    " %s::bigint[], %s::bytea[], %s::int[], %s::int[]) AS u ON CONFLICT DO NOTHING"
)
_FIND = (
    "SELECT k.tenant, k.key, k.content, k.cost_stated_nanousd, k.id FROM usage_keys k"
    " JOIN unnest(%s::int[], %s::bytea[], %s::bytea[]) AS u(tenant, key, id)"
    " ON k.slot = %s AND k.tenant = u.tenant AND k.key = u.key WHERE k.id <> u.id"
)
_NAMES = (
    "INSERT INTO usage_names SELECT %s, u.* FROM unnest(%s::int[], %s::int[], %s::text[],"
    " %s::text[]) AS u ON CONFLICT DO NOTHING"
)
_STAGE = (
    "CREATE TEMP TABLE IF NOT EXISTS usage_staging"
    f" ON COMMIT DELETE ROWS AS SELECT tenant, seq, {', '.join(USAGE)} FROM usage WHERE false"
)
_COPY = f"COPY usage_staging (tenant, seq, {', '.join(USAGE)}) FROM STDIN"
# The number is taken by the statement that writes the rows, the last one of the transaction: a
# slot's row is locked from here to the commit, so numbers have no gap and follow commit order.
_WRITE = (
    "WITH number AS (UPDATE slots SET block = block + 1 WHERE slot = %s RETURNING block),"
    " made AS (INSERT INTO blocks SELECT %s, block, %s, %s, %s FROM number RETURNING block),"
    " texts AS (INSERT INTO usage_errors (slot, block, tenant, seq, received_us, message)"
    "  SELECT %s, number.block, e.* FROM number, unnest(%s::int[], %s::int[], %s::bigint[],"
    "  %s::text[]) AS e),"
    f" rows AS (INSERT INTO usage (slot, block, tenant, seq, {', '.join(USAGE)})"
    f"  SELECT %s, number.block, s.tenant, s.seq, {', '.join('s.' + name for name in USAGE)}"
    "  FROM number, usage_staging s ORDER BY s.seq)"
    " SELECT block FROM made"
)


def _upsert(table: str, key: tuple[str, ...], sums: tuple[str, ...]) -> str:
    columns = [metadata.tables[table].c[name] for name in (*key[1:], *sums)]
    arrays = ", ".join(f"%s::{column.type.compile()}[]".lower() for column in columns)
    adds = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in sums)
    return (
        f"INSERT INTO {table} SELECT %s, u.* FROM unnest({arrays}) AS u"
        f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {adds}"
    )


_HOURLY = _upsert("usage_hourly", HOURLY_KEY, SUMS)
_DAILY = _upsert("usage_daily", DAILY_KEY, SUMS)
_RECENT = _upsert("usage_recent", RECENT_KEY, ("calls",))


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def claim(tx: Tx, slot: int, keys: Sequence[NewKey]) -> Known:
    """Insert the keys that are new; return what is known of the others.

    A key that another transaction is inserting is waited for: committed, it is known here;
    rolled back, it is ours.
    """
    with tx.raw.cursor() as cursor:
        columns = _columns(keys)
        cursor.execute(_CLAIM, (slot, *columns))
        if cursor.rowcount == len(keys):
            return {}
        cursor.execute(_FIND, (columns[0], columns[1], columns[4], slot))
        return {(row[0], bytes(row[1])): _existing(row) for row in cursor.fetchall()}


def _existing(row: tuple[Any, ...]) -> Existing:
    return Existing(bytes(row[2]), row[3], bytes(row[4]))


def write(tx: Tx, slot: int, rows: Written) -> int:
    """Write the group's rows; the slot's next block number is taken by the last statement."""
    with tx.raw.cursor() as cursor:
        cursor.execute(_STAGE)
        with cursor.copy(_COPY) as copy:
            for row in rows.usage:
                copy.write_row(row)
        for statement, group in (
            (_NAMES, rows.names),
            (_HOURLY, rows.hourly),
            (_DAILY, rows.daily),
            (_RECENT, rows.recent),
        ):
            if group:
                cursor.execute(statement, (slot, *_columns(sorted(group))))
        texts = _columns(rows.error_texts) or [[], [], [], []]
        tenants = ",".join(str(n) for n in sorted({row[0] for row in rows.usage}))
        block = (slot, slot, tx.now_us, len(rows.usage), tenants, slot, *texts, slot)
        cursor.execute(_WRITE, block)
        return int(cursor.fetchone()[0])
