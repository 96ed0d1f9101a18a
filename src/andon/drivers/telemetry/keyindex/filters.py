"""Register-blocked Bloom filters over sorted keys: one 64-bit word a key, five bits in it.

The word is chosen by multiply-shift from the key's first half, so words ascend with the keys: a
run's filter can be built, written and read piece by piece. The bits come from the other half and
do not depend on the run, so they are computed once and tested against every run.
(Putze, Sanders, Singler: "Cache-, hash- and space-efficient Bloom filters", 2007.)
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from andon.drivers.telemetry.keyindex.entries import Words

_PROBES = 5
_ONE, _HALF, _SIX = np.uint64(1), np.uint64(32), np.uint64(63)
# Small runs are many but hold few of the keys: a better filter there costs little memory and
# saves most of the pages that are read in vain (0.12%, 0.41% and 0.99% of unknown keys).
_BITS_A_KEY = (24, 16, 12)


def size(keys: int, level: int) -> int:
    """Return how many words the filter of a run of this level needs."""
    bits = _BITS_A_KEY[min(level, len(_BITS_A_KEY) - 1)]
    return max(1, -(-keys * bits // 64))


def tops(high: Words) -> Words:
    """Return the 32 bits of each key that choose its word."""
    return high >> _HALF


def masks(low: Words) -> Words:
    """Return the bits of each key within its word."""
    mask = _ONE << (low & _SIX)
    for shift in range(6, 6 * _PROBES, 6):
        mask |= _ONE << ((low >> np.uint64(shift)) & _SIX)
    return mask


def places(top: Words, words: int) -> Words:
    """Return which of so many words each key belongs to."""
    return (top * np.uint64(words)) >> _HALF


def admitted(filter_words: Words, top: Words, mask: Words) -> npt.NDArray[np.int64]:
    """Return the positions of the keys that may be in the run; no key of the run is left out."""
    chosen = filter_words.take(places(top, len(filter_words)))
    chosen &= mask
    return np.flatnonzero(chosen == mask)


def admits(filter_words: Words, high: int, low: int) -> bool:
    """Tell whether one key may be in the run."""
    word = int(filter_words[((high >> 32) * len(filter_words)) >> 32])
    return all(word >> (low >> shift & 63) & 1 for shift in range(0, 6 * _PROBES, 6))


def piece(high: Words, low: Words, words: int) -> tuple[int, Words]:
    """Build the part of a filter that sorted keys touch; return its first word's place, and it.

    Parts that meet in a word are combined by OR.
    """
    place = places(tops(high), words).astype(np.int64)
    changes = np.flatnonzero(place[1:] != place[:-1]) + 1
    first = np.concatenate((np.zeros(1, np.int64), changes))
    start = int(place[0])
    part = np.zeros(int(place[-1]) - start + 1, np.uint64)
    part[place[first] - start] = np.bitwise_or.reduceat(masks(low), first)
    return start, part
