"""A run in memory: the first keys of its pages and its filter; the pages are in the database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from andon.drivers.telemetry.keyindex import filters, pages
from andon.drivers.telemetry.keyindex.entries import (
    ENTRY,
    Entries,
    Existing,
    Words,
    columns,
    found_in,
    halves_of,
)


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Immutable sorted entries of one generation, in numbered pages."""

    number: int
    generation: int
    level: int
    keys: int
    parts: int
    fences: Words
    words: Words

    @property
    def pages(self) -> int:
        """Return how many pages the run has."""
        return len(self.fences)

    def start(self, high: int) -> int:
        """Return the first page that can hold a key with this first half, or a greater one."""
        return max(int(self.fences.searchsorted(np.uint64(high), "left")) - 1, 0)

    def candidates(self, high: Words, top: Words, mask: Words) -> Iterable[tuple[int, int]]:
        """Return (position of the key, place of a page) wherever a key may be in a page."""
        admitted = filters.admitted(self.words, top, mask)
        if not len(admitted):
            return ()
        wanted = high.take(admitted)
        last = self.fences.searchsorted(wanted, "right") - 1
        if (self.fences.take(last, mode="clip") == wanted).any():
            return self._across_pages(wanted, admitted)
        within = last >= 0
        places = last[within] + pages.place(self.number, 0)
        return zip(admitted[within].tolist(), places.tolist(), strict=True)

    def _across_pages(
        self, wanted: Words, admitted: npt.NDArray[np.int64]
    ) -> Iterator[tuple[int, int]]:
        first = self.fences.searchsorted(wanted, "left").tolist()
        end = self.fences.searchsorted(wanted, "right").tolist()
        for position, low, high in zip(admitted.tolist(), first, end, strict=True):
            # Pages can begin with the same first half; the one before them can end with it.
            for place in pages.places(self.number, max(low - 1, 0), high):
                yield position, place

    def look_up(self, raw: Any, key: bytes) -> Existing | None:
        """Look for one key; PageMissing where the run is not in the reader's state."""
        high, low = halves_of(key)
        if not filters.admits(self.words, high, low):
            return None
        end = int(self.fences.searchsorted(np.uint64(high), "right"))
        for body in pages.read(raw, pages.places(self.number, self.start(high), end)):
            existing = found_in(body, key)
            if existing is not None:
                return existing
        return None


def read_entries(raw: Any, places: Sequence[int]) -> Entries:
    """Read the entries of pages, page by page in the order given."""
    return np.frombuffer(b"".join(pages.read(raw, places)), ENTRY)


def memory(
    raw: Any, number: int, page_count: int, part_count: int, words: int
) -> tuple[Words, Words]:
    """Return the first keys and the filter of a run, from its parts or else from its pages."""
    filled = np.zeros(words, np.uint64)
    fences = [np.zeros(0, np.uint64)]
    for word, piece, part in pages.parts(raw, number, part_count):
        filled[word : word + len(piece)] |= piece
        fences.append(part)
    joined = np.concatenate(fences)
    if len(fences) - 1 == part_count and len(joined) == page_count:
        return joined, filled
    return _rebuilt(raw, number, page_count, words)


def _rebuilt(raw: Any, number: int, page_count: int, words: int) -> tuple[Words, Words]:
    filled = np.zeros(words, np.uint64)
    fences = np.zeros(page_count, np.uint64)
    for page in range(page_count):
        high, low = columns(read_entries(raw, [pages.place(number, page)]))
        fences[page] = high[0]
        word, piece = filters.piece(high, low, words)
        filled[word : word + len(piece)] |= piece
    return fences, filled
