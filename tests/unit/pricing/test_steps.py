"""Within a step no price changes, so that one look-up serves all calls of a step."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from andon.adapters.pricing import GenaiPriceTable, bundled_table
from andon.engines.pricing import ALWAYS, MAX_STEP_US, Validity, step_us

MINUTE_US = 60_000_000
DAY_MINUTES = 1440

MINUTES = st.none() | st.integers(-(10**6), 10**8).map(lambda minute: minute * MINUTE_US)
OF_DAY = st.none() | st.integers(0, DAY_MINUTES).map(lambda minute: minute * MINUTE_US)
VALIDITIES = st.builds(Validity, MINUTES, MINUTES, OF_DAY, OF_DAY)


@given(st.lists(VALIDITIES, min_size=1, max_size=4), st.data())
def test_no_price_begins_or_ends_within_a_step(
    validities: list[Validity], data: st.DataObject
) -> None:
    step = step_us(validities)
    assert MINUTE_US <= step <= MAX_STEP_US
    assert MAX_STEP_US % step == 0
    edges = [
        0,
        *(one.from_us or 0 for one in validities),
        *(one.until_us or 0 for one in validities),
    ]
    place = (data.draw(st.sampled_from(edges)) // step + data.draw(st.integers(-200, 200))) * step
    inside = place + data.draw(st.integers(0, step - 1))
    for validity in validities:
        assert validity.covers(place) is validity.covers(inside)


def test_a_step_is_as_long_as_the_bounds_allow() -> None:
    assert step_us([]) == step_us([ALWAYS]) == 15 * MINUTE_US
    assert step_us([Validity(from_us=40 * MINUTE_US)]) == 5 * MINUTE_US
    assert step_us([Validity(day_from_us=30 * MINUTE_US)]) == 15 * MINUTE_US
    assert step_us([Validity(until_us=40 * MINUTE_US)], 3 * MINUTE_US) == MINUTE_US


def test_the_bundled_table_changes_at_whole_minutes() -> None:
    step = bundled_table().step_us
    assert MINUTE_US <= step <= MAX_STEP_US
    assert step % MINUTE_US == 0


def test_an_empty_table_never_changes() -> None:
    assert GenaiPriceTable([], "none").step_us == MAX_STEP_US


@given(VALIDITIES, VALIDITIES, st.integers(-(10**6), 10**8))
def test_periods_that_both_cover_an_instant_meet(
    one: Validity, other: Validity, minute: int
) -> None:
    at = minute * MINUTE_US
    if one.covers(at) and other.covers(at):
        assert one.meets(other)
        assert other.meets(one)


@given(st.lists(st.integers(0, 50), min_size=4, max_size=4))
def test_periods_meet_where_an_instant_is_in_both(bounds: list[int]) -> None:
    one, other = Validity(bounds[0], bounds[1]), Validity(bounds[2], bounds[3])
    if bounds[0] < bounds[1] and bounds[2] < bounds[3]:
        assert one.meets(other) is any(one.covers(at) and other.covers(at) for at in range(51))


def test_a_period_that_ends_where_the_other_begins_does_not_meet_it() -> None:
    assert not Validity(until_us=5).meets(Validity(from_us=5))
    assert Validity(until_us=6).meets(Validity(from_us=5))
    assert ALWAYS.meets(ALWAYS)
