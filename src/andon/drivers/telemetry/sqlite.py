"""The group commit on SQLite: one writer, so a look-up and an insert cannot race."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import compress
from typing import Any

import numpy as np

from andon.drivers.database import Tx
from andon.drivers.telemetry.columns import (
    DAILY_KEY,
    HOURLY_KEY,
    KEPT,
    RECENT_KEY,
    SUMS,
    Claim,
    Existing,
    Expired,
    Known,
    Written,
    upsert,
)
from andon.drivers.telemetry.keyindex import Added, KeyIndex, pack
from andon.drivers.telemetry.keyindex.snapshot import look_up

_NUMBER = "UPDATE slots SET block = block + 1 WHERE slot = ? RETURNING block"
_BLOCK = "INSERT INTO blocks VALUES (?, ?, ?, ?, ?)"
_USAGE = "INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_ERRORS = (
    "INSERT INTO usage_errors (slot, block, tenant, seq, received_us, message) "
    "VALUES (?, ?, ?, ?, ?, ?)"
)
_NAMES = "INSERT OR IGNORE INTO usage_names VALUES (?, ?, ?, ?, ?)"
_HOURLY = upsert("usage_hourly", HOURLY_KEY, SUMS, "?")
_DAILY = upsert("usage_daily", DAILY_KEY, SUMS, "?")
_RECENT = upsert("usage_recent", RECENT_KEY, ("calls",), "?")


_HOT_KEYS = 32_768
"""So many keys are held in memory, in about 6 MiB, until they are written as a run."""


class SqliteLedger:
    """Writes groups and keeps the dedupe index, whose memory follows what is committed."""

    def __init__(self, generation_days: int = 9, index: KeyIndex | None = None) -> None:
        self._generation_days = generation_days
        self._index = KeyIndex(flush_at=_HOT_KEYS) if index is None else index
        self._is_loaded = False
        self._added: list[Added] = []

    def claim(self, tx: Tx, slot: int, claim: Claim) -> Known:
        """Tell which calls came before."""
        tx.touch(slot)
        self._added = []
        self._load(tx)
        return self._index.find(tx.raw, claim.keys)

    def _load(self, tx: Tx) -> None:
        if not self._is_loaded:
            self._index.load(tx.raw)
            self._is_loaded = True

    def write(self, tx: Tx, slot: int, claim: Claim, fresh: Sequence[bool], rows: Written) -> int:
        """Write the group's rows and the fresh keys under the slot's next block number."""
        tx.touch(slot)
        raw: Any = tx.raw
        block = int(raw.execute(_NUMBER, (slot,)).fetchone()[0])
        raw.execute(_BLOCK, (slot, block, tx.now_us, rows.records, rows.tenants))
        raw.executemany(
            _USAGE,
            [
                (slot, tenant, block, rows.month, tx.now_us, rows.id, records, body)
                for tenant, records, body in rows.chunks
            ],
        )
        raw.executemany(_NAMES, [(slot, *row) for row in rows.names])
        raw.executemany(_HOURLY, [(slot, *row) for row in rows.hourly])
        raw.executemany(_DAILY, [(slot, *row) for row in rows.daily])
        if rows.error_texts:
            raw.executemany(_ERRORS, [(slot, block, *row) for row in rows.error_texts])
        if rows.recent:
            raw.executemany(_RECENT, [(slot, *row) for row in rows.recent])
        self._add_keys(raw, slot, block, claim, np.array(fresh, np.bool_))
        return block

    def _add_keys(
        self, raw: Any, slot: int, block: int, claim: Claim, fresh: np.ndarray[Any, Any]
    ) -> None:
        generations = self._pieces_of(np.array(claim.generations))
        for generation in np.unique(generations[fresh]).tolist():
            chosen = fresh & (generations == generation)
            entries = pack(
                list(compress(claim.keys, chosen.tolist())),
                claim.contents[chosen],
                claim.costs_stated[chosen],
                list(compress(claim.ids, chosen.tolist())),
            )
            self._added.append(self._index.add(raw, slot, block, generation, entries))

    def _pieces_of(self, days: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Choose the piece for each key by the day of its receipt: a piece is named by its first.

        The newest one takes keys for so many days, whatever a setting was before and the clock is.
        """
        newest = max(self._index.generations, default=KEPT)
        if newest == KEPT:
            return days
        pieces = np.where(days < newest + self._generation_days, newest, days)
        return np.where(days == KEPT, KEPT, pieces)

    def keep(self) -> None:
        """Remember the keys of the group, now that it is committed."""
        for added in self._added:
            self._index.keep(added)
        self._added = []

    def doubt(self) -> None:
        """Read the index again before it is used: nobody knows whether the commit was made."""
        self._is_loaded = False
        self._added = []

    @property
    def has_work(self) -> bool:
        """Tell whether the index wants a step of upkeep."""
        return self._index.has_work

    def tend(self, tx: Tx) -> Callable[[], None]:
        """Take one step of upkeep; call what it returns once the step is committed."""
        self._load(tx)
        return self._index.tend(tx.raw)

    def expire(self, tx: Tx, last_day: int) -> Expired:
        """Drop keys that came on this day or before, in whole pieces.

        A piece goes when the one after it had begun by that day.
        """
        self._load(tx)
        begun = [day for day in self._index.generations if day <= last_day]
        if len(begun) < 2:
            return Expired(0, _nothing)
        return Expired(len(begun) - 1, self._index.drop(tx.raw, begun[-1]))

    def look_up(self, tx: Tx, _slot: int, key: bytes) -> Existing | None:
        """Find a call by its key, on a connection that reads."""
        if not self._is_loaded:
            return look_up(tx.raw, key)
        return self._index.look_up(tx.raw, key)


def _nothing() -> None:
    pass
