"""Answers from the database alone, as of the reader's own state; slower, and needs no memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from andon.drivers.telemetry.keyindex import ledger, pages
from andon.drivers.telemetry.keyindex.entries import Entries, Existing, found_in
from andon.drivers.telemetry.keyindex.runs import read_entries

_PAGES_AT_ONCE = 256


@contextmanager
def one_state(raw: Any) -> Iterator[None]:
    """See one state of the database: that of the open transaction, or one for this block."""
    if raw.in_transaction:
        yield
        return
    raw.execute("BEGIN")
    try:
        yield
    finally:
        raw.execute("ROLLBACK")


def look_up(raw: Any, key: bytes) -> Existing | None:
    """Look for a key in every run that is live in the reader's state, then in its log."""
    with one_state(raw):
        for row in ledger.run_rows(raw):
            if row.state == ledger.State.LIVE:
                existing = _in_run(raw, row, key)
                if existing is not None:
                    return existing
        for logged in ledger.logged(raw):
            existing = found_in(logged.entries.tobytes(), key)
            if existing is not None:
                return existing
    return None


def _in_run(raw: Any, row: ledger.RunRow, key: bytes) -> Existing | None:
    low, high = 0, row.pages
    while low < high:
        middle = (low + high) // 2
        body = pages.read(raw, [pages.place(row.run, middle)])[0]
        if key < body[:16]:
            high = middle
            continue
        existing = found_in(body, key)
        if existing is not None:
            return existing
        low = middle + 1
    return None


def entries(raw: Any) -> Iterator[Entries]:
    """Yield every live entry, run by run and then the log; at most 256 pages at a time."""
    with one_state(raw):
        for row in ledger.run_rows(raw):
            if row.state == ledger.State.LIVE:
                for first in range(0, row.pages, _PAGES_AT_ONCE):
                    end = min(first + _PAGES_AT_ONCE, row.pages)
                    yield read_entries(raw, pages.places(row.run, first, end))
        for logged in ledger.logged(raw):
            yield logged.entries
