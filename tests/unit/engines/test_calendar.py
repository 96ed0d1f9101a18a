"""The tenant's day and month, through DST, odd offsets and moves to another time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.engines.tenants import calendar
from andon.engines.tenants.calendar import Zones

DAY_US = 86_400_000_000
QUARTER_US = 900_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

NAMES = st.sampled_from(
    [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "America/St_Johns",
        "Asia/Kolkata",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "Pacific/Kiritimati",
        "Pacific/Pago_Pago",
        "America/Sao_Paulo",
    ]
)
INSTANTS = st.integers(
    min_value=(datetime(2020, 1, 1, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1),
    max_value=(datetime(2032, 1, 1, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1),
)


def us(text: str) -> int:
    return (datetime.fromisoformat(text).astimezone(UTC) - EPOCH) // timedelta(microseconds=1)


def day(zones: Zones | str, text: str) -> date:
    known = ((zones, 0),) if isinstance(zones, str) else zones
    return calendar.day_of_number(calendar.local_day(known, us(text)))


@pytest.mark.parametrize(
    ("zone", "at", "expected"),
    [
        ("UTC", "2026-03-01T00:00:00Z", date(2026, 3, 1)),
        ("UTC", "2026-02-28T23:59:59.999999Z", date(2026, 2, 28)),
        ("Asia/Kolkata", "2026-03-31T18:29:59.999999Z", date(2026, 3, 31)),
        ("Asia/Kolkata", "2026-03-31T18:30:00Z", date(2026, 4, 1)),
        ("Asia/Kathmandu", "2026-03-31T18:14:59.999999Z", date(2026, 3, 31)),
        ("Asia/Kathmandu", "2026-03-31T18:15:00Z", date(2026, 4, 1)),
        ("America/St_Johns", "2026-01-01T03:29:59Z", date(2025, 12, 31)),
        ("America/St_Johns", "2026-01-01T03:30:00Z", date(2026, 1, 1)),
        ("Pacific/Kiritimati", "2026-05-31T10:00:00Z", date(2026, 6, 1)),
    ],
)
def test_a_day_begins_at_midnight_of_the_tenant(zone: str, at: str, expected: date) -> None:
    assert day(zone, at) == expected


@pytest.mark.parametrize(
    ("zone", "on", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("America/New_York", date(2026, 3, 8), 23),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("Europe/Berlin", date(2026, 6, 1), 24),
    ],
)
def test_a_day_is_as_long_as_the_clocks_make_it(zone: str, on: date, hours: float) -> None:
    number = calendar.day_number(on)
    noon = (number * DAY_US) + DAY_US // 2
    quarters = range(noon - 2 * DAY_US, noon + 2 * DAY_US, QUARTER_US)
    inside = sum(calendar.local_day(((zone, 0),), at) == number for at in quarters)
    assert inside * 0.25 == hours


@given(NAMES, INSTANTS)
def test_the_day_is_what_the_wall_calendar_says(zone: str, at_us: int) -> None:
    wall = (EPOCH + timedelta(microseconds=at_us)).astimezone(ZoneInfo(zone))
    found = calendar.local_day(((zone, 0),), at_us)
    assert calendar.day_of_number(found) == wall.date()


@pytest.mark.parametrize(
    ("on", "first", "last"),
    [
        (date(2026, 1, 1), date(2026, 1, 1), date(2026, 1, 31)),
        (date(2026, 1, 31), date(2026, 1, 1), date(2026, 1, 31)),
        (date(2028, 2, 29), date(2028, 2, 1), date(2028, 2, 29)),
        (date(2026, 2, 14), date(2026, 2, 1), date(2026, 2, 28)),
        (date(2026, 12, 31), date(2026, 12, 1), date(2026, 12, 31)),
    ],
)
def test_a_month_has_both_its_ends(on: date, first: date, last: date) -> None:
    found = calendar.month_of(calendar.day_number(on))
    assert tuple(map(calendar.day_of_number, found)) == (first, last)


@given(st.integers(min_value=0, max_value=40_000))
def test_months_are_contiguous(number: int) -> None:
    first, last = calendar.month_of(number)
    assert first <= number <= last
    assert calendar.month_of(first) == calendar.month_of(last) == (first, last)
    assert calendar.month_of(last + 1)[0] == last + 1
    assert calendar.month_of(first - 1)[1] == first - 1


def test_a_move_holds_from_the_next_month_of_the_old_zone() -> None:
    zones = calendar.change_zone((("Asia/Tokyo", 0),), "UTC", us("2026-05-31T12:00:00Z"))
    assert zones == (("Asia/Tokyo", 0), ("UTC", us("2026-05-31T15:00:00Z")))


def test_a_move_to_the_west_leaves_the_old_month_whole() -> None:
    zones = calendar.change_zone((("Asia/Tokyo", 0),), "UTC", us("2026-05-10T00:00:00Z"))
    assert day(zones, "2026-05-31T14:59:59Z") == date(2026, 5, 31)
    # In UTC it is still 31 May here; May has been closed in Tokyo, so it counts as 1 June.
    assert day(zones, "2026-05-31T15:00:00Z") == date(2026, 6, 1)
    assert day(zones, "2026-06-01T23:59:59Z") == date(2026, 6, 1)
    assert day(zones, "2026-06-02T00:00:00Z") == date(2026, 6, 2)


def test_a_move_to_the_east_begins_the_month_late_but_on_its_first_day() -> None:
    zones = calendar.change_zone((("UTC", 0),), "Asia/Tokyo", us("2026-05-10T00:00:00Z"))
    assert day(zones, "2026-05-31T23:59:59Z") == date(2026, 5, 31)
    assert day(zones, "2026-06-01T00:00:00Z") == date(2026, 6, 1)
    assert day(zones, "2026-06-01T15:00:00Z") == date(2026, 6, 2)


@given(NAMES, NAMES, INSTANTS)
def test_a_move_keeps_months_whole(old: str, new: str, at_us: int) -> None:
    zones = calendar.change_zone(((old, 0),), new, at_us)
    if old == new:
        assert zones == ((old, 0),)
        return
    since = zones[-1][1]
    last_before = calendar.local_day(zones, since - 1)
    first_after = calendar.local_day(zones, since)
    assert calendar.month_of(last_before)[1] == last_before
    # From UTC-11 to UTC+14 the first day of the month is over before it began; the month is not.
    assert calendar.month_of(first_after)[0] == last_before + 1


@given(NAMES, NAMES, INSTANTS, st.integers(min_value=-400, max_value=400))
def test_days_never_go_back(old: str, new: str, at_us: int, quarters: int) -> None:
    zones = calendar.change_zone(((old, 0),), new, at_us)
    one = zones[-1][1] + quarters * QUARTER_US
    assert calendar.local_day(zones, one) <= calendar.local_day(zones, one + QUARTER_US)


def test_the_zone_in_force_is_told_from_the_one_to_come() -> None:
    now = us("2026-05-10T00:00:00Z")
    zones = calendar.change_zone((("UTC", 0),), "Asia/Tokyo", now)
    assert calendar.zone_now(zones, now) == "UTC"
    assert calendar.zone_now(zones, zones[-1][1]) == "Asia/Tokyo"


def test_a_change_of_mind_before_the_month_ends_leaves_no_trace() -> None:
    now = us("2026-05-10T00:00:00Z")
    moved = calendar.change_zone((("UTC", 0),), "Asia/Tokyo", now)
    assert calendar.change_zone(moved, "UTC", now + DAY_US) == (("UTC", 0),)
    again = calendar.change_zone(moved, "Europe/Berlin", now + DAY_US)
    assert [name for name, _ in again] == ["UTC", "Europe/Berlin"]


@pytest.mark.parametrize(
    ("name", "known"),
    [("Europe/Berlin", True), ("UTC", True), ("Mars/Olympus", False), ("", False), ("../x", False)],
)
def test_only_zones_of_the_machine_are_zones(name: str, known: bool) -> None:
    assert calendar.is_zone(name) is known
