"""UUIDv7: a valid id that sorts by time and tells its time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from andon.models.ids import text_of, time_of, uuid7

TIMES = st.integers(min_value=0, max_value=(1 << 48) * 1000 - 1)
TAILS = st.binary(min_size=9, max_size=9)


@given(TIMES, TAILS)
def test_an_id_is_a_uuid_of_version_7(at_us: int, random: bytes) -> None:
    made = uuid7(at_us, random)
    assert made.version == 7
    assert made.variant == "specified in RFC 4122"


@given(TIMES, TAILS)
def test_an_id_tells_its_time_to_within_a_microsecond(at_us: int, random: bytes) -> None:
    assert abs(time_of(uuid7(at_us, random)) - at_us) <= 1


@given(TIMES, st.integers(min_value=2, max_value=10**12), TAILS, TAILS)
def test_a_later_id_sorts_later(at_us: int, gap: int, one: bytes, other: bytes) -> None:
    later = min(at_us + gap, (1 << 48) * 1000 - 1)
    if later - at_us < 2:
        return
    assert uuid7(at_us, one) < uuid7(later, other)
    assert str(uuid7(at_us, one)) < str(uuid7(later, other))


@given(TAILS)
def test_the_random_part_of_an_id_is_kept(random: bytes) -> None:
    tail = int.from_bytes(random) & ((1 << 62) - 1)
    assert uuid7(0, random).int & ((1 << 62) - 1) == tail


@given(TIMES, TAILS)
def test_an_id_is_written_as_uuids_are(at_us: int, random: bytes) -> None:
    made = uuid7(at_us, random)
    assert text_of(made.bytes) == str(made)
