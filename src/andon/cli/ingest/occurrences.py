"""How often a row was there before in a file that may be larger than memory."""

from __future__ import annotations

import sqlite3


class Occurrences:
    """Counts equal rows in a private temporary database, so that memory stays bounded."""

    def __init__(self) -> None:
        # A database without a name lives in its page cache and goes to a temporary file beyond it.
        self._store = sqlite3.connect("", isolation_level=None)
        self._store.execute("PRAGMA journal_mode = OFF")
        self._store.execute("PRAGMA cache_size = -65536")
        self._store.execute("CREATE TABLE seen (row BLOB PRIMARY KEY, times INTEGER) WITHOUT ROWID")
        self._store.execute("BEGIN")

    def count(self, digest: bytes) -> int:
        """Count a row and tell the how manieth of its equals it is, from 1."""
        found = self._store.execute(
            "INSERT INTO seen VALUES (?, 1) ON CONFLICT DO UPDATE SET times = times + 1 "
            "RETURNING times",
            (digest,),
        ).fetchone()
        return int(found[0])

    def close(self) -> None:
        """Drop the temporary database."""
        self._store.close()
