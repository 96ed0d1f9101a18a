"""The rows that say which runs there are, how far they are built, and what the log still holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np

from andon.drivers.telemetry.keyindex.entries import ENTRY, Entries

_COLUMNS = "run, generation, level, state, target, keys, pages, parts, words, cursor"
_ALL = f"SELECT {_COLUMNS} FROM usage_key_runs ORDER BY run"
_INSERT = (
    "INSERT INTO usage_key_runs (generation, level, state, keys, pages, parts, words)"
    " VALUES (?, ?, ?, 0, 0, 0, ?)"
)
_CLAIM = "UPDATE usage_key_runs SET target = ? WHERE run = ?"
_PROGRESS = "UPDATE usage_key_runs SET keys = ?, pages = ?, parts = ?, cursor = ? WHERE run = ?"
_FINISH = "UPDATE usage_key_runs SET state = ?, cursor = NULL WHERE run = ?"
_SPENT = "UPDATE usage_key_runs SET state = ?, target = NULL WHERE target = ?"
_SHRINK = "UPDATE usage_key_runs SET pages = ?, parts = ? WHERE run = ?"
_DELETE = "DELETE FROM usage_key_runs WHERE run = ?"
_DROP = (
    "UPDATE usage_key_runs SET state = ?, target = NULL"
    " WHERE generation >= 0 AND generation < ? AND state <> ?"
)
_LOG = "INSERT INTO usage_key_log (slot, block, generation, keys, body) VALUES (?, ?, ?, ?, ?)"
_LOGGED = "SELECT slot, block, generation, body FROM usage_key_log"
_UNLOG = "DELETE FROM usage_key_log WHERE slot = ? AND block = ? AND generation = ?"
_DROP_LOG = "DELETE FROM usage_key_log WHERE generation >= 0 AND generation < ?"


class State(IntEnum):
    """What a run is: being built, answering, or waiting for its pages to be deleted."""

    BUILDING = 0
    LIVE = 1
    GONE = 2


@dataclass(frozen=True, slots=True)
class RunRow:
    """A row of usage_key_runs; a target is the run that a merge builds of this one."""

    run: int
    generation: int
    level: int
    state: int
    target: int | None
    keys: int
    pages: int
    parts: int
    words: int
    cursor: bytes | None


@dataclass(frozen=True, slots=True)
class LogRow:
    """The entries of one committed block and generation that no run holds yet."""

    slot: int
    block: int
    generation: int
    entries: Entries


def run_rows(raw: Any) -> list[RunRow]:
    """Read every run, the oldest first."""
    return [RunRow(*row) for row in raw.execute(_ALL)]


def begin(raw: Any, generation: int, level: int, words: int) -> int:
    """Make the row of a run that is to be built; its number is never used again."""
    cursor = raw.execute(_INSERT, (generation, level, State.BUILDING.value, words))
    return int(cursor.lastrowid)


def claim(raw: Any, target: int, sources: list[int]) -> None:
    """Say that these runs are being merged into the target."""
    raw.executemany(_CLAIM, [(target, run) for run in sources])


def progress(raw: Any, run: int, keys: int, pages: int, parts: int, cursor: bytes) -> None:
    """Keep how far a run is built; the cursor is the last key that was written."""
    raw.execute(_PROGRESS, (keys, pages, parts, bytearray(cursor), run))


def finish(raw: Any, run: int) -> None:
    """Let a run answer, and the runs that it was merged from no longer."""
    raw.execute(_FINISH, (State.LIVE.value, run))
    raw.execute(_SPENT, (State.GONE.value, run))


def shrink(raw: Any, run: int, pages: int, parts: int) -> None:
    """Keep how much of a run that is gone is still to be deleted; nothing left, no row."""
    if pages or parts:
        raw.execute(_SHRINK, (pages, parts, run))
    else:
        raw.execute(_DELETE, (run,))


def drop(raw: Any, before: int) -> None:
    """Mark the runs of older generations as gone and forget their log; KEPT is never older."""
    raw.execute(_DROP, (State.GONE.value, before, State.GONE.value))
    raw.execute(_DROP_LOG, (before,))


def log(raw: Any, slot: int, block: int, generation: int, entries: Entries) -> None:
    """Write the entries of a block and generation as one row."""
    body = bytearray(entries.tobytes())
    raw.execute(_LOG, (slot, block, generation, len(entries), body))


def logged(raw: Any) -> Iterator[LogRow]:
    """Read the log row by row."""
    for slot, block, generation, body in raw.execute(_LOGGED):
        yield LogRow(slot, block, generation, np.frombuffer(body, ENTRY))


def unlog(raw: Any, generation: int, blocks: list[tuple[int, int]]) -> None:
    """Delete the log rows of these (slot, block) and one generation."""
    raw.executemany(_UNLOG, [(slot, block, generation) for slot, block in blocks])
