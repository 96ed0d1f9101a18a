"""Entries keep the columns that were packed, in the order of the keys' bytes."""

from __future__ import annotations

import numpy as np
import pytest

from andon.drivers.telemetry.keyindex import ENTRY, pack
from andon.drivers.telemetry.keyindex.entries import found_in, in_order, keys_of
from tests.unit.keyindex.tables import known, made, numbered, packed


def test_an_entry_is_48_bytes_and_keeps_its_columns() -> None:
    entries = packed(numbered(range(10)).items())

    assert ENTRY.itemsize == 48
    assert keys_of(entries) == [made(number) for number in range(10)]
    assert [found_in(entries.tobytes(), made(n)) for n in range(10)] == [
        known(n) for n in range(10)
    ]


def test_a_cost_of_minus_one_is_none() -> None:
    entries = pack([made(1)], np.array([7]), np.array([-1]), [made(2)])

    found = found_in(entries.tobytes(), made(1))

    assert found is not None
    assert found.cost_stated_nanousd is None


def test_no_keys_are_no_entries() -> None:
    assert len(pack([], np.zeros(0, np.int64), np.zeros(0, np.int64), [])) == 0


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError):
        pack([b"short"], np.array([1]), np.array([1]), [made(1)])


def test_entries_sort_as_their_keys_do_also_where_the_first_half_is_the_same() -> None:
    keys = [bytes([255] * 8) + made(n)[8:] for n in range(20)] + [made(n) for n in range(20)]
    entries = packed((key, known(1)) for key in keys)

    assert keys_of(in_order(entries)) == sorted(keys)


def test_bytes_of_another_column_are_not_taken_for_the_key() -> None:
    wanted = made(3)
    body = packed([(made(1), known(1)._replace(id=wanted)), (wanted, known(3))]).tobytes()

    assert found_in(body, wanted) == known(3)
    assert found_in(body[:48], wanted) is None
