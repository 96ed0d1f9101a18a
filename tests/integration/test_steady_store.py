"""An embedded store that takes in and forgets at a steady rate: exact, and of a steady size."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from andon.drivers.database import Database, Tx, migrate, open_database
from andon.drivers.telemetry import retention
from andon.drivers.telemetry.columns import KEPT, NO_COST, Chunk, Claim, Written
from andon.drivers.telemetry.keyindex import KeyIndex
from andon.drivers.telemetry.sqlite import SqliteLedger
from andon.settings import Settings

TENANT, SLOT, DAYS = 1, 0, 3
DAYS_A_MONTH, MONTHS_KEPT, HORIZON = 10, 1, 9


class Clockwork:
    """A store whose days go by as a test says."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.ledger = SqliteLedger(DAYS)
        self.ledger._index = KeyIndex(flush_at=600, fan_out=3, page_entries=20, step_entries=400)

    def report(self, day: int, keys: Sequence[bytes], *, kept: bool = False) -> int:
        """Take in one block; give how many of its keys were new."""
        count = len(keys)
        claim = Claim(
            [TENANT] * count,
            keys,
            np.arange(count),
            np.full(count, NO_COST, np.int64),
            [secrets.token_bytes(16) for _ in keys],
            [KEPT if kept else day] * count,
        )
        with self.db.writing(TENANT) as tx:
            known = self.ledger.claim(tx, SLOT, claim)
            fresh = [key not in known for key in keys]
            chunk = Chunk(TENANT, count, secrets.token_bytes(9_000))
            texts = [(TENANT, 0, day, "it failed " * 20)]
            rows = Written(
                secrets.token_bytes(16), day // DAYS_A_MONTH, [chunk], texts, [], [], [], []
            )
            self.ledger.write(tx, SLOT, claim, fresh, rows)
        self.ledger.keep()
        return sum(fresh)

    def forget(self, day: int) -> None:
        """Drop what is past its time on this day, and take all steps of upkeep."""
        with self.db.writing(TENANT) as tx:
            expired = self.ledger.expire(tx, day - HORIZON - 1)
        expired.keep()
        while self.ledger.has_work:
            with self.db.writing() as tx:
                keep = self.ledger.tend(tx)
            keep()
        while True:
            with self.db.writing(TENANT) as tx, tx.erasing():
                before = day // DAYS_A_MONTH - MONTHS_KEPT
                dropped = retention.drop_oldest(tx, SLOT, before, 5)
                _drop_texts(tx, day - HORIZON)
            if not dropped.is_more:
                return

    def pages(self) -> int:
        """Count the pages of the file, those that are free too."""
        with self.db.reading() as tx:
            return int(tx.conn.exec_driver_sql("PRAGMA page_count").scalar_one())


def _drop_texts(tx: Tx, before: int) -> None:
    tx.conn.exec_driver_sql("DELETE FROM usage_errors WHERE received_us < ?", (before,))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Clockwork]:
    settings = Settings(home=tmp_path)
    assert settings.sqlite_path is not None
    db = open_database(settings, lambda: time.time_ns() // 1000)
    migrate.migrate_sqlite(db.writer, settings.sqlite_path)
    yield Clockwork(db)
    db.close()


def _keys(count: int) -> list[bytes]:
    return [secrets.token_bytes(16) for _ in range(count)]


def test_the_file_stops_growing(store: Clockwork) -> None:
    sizes = []
    for day in range(1000, 1090):
        for _ in range(3):
            assert store.report(day, _keys(150)) == 150
        store.forget(day)
        sizes.append(store.pages())
    settled, last = max(sizes[30:50]), max(sizes[50:])
    assert last <= settled * 1.05
    assert settled > 100


def test_keys_are_known_for_the_horizon_and_go_in_whole_pieces(store: Clockwork) -> None:
    by_day = {day: _keys(40) for day in range(1000, 1030)}
    for day, keys in by_day.items():
        assert store.report(day, keys) == 40
        store.forget(day)
        for earlier in range(max(1000, day - HORIZON), day + 1):
            assert store.report(day, by_day[earlier][:5]) == 0
    assert store.report(1030, by_day[1000]) == 40
    assert len(store.ledger._index.generations) <= HORIZON // DAYS + 2


def test_backfills_keep_their_keys(store: Clockwork) -> None:
    keys = _keys(40)
    assert store.report(1000, keys, kept=True) == 40
    for day in range(1000, 1060):
        store.report(day, _keys(20))
        store.forget(day)
    assert store.report(1060, keys, kept=True) == 0
    assert store.report(1060, keys) == 0


@pytest.mark.parametrize("days", [1, 30])
def test_another_horizon_forgets_nothing_too_early(store: Clockwork, days: int) -> None:
    early, late = _keys(40), _keys(40)
    store.report(1000, early)
    store.report(1004, late)
    again = replace_ledger(store, days)
    again.report(1005, _keys(20))
    again.forget(1009)
    assert again.report(1009, early) == 0
    assert again.report(1009, late) == 0


def replace_ledger(store: Clockwork, days: int) -> Clockwork:
    """Open the store again with another horizon."""
    again = Clockwork(store.db)
    again.ledger = SqliteLedger(days)
    return again


def test_a_clock_that_steps_back_does_not_begin_a_generation(store: Clockwork) -> None:
    keys = _keys(40)
    store.report(1000, keys)
    store.report(990, _keys(10))
    assert store.ledger._index.generations == [1000]
    assert store.report(991, keys) == 0
