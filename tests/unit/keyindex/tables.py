"""The tables of the dedupe index, connections to them, and entries to put in."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from andon.drivers.database import sqlite
from andon.drivers.telemetry.keyindex import Entries, Existing, KeyIndex, pack

_driver: Any = sqlite.sqlite_module  # type: ignore[attr-defined]

TABLES = (
    """CREATE TABLE usage_key_log (
      slot INTEGER NOT NULL,
      block INTEGER NOT NULL,
      generation INTEGER NOT NULL,
      keys INTEGER NOT NULL,
      body BLOB NOT NULL,
      PRIMARY KEY (slot, block, generation)
    ) WITHOUT ROWID""",
    """CREATE TABLE usage_key_runs (
      run INTEGER PRIMARY KEY AUTOINCREMENT,
      generation INTEGER NOT NULL,
      level INTEGER NOT NULL,
      state INTEGER NOT NULL,
      target INTEGER,
      keys INTEGER NOT NULL,
      pages INTEGER NOT NULL,
      parts INTEGER NOT NULL,
      words INTEGER NOT NULL,
      cursor BLOB
    )""",
    """CREATE TABLE usage_key_pages (
      page INTEGER PRIMARY KEY,
      body BLOB NOT NULL
    )""",
    """CREATE TABLE usage_key_parts (
      part INTEGER PRIMARY KEY,
      word INTEGER NOT NULL,
      words BLOB NOT NULL,
      fences BLOB NOT NULL
    )""",
)


def connect(path: Path, synchronous: str = "OFF") -> Any:
    """Open the database as the writer does, without waiting for the disk."""
    raw = _driver.connect(str(path), isolation_level=None, check_same_thread=False)
    raw.execute("PRAGMA journal_mode = WAL")
    raw.execute(f"PRAGMA synchronous = {synchronous}")
    return raw


def fresh(path: Path) -> Any:
    """Make the tables in a new database and return its writing connection."""
    raw = connect(path)
    for statement in TABLES:
        raw.execute(statement)
    return raw


def small() -> KeyIndex:
    """Make an index whose levels fill after a few entries."""
    return KeyIndex(flush_at=24, fan_out=3, page_entries=4, step_entries=16)


def made(number: int) -> bytes:
    """Make the 16 bytes of a key or an id, spread like a digest's."""
    high = number * 0x9E3779B97F4A7C15 % 2**64
    low = (number + 1) * 0xC2B2AE3D27D4EB4F % 2**64
    return (high << 64 | low).to_bytes(16, "big")


def known(number: int) -> Existing:
    """Say what the index is to know of a numbered key."""
    return Existing(number - 5, None if number % 3 == 0 else number, made(number + 1_000_000))


def packed(model: Iterable[tuple[bytes, Existing]]) -> Entries:
    """Pack the keys and what is known of them."""
    rows = list(model)
    costs = [-1 if e.cost_stated_nanousd is None else e.cost_stated_nanousd for _, e in rows]
    return pack(
        [key for key, _ in rows],
        np.array([e.content for _, e in rows], np.int64),
        np.array(costs, np.int64),
        [e.id for _, e in rows],
    )


def numbered(numbers: Iterable[int]) -> dict[bytes, Existing]:
    """Map numbered keys to what the index is to know of them."""
    return {made(number): known(number) for number in numbers}


def add(raw: Any, index: KeyIndex, block: int, generation: int, numbers: Iterable[int]) -> None:
    """Add numbered keys as one committed block."""
    raw.execute("BEGIN IMMEDIATE")
    added = index.add(raw, 0, block, generation, packed(numbered(numbers).items()))
    raw.execute("COMMIT")
    index.keep(added)


def tend(raw: Any, index: KeyIndex) -> None:
    """Do one committed step."""
    raw.execute("BEGIN IMMEDIATE")
    done = index.tend(raw)
    raw.execute("COMMIT")
    done()


def tend_all(raw: Any, index: KeyIndex) -> None:
    """Do every step that is due."""
    while index.has_work:
        tend(raw, index)


def drop(raw: Any, index: KeyIndex, before: int) -> None:
    """Drop older generations in a committed transaction."""
    raw.execute("BEGIN IMMEDIATE")
    done = index.drop(raw, before)
    raw.execute("COMMIT")
    done()


def stored(raw: Any, index: KeyIndex) -> dict[bytes, Existing]:
    """Return every entry that the database holds; none may be there twice."""
    found: dict[bytes, Existing] = {}
    for entries in index.all_entries(raw):
        for high, low, content, cost, record in entries.tolist():
            key = (high << 64 | low).to_bytes(16, "big")
            assert key not in found
            found[key] = Existing(content, None if cost == -1 else cost, record)
    return found


def page_counts(raw: Any) -> tuple[int, int]:
    """Return how many pages there are, and how many the live runs have."""
    pages = raw.execute("SELECT count(*) FROM usage_key_pages").fetchone()[0]
    live = raw.execute("SELECT coalesce(sum(pages), 0) FROM usage_key_runs WHERE state = 1")
    return int(pages), int(live.fetchone()[0])
