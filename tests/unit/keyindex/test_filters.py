"""A filter admits every key of its run and few others."""

from __future__ import annotations

import numpy as np
import pytest

from andon.drivers.telemetry.keyindex import filters
from andon.drivers.telemetry.keyindex.entries import Words

KEYS = 200_000


def _random(seed: int) -> tuple[Words, Words]:
    drawn = np.random.default_rng(seed).integers(0, 2**64, (2, KEYS), np.uint64)
    high, low = drawn[:, np.argsort(drawn[0])]
    return high, low


def _filter(high: Words, low: Words, level: int) -> Words:
    words = np.zeros(filters.size(len(high), level), np.uint64)
    for part in range(0, len(high), 999):
        start, piece = filters.piece(high[part : part + 999], low[part : part + 999], len(words))
        words[start : start + len(piece)] |= piece
    return words


@pytest.mark.parametrize("level", [0, 1, 2])
def test_no_key_of_the_run_is_left_out(level: int) -> None:
    high, low = _random(1)
    words = _filter(high, low, level)

    admitted = filters.admitted(words, filters.tops(high), filters.masks(low))

    assert admitted.tolist() == list(range(KEYS))
    assert all(filters.admits(words, int(high[n]), int(low[n])) for n in range(0, KEYS, 97))


@pytest.mark.parametrize(("level", "bound"), [(0, 0.003), (1, 0.008), (2, 0.015)])
def test_few_other_keys_are_admitted(level: int, bound: float) -> None:
    words = _filter(*_random(1), level)
    high, low = _random(2)

    admitted = filters.admitted(words, filters.tops(high), filters.masks(low))

    assert len(admitted) < KEYS * bound


def test_one_key_is_answered_as_many_are() -> None:
    words = _filter(*_random(1), 2)
    high, low = _random(3)

    many = filters.admitted(words, filters.tops(high[:5000]), filters.masks(low[:5000]))

    one = {n for n in range(5000) if filters.admits(words, int(high[n]), int(low[n]))}
    assert one == set(many.tolist())


def test_a_large_run_takes_about_twelve_bits_a_key() -> None:
    assert filters.size(8_000_000, 3) * 64 / 8_000_000 == pytest.approx(12)
