"""The packed pages of the dedupe index in the database, and the parts of the runs' filters."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from andon import errors
from andon.drivers.telemetry.keyindex.entries import SIZE, Words

# The driver gives the interpreter's lock away at every row it steps to, and another thread may
# keep it for milliseconds: so pages are read and written many to a step.
_READ_AT_ONCE = 16
_WRITTEN_AT_ONCE = 100
_PADDING = [None] * _READ_AT_ONCE
_READ = "SELECT " + ", ".join(["(SELECT body FROM usage_key_pages WHERE page = ?)"] * _READ_AT_ONCE)
_DELETE = "DELETE FROM usage_key_pages WHERE page >= ? AND page < ?"
_PART = "INSERT INTO usage_key_parts (part, word, words, fences) VALUES (?, ?, ?, ?)"
_PARTS = (
    "SELECT word, words, fences FROM usage_key_parts WHERE part >= ? AND part < ? ORDER BY part"
)
_DELETE_PARTS = "DELETE FROM usage_key_parts WHERE part >= ? AND part < ?"


class PageMissing(errors.StoreRefused):
    """A page of the dedupe index is not there: its run is gone or newer than the reader's state."""


def place(run: int, number: int) -> int:
    """Return the row number of a run's page or part."""
    return run << 32 | number


def places(run: int, first: int, end: int) -> range:
    """Return the row numbers of a run's pages from this number to before that one."""
    return range(place(run, first), place(run, end))


def read(raw: Any, wanted: Sequence[int]) -> list[bytes]:
    """Read pages in the order given; PageMissing where one of them does not exist."""
    bodies: list[bytes] = []
    for at in range(0, len(wanted), _READ_AT_ONCE):
        asked = list(wanted[at : at + _READ_AT_ONCE])
        row = raw.execute(_READ, asked + _PADDING[len(asked) :]).fetchone()
        bodies += row[: len(asked)]
    if None in bodies:
        missing = next(page for page, body in zip(wanted, bodies, strict=True) if body is None)
        raise PageMissing(
            f"page {missing:#x} of the dedupe index is missing; "
            "if Andon says so again after a restart, restore the last backup"
        )
    return bodies


@lru_cache(_WRITTEN_AT_ONCE)
def _insert(rows: int) -> str:
    return "INSERT INTO usage_key_pages (page, body) VALUES " + ", ".join(["(?, ?)"] * rows)


def write(raw: Any, run: int, first: int, body: bytes, page_entries: int) -> int:
    """Write packed entries as the run's next pages; return how many pages they are."""
    view, length = memoryview(body), page_entries * SIZE
    row: list[Any] = []
    for number, at in enumerate(range(0, len(body), length), first):
        # The driver binds a bytearray without the adaptation that bytes go through.
        row += (place(run, number), bytearray(view[at : at + length]))
        if len(row) == 2 * _WRITTEN_AT_ONCE:
            raw.execute(_insert(_WRITTEN_AT_ONCE), row)
            row = []
    if row:
        raw.execute(_insert(len(row) // 2), row)
    return -(-len(body) // length)


def delete(raw: Any, run: int, first: int, end: int) -> None:
    """Delete a run's pages from this number to before that one."""
    raw.execute(_DELETE, (place(run, first), place(run, end)))


def write_part(raw: Any, run: int, number: int, word: int, words: Words, fences: Words) -> None:
    """Keep a part of a run's filter and the first keys of its pages, for a quick start."""
    blobs = (bytearray(words.astype("<u8")), bytearray(fences.astype("<u8")))
    raw.execute(_PART, (place(run, number), word, *blobs))


def parts(raw: Any, run: int, end: int) -> list[tuple[int, Words, Words]]:
    """Read a run's parts: where their words begin, the words, the first keys of the pages."""
    rows = raw.execute(_PARTS, (place(run, 0), place(run, end)))
    return [(word, _numbers(words), _numbers(fences)) for word, words, fences in rows]


def _numbers(blob: bytes) -> Words:
    return np.frombuffer(blob, "<u8").astype(np.uint64, copy=False)


def delete_parts(raw: Any, run: int, first: int, end: int) -> None:
    """Delete a run's parts from this number to before that one."""
    raw.execute(_DELETE_PARTS, (place(run, first), place(run, end)))
