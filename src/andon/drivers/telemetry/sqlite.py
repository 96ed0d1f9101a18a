"""The group commit on SQLite: one writer, so a look-up and an insert cannot race."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import compress, repeat
from operator import is_not
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
_NONES = repeat(None)
_USAGE = ("tenant", "seq", *USAGE)
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
    raw.executemany(
        _CLAIM,
        [
            (
                slot,
                k.tenant,
                bytearray(k.key),
                bytearray(k.content),
                *k[3:4],
                bytearray(k.id),
                *k[5:],
            )
            for k in keys
        ],
    )
    if raw.total_changes - before == len(keys):
        return {}
    known: Known = {}
    for key in keys:
        row = raw.execute(_FIND, (slot, key.tenant, key.key)).fetchone()
        if row[2] != key.id:
            known[key.tenant, key.key] = Existing(*row)
    return known


@lru_cache(1024)
def _usage_statement(present: tuple[bool, ...]) -> str:
    names = ("slot", "block", *compress(_USAGE, present))
    return f"INSERT INTO usage ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"


def _insert_usage(raw: Any, slot: int, block: int, rows: Sequence[tuple[Any, ...]]) -> None:
    # Python's SQLite binds None and bytes through its slow adaptation path (about 0.7 us each),
    # so a row leaves its absent columns out, and rows with the same columns share a statement.
    groups: dict[tuple[bool, ...], list[tuple[Any, ...]]] = {}
    for row in rows:
        present = tuple(map(is_not, row, _NONES))
        groups.setdefault(present, []).append((slot, block, *compress(row, present)))
    for present, group in groups.items():
        raw.executemany(_usage_statement(present), group)


def write(tx: Tx, slot: int, rows: Written) -> int:
    """Write the group's rows under the slot's next block number."""
    raw: Any = tx.raw
    block = int(raw.execute(_NUMBER, (slot,)).fetchone()[0])
    tenants = ",".join(str(n) for n in sorted({row[0] for row in rows.usage}))
    raw.execute(_BLOCK, (slot, block, tx.now_us, len(rows.usage), tenants))
    _insert_usage(raw, slot, block, rows.usage)
    raw.executemany(_NAMES, [(slot, *row) for row in rows.names])
    raw.executemany(_HOURLY, [(slot, *row) for row in rows.hourly])
    raw.executemany(_DAILY, [(slot, *row) for row in rows.daily])
    if rows.error_texts:
        raw.executemany(_ERRORS, [(slot, block, *row) for row in rows.error_texts])
    if rows.recent:
        raw.executemany(_RECENT, [(slot, *row) for row in rows.recent])
    return block
