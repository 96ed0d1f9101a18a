"""The group commit on SQLite: one writer, so a look-up and an insert cannot race."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from andon.drivers.database import Tx
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
    upsert,
)

_CLAIM = "INSERT OR IGNORE INTO usage_keys VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_FIND = (
    "SELECT content, cost_stated_nanousd, id FROM usage_keys"
    " WHERE slot = ? AND tenant = ? AND key = ?"
)
_NUMBER = "UPDATE slots SET block = block + 1 WHERE slot = ? RETURNING block"
_BLOCK = "INSERT INTO blocks VALUES (?, ?, ?, ?, ?)"
_USAGE = (
    f"INSERT INTO usage (slot, block, tenant, seq, {', '.join(USAGE)}) "
    f"VALUES ({', '.join(['?'] * (len(USAGE) + 4))})"
)
_ERRORS = (
    "INSERT INTO usage_errors (slot, block, tenant, seq, received_us, message) "
    "VALUES (?, ?, ?, ?, ?, ?)"
)
_NAMES = "INSERT OR IGNORE INTO usage_names VALUES (?, ?, ?, ?, ?)"
_HOURLY = upsert("usage_hourly", HOURLY_KEY, SUMS, "?")
_DAILY = upsert("usage_daily", DAILY_KEY, SUMS, "?")
_RECENT = upsert("usage_recent", RECENT_KEY, ("calls",), "?")


def claim(tx: Tx, slot: int, keys: Sequence[NewKey]) -> Known:
    """Insert the keys that are new; return what is known of the others."""
    raw = tx.raw
    before = raw.total_changes
    raw.executemany(_CLAIM, [(slot, *key) for key in keys])
    if raw.total_changes - before == len(keys):
        return {}
    known: Known = {}
    for key in keys:
        row = raw.execute(_FIND, (slot, key.tenant, key.key)).fetchone()
        if row[2] != key.id:
            known[key.tenant, key.key] = Existing(*row)
    return known


def write(tx: Tx, slot: int, rows: Written) -> int:
    """Write the group's rows under the slot's next block number."""
    raw: Any = tx.raw
    block = int(raw.execute(_NUMBER, (slot,)).fetchone()[0])
    tenants = ",".join(str(n) for n in sorted({row[0] for row in rows.usage}))
    raw.execute(_BLOCK, (slot, block, tx.now_us, len(rows.usage), tenants))
    raw.executemany(_USAGE, [(slot, block, *row) for row in rows.usage])
    raw.executemany(_NAMES, [(slot, *row) for row in rows.names])
    raw.executemany(_HOURLY, [(slot, *row) for row in rows.hourly])
    raw.executemany(_DAILY, [(slot, *row) for row in rows.daily])
    if rows.error_texts:
        raw.executemany(_ERRORS, [(slot, block, *row) for row in rows.error_texts])
    if rows.recent:
        raw.executemany(_RECENT, [(slot, *row) for row in rows.recent])
    return block
