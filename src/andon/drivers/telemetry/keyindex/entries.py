"""The 48-byte entry of the dedupe index: how it is packed, sorted and found in a page."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Words: TypeAlias = npt.NDArray[np.uint64]
Entries: TypeAlias = npt.NDArray[np.void]

# Big-endian halves, so that the order of the numbers is the order of the keys' bytes.
ENTRY = np.dtype(
    [("high", ">u8"), ("low", ">u8"), ("content", "<i8"), ("cost", "<i8"), ("id", "V16")]
)
SIZE = ENTRY.itemsize
NO_COST = -1
KEPT = -1
# Without fields, so that numpy copies an entry whole and keeps its byte order.
WHOLE = np.dtype(f"V{SIZE}")
_KEY = np.dtype({"names": ["key"], "formats": ["V16"], "offsets": [0], "itemsize": SIZE})
_HALVES = struct.Struct(">QQ")
_REST = struct.Struct("<qq16s")


class Existing(NamedTuple):
    """What is known of a key: the digest of its content, its stated cost, its record's id."""

    content: int
    cost_stated_nanousd: int | None
    id: bytes


def pack(
    keys: Sequence[bytes],
    contents: npt.NDArray[np.int64],
    costs: npt.NDArray[np.int64],
    ids: Sequence[bytes],
) -> Entries:
    """Pack columns of equal length into entries; a cost of -1 is none.

    Keys and ids are 16 bytes each; another length is a ValueError.
    """
    entries = np.zeros(len(keys), ENTRY)
    entries["high"], entries["low"] = halves(keys)
    entries["content"], entries["cost"] = contents, costs
    entries["id"] = np.frombuffer(b"".join(ids), "V16")
    return entries


def halves(keys: Sequence[bytes]) -> tuple[Words, Words]:
    """Return the first and the last 8 bytes of every key as numbers."""
    pairs = np.frombuffer(b"".join(keys), ">u8").reshape(len(keys), 2).astype(np.uint64)
    return np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])


def halves_of(key: bytes) -> tuple[int, int]:
    """Return the first and the last 8 bytes of one key as numbers."""
    high, low = _HALVES.unpack(key)
    return high, low


def columns(entries: Entries) -> tuple[Words, Words]:
    """Return the keys' halves in this machine's byte order."""
    return entries["high"].astype(np.uint64), entries["low"].astype(np.uint64)


def keys_of(entries: Entries) -> list[bytes]:
    """List the keys of the entries, in their order."""
    keys: list[bytes] = entries.view(_KEY)["key"].tolist()
    return keys


def in_order(entries: Entries) -> Entries:
    """Return the entries sorted by key; pieces that are already in order make it quicker."""
    high, low = columns(entries)
    order = np.argsort(high, kind="stable")
    ordered = high.take(order)
    if (ordered[1:] == ordered[:-1]).any():
        order = np.lexsort((low, high))
    return entries.view(WHOLE).take(order).view(ENTRY)


def found_in(body: bytes, key: bytes) -> Existing | None:
    """Look for a key in the packed entries of a page or a log row."""
    at = body.find(key)
    while at % SIZE:
        # Not found is -1, which no multiple of the size is; else a match inside other columns.
        if at < 0:
            return None
        at = body.find(key, at + 1)
    return unpacked(body, at)


def unpacked(body: bytes | memoryview, at: int) -> Existing:
    """Read what the entry at this offset says of its key."""
    content, cost, record = _REST.unpack_from(body, at + 16)
    return Existing(content, None if cost == NO_COST else cost, record)
