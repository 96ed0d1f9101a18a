"""Two sets of any size compared in little memory: by the sums of their digests, part by part."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from andon.drivers.telemetry.columns import NO_COST
from andon.drivers.telemetry.keyindex import Entries

BITS = 12
"""Entries are in one of 4096 parts, by the first bits of their key."""

_SHIFT = np.uint64(64 - BITS)
_PARTS = 1 << BITS
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)

_Words = NDArray[np.uint64]


class Known(NamedTuple):
    """What is known of a call by its key: digest of its content, stated cost, id of its record."""

    content: int
    cost_stated_nanousd: int | None
    id: str


def _mix(words: _Words) -> _Words:
    # The finalizer of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number
    # generators, 2014).
    words = (words ^ (words >> np.uint64(30))) * _FIRST
    words = (words ^ (words >> np.uint64(27))) * _SECOND
    return words ^ (words >> np.uint64(31))


def halves_of_ids(entries: Entries) -> tuple[_Words, _Words]:
    """Give the first and the last 8 bytes of the ids as numbers."""
    ids = np.ascontiguousarray(entries["id"]).view(">u8").reshape(len(entries), 2)
    return ids[:, 0].astype(np.uint64), ids[:, 1].astype(np.uint64)


def _digests(entries: Entries) -> _Words:
    first, last = halves_of_ids(entries)
    digests = _mix(entries["high"].astype(np.uint64))
    for words in (
        entries["low"].astype(np.uint64),
        entries["content"].astype(np.int64).view(np.uint64),
        entries["cost"].astype(np.int64).view(np.uint64),
        first,
        last,
    ):
        digests = _mix(digests ^ words)
    return digests


def _parts(entries: Entries) -> NDArray[np.int64]:
    parts: NDArray[np.int64] = (entries["high"].astype(np.uint64) >> _SHIFT).astype(np.int64)
    return parts


@dataclass(slots=True)
class Tally:
    """Counts and digests of one set, less those of the other."""

    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(_PARTS, np.int64))
    digests: _Words = field(default_factory=lambda: np.zeros(_PARTS, np.uint64))

    def add(self, entries: Entries, _tenant: int) -> None:
        """Count records of a tenant."""
        parts = _parts(entries)
        np.add.at(self.counts, parts, 1)
        np.add.at(self.digests, parts, _digests(entries))

    def take(self, entries: Entries) -> None:
        """Count entries of the dedupe index."""
        parts = _parts(entries)
        np.subtract.at(self.counts, parts, 1)
        np.subtract.at(self.digests, parts, _digests(entries))

    def uneven(self) -> list[int]:
        """Number the parts in which the sets differ."""
        return [int(part) for part in np.flatnonzero((self.counts != 0) | (self.digests != 0))]


@dataclass(slots=True)
class Lookout:
    """Collects both sets in a few parts, side by side by key."""

    parts: list[int]
    ours: dict[bytes, tuple[int, list[Known]]] = field(default_factory=dict)
    theirs: dict[bytes, list[Known]] = field(default_factory=dict)

    def add(self, entries: Entries, tenant: int) -> None:
        """Collect records of a tenant."""
        for key, known in self._chosen(entries):
            self.ours.setdefault(key, (tenant, []))[1].append(known)

    def take(self, entries: Entries) -> None:
        """Collect entries of the dedupe index."""
        for key, known in self._chosen(entries):
            self.theirs.setdefault(key, []).append(known)

    def _chosen(self, entries: Entries) -> list[tuple[bytes, Known]]:
        chosen = entries[np.isin(_parts(entries), self.parts)]
        return [(_key(entry), _known(entry)) for entry in chosen]


def _key(entry: Any) -> bytes:
    return int(entry["high"]).to_bytes(8) + int(entry["low"]).to_bytes(8)


def _known(entry: Any) -> Known:
    cost = int(entry["cost"])
    return Known(int(entry["content"]), None if cost == NO_COST else cost, bytes(entry["id"]).hex())
