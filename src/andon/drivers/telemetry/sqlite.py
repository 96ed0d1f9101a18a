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
    RECENT_KEY,
    SUMS,
    Claim,
    Existing,
    Known,
    Written,
    upsert,
)
from andon.drivers.telemetry.keyindex import Added, KeyIndex, pack

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


class SqliteLedger:
    """Writes groups and keeps the dedupe index, whose memory follows what is committed."""

    def __init__(self) -> None:
        self._index = KeyIndex()
        self._is_loaded = False
        self._added: list[Added] = []

    def claim(self, tx: Tx, _slot: int, claim: Claim) -> Known:
        """Tell which calls came before."""
        self._added = []
        self._load(tx)
        return self._index.find(tx.raw, claim.keys)

    def _load(self, tx: Tx) -> None:
        if not self._is_loaded:
            self._index.load(tx.raw)
            self._is_loaded = True

    def write(self, tx: Tx, slot: int, claim: Claim, fresh: Sequence[bool], rows: Written) -> int:
        """Write the group's rows and the fresh keys under the slot's next block number."""
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
        generations = np.array(claim.generations)
        for generation in np.unique(generations[fresh]).tolist():
            chosen = fresh & (generations == generation)
            entries = pack(
                list(compress(claim.keys, chosen.tolist())),
                claim.contents[chosen],
                claim.costs_stated[chosen],
                list(compress(claim.ids, chosen.tolist())),
            )
            self._added.append(self._index.add(raw, slot, block, generation, entries))

    def keep(self) -> None:
        """Remember the keys of the group, now that it is committed."""
        for added in self._added:
            self._index.keep(added)
        self._added = []

    @property
    def has_work(self) -> bool:
        """Tell whether the index wants a step of upkeep."""
        return self._index.has_work

    def tend(self, tx: Tx) -> Callable[[], None]:
        """Take one step of upkeep; call what it returns once the step is committed."""
        self._load(tx)
        return self._index.tend(tx.raw)

    def expire(self, tx: Tx, before_generation: int) -> Callable[[], None]:
        """Drop the keys of generations before this one, in whole pieces."""
        self._load(tx)
        return self._index.drop(tx.raw, before_generation)

    def look_up(self, tx: Tx, _slot: int, key: bytes) -> Existing | None:
        """Find a call by its key, on a connection that reads."""
        return self._index.look_up(tx.raw, key)
