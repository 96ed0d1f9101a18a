"""Two sets are told apart by little: one entry more, less or changed is enough."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from andon.drivers.telemetry import books
from andon.drivers.telemetry.keyindex import Entries
from andon.runtime.books.tally import Lookout, Tally

Call = tuple[bytes, int, int, bytes]

CALLS = st.lists(
    st.tuples(
        st.binary(min_size=16, max_size=16),
        st.integers(-(2**63), 2**63 - 1),
        st.integers(-1, 10**12),
        st.binary(min_size=16, max_size=16),
    ),
    max_size=20,
    unique_by=lambda call: call[0],
)


def packed(calls: list[Call]) -> Entries:
    keys, contents, costs, ids = zip(*calls, strict=True) if calls else ((), (), (), ())
    return books.packed(list(keys), np.array(contents, np.int64), list(costs), list(ids))


@given(CALLS)
def test_the_same_calls_in_any_order_and_pieces_are_even(calls: list[Call]) -> None:
    tally = Tally()
    tally.add(packed(calls), 1)
    for call in reversed(calls):
        tally.take(packed([call]))
    assert tally.uneven() == []


@given(CALLS.filter(bool), st.integers(0, 3))
def test_a_call_that_differs_is_seen_and_named(calls: list[Call], field: int) -> None:
    first = list(calls[0])
    if field in {0, 3}:
        text = first[field]
        assert isinstance(text, bytes)
        first[field] = text[:15] + bytes([text[15] ^ 1])
    else:
        number = first[field]
        assert isinstance(number, int)
        first[field] = number ^ 1 if number >= 0 else number + 1
    changed = [(first[0], first[1], first[2], first[3]), *calls[1:]]
    tally = Tally()
    tally.add(packed(calls), 1)
    tally.take(packed(changed))  # type: ignore[arg-type]
    uneven = tally.uneven()
    assert uneven == [int.from_bytes(calls[0][0][:2]) >> 4]
    lookout = Lookout(uneven)
    lookout.add(packed(calls), 1)
    lookout.take(packed(changed))  # type: ignore[arg-type]
    assert calls[0][0] in lookout.ours
    assert first[0] in lookout.theirs


@given(CALLS.filter(bool))
def test_a_call_that_is_missing_is_seen(calls: list[Call]) -> None:
    tally = Tally()
    tally.add(packed(calls), 1)
    tally.take(packed(calls[1:]))
    assert len(tally.uneven()) == 1
