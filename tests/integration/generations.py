"""Dedupe keys on PostgreSQL: pieces as old as a test wants, and claims on real connections."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psycopg

from andon.drivers.database import Database, Tx, open_database, pieces
from andon.drivers.telemetry.columns import KEPT, NO_COST, Claim, Known
from andon.drivers.telemetry.postgres import PostgresLedger
from tests.integration.serving import migrate, settings_of
from tests.servers.postgres import PostgresDatabase
from tests.servers.stores import PostgresStore

TENANT, SLOT, DAYS = 1, 0, 9
_WAIT_SECONDS = 10.0


class Keys:
    """A migrated database whose only generation began days ago."""

    def __init__(self, database: PostgresDatabase, folder: Path, db: Database) -> None:
        self.database = database
        self.store = PostgresStore(folder, database)
        self.db = db
        self.ledger = PostgresLedger()

    def claim(self, tx: Tx, keys: Sequence[bytes], *, kept: bool = False) -> Known:
        """Claim keys, each for a record with a new id."""
        count = len(keys)
        return self.ledger.claim(
            tx,
            SLOT,
            Claim(
                [TENANT] * count,
                keys,
                np.arange(count),
                np.full(count, NO_COST, np.int64),
                [secrets.token_bytes(16) for _ in keys],
                [KEPT if kept else 0] * count,
            ),
        )

    def report(self, key: bytes, *, kept: bool = False) -> bool:
        """Claim a key in a transaction of its own; tell whether it was new."""
        with self.db.writing(TENANT) as tx:
            return not self.claim(tx, [key], kept=kept)

    def switch(self) -> int | None:
        """Begin a generation, if the newest is old enough."""
        with self.db.writing() as tx:
            return pieces.begin_generation(tx, DAYS)

    def places(self, key: bytes) -> list[int]:
        """Read in which generations a key stands, past the walls."""
        with self.store.snapshot() as read:
            found = read(f"SELECT generation FROM usage_keys WHERE key = '\\x{key.hex()}'")
        return [int(row[0]) for row in found]

    def age(self, days: int) -> int:
        """Put a generation that began days ago in the place of today's; give its day."""
        with psycopg.connect(self.database.owner_dsn) as owner:
            row = owner.execute("SELECT max(generation) FROM usage_generations").fetchone()
            assert row is not None
            old = int(row[0]) - days
            owner.execute(
                "SELECT andon_make_piece('usage_keys', %s, %s)",
                (f"usage_keys_{old}", f"IN ({old})"),
            )
            owner.execute("DELETE FROM usage_generations WHERE generation = %s", (row[0],))
            owner.execute(f"DROP TABLE usage_keys_{int(row[0])}".encode())
            owner.execute("INSERT INTO usage_generations VALUES (%s)", (old,))
        return old

    def await_waiting(self) -> None:
        """Return when some connection waits for an advisory lock or another's transaction."""
        statement = b"SELECT count(*) FROM pg_locks WHERE NOT granted"
        deadline = time.monotonic() + _WAIT_SECONDS
        with psycopg.connect(self.database.admin_dsn, autocommit=True) as watcher:
            while time.monotonic() < deadline:
                row = watcher.execute(statement).fetchone()
                if row is not None and row[0]:
                    return
        raise AssertionError("nobody waits")


@contextmanager
def aged_keys(database: PostgresDatabase, folder: Path) -> Iterator[Keys]:
    """Open a database whose only generation began ten days ago."""
    store = PostgresStore(folder, database)
    migrate(store)
    db = open_database(settings_of(store), lambda: time.time_ns() // 1000)
    try:
        keys = Keys(database, folder, db)
        keys.age(10)
        yield keys
    finally:
        db.close()
