"""What makes two reports the same call, and when the second contradicts the first."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
_Words = NDArray[np.uint64]

_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def keys_of(tenant: int, call_ids: Iterable[str]) -> list[bytes]:
    """Digest call_ids of a tenant to 128 bits each; those of two tenants never meet."""
    digest, prefix = hashlib.blake2b, f"{tenant}\0"
    return [
        digest((prefix + call_id).encode("utf-8", "surrogatepass"), digest_size=16).digest()
        for call_id in call_ids
    ]


def content_base(integration: int, provider: str, model: str) -> int:
    """Digest the names that two reports of one call must agree in, for `contents_of`."""
    text = f"{integration}\0{provider}\0{model}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest())


def contents_of(bases: _Words, tokens_in: Integers, tokens_out: Integers) -> Integers:
    """Digest what two reports of one call must agree in to 64 bits, for many calls at once.

    Each count goes through a step that has an inverse, so that reports which differ in one count
    alone never have the same digest.
    """
    mixed = _mix(bases ^ tokens_in.astype(np.uint64))
    return _mix(mixed ^ tokens_out.astype(np.uint64)).view(np.int64)


def _mix(words: _Words) -> _Words:
    # The finalizer of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number
    # generators, 2014).
    words = (words ^ (words >> np.uint64(30))) * _FIRST
    words = (words ^ (words >> np.uint64(27))) * _SECOND
    return words ^ (words >> np.uint64(31))


def is_conflict(first: int, again: int, first_stated: int | None, stated_again: int | None) -> bool:
    """Decide whether a second report contradicts the first; a cost that one left out does not."""
    if first != again:
        return True
    return None not in (first_stated, stated_again) and first_stated != stated_again
