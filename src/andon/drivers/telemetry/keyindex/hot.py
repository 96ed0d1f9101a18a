"""The entries of one generation that only the log holds so far, by key."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from andon.drivers.telemetry.keyindex.entries import (
    ENTRY,
    SIZE,
    Entries,
    Existing,
    keys_of,
    unpacked,
)

_ROOM = 1024


class Hot:
    """A dictionary of positions over a growing array of entries; only the writer extends it.

    Readers may look while it is extended: an entry stands in the array before its key is known.
    """

    __slots__ = ("_entries", "_places", "blocks", "count", "generation")

    def __init__(self, generation: int) -> None:
        self.generation = generation
        self.count = 0
        self.blocks: list[tuple[int, int]] = []
        self._entries: Entries = np.zeros(_ROOM, ENTRY)
        self._places: dict[bytes, int] = {}

    @property
    def entries(self) -> Entries:
        """Return the entries in the order of their arrival."""
        return self._entries[: self.count]

    def extend(self, blocks: Iterable[tuple[int, int]], entries: Entries) -> None:
        """Take the entries of committed log rows, which are named by slot and block."""
        start, end = self.count, self.count + len(entries)
        if end > len(self._entries):
            room = np.zeros(max(end, 2 * len(self._entries)), ENTRY)
            room[:start] = self._entries[:start]
            self._entries = room
        self._entries[start:end] = entries
        self._places.update(zip(keys_of(entries), range(start, end), strict=True))
        self.count = end
        self.blocks += blocks

    def after(self, count: int, blocks: int) -> Hot:
        """Return what came after so many entries and log rows, as a level of its own."""
        rest = Hot(self.generation)
        rest.extend(self.blocks[blocks:], self._entries[count : self.count])
        return rest

    def get(self, key: bytes) -> Existing | None:
        """Return what is known of a key."""
        place = self._places.get(key)
        return None if place is None else unpacked(self._body(), place * SIZE)

    def find(self, keys: set[bytes]) -> dict[bytes, Existing]:
        """Return what is known of the keys of a set."""
        common = self._places.keys() & keys
        if not common:
            return {}
        body = self._body()
        return {key: unpacked(body, self._places[key] * SIZE) for key in common}

    def _body(self) -> memoryview:
        return self._entries.view("u1").data
