"""When a price holds: from a date, until a date, at a time of day."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from andon.engines.pricing import (
    ALWAYS,
    DatedPrice,
    PriceRow,
    Rates,
    Validity,
    rates_per_mtok,
    row_at,
)

HOUR_US = 3_600_000_000


def us(text: str) -> int:
    """Microseconds since 1970 of a time in UTC."""
    at = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return int(at.timestamp()) * 1_000_000 + at.microsecond


def row(ref: str) -> PriceRow:
    return PriceRow(ref, Rates(rates_per_mtok(1, 1)))


def test_a_price_holds_from_the_first_instant_to_before_the_last() -> None:
    year = Validity(from_us=us("2025-01-01"), until_us=us("2026-01-01"))
    assert not year.covers(us("2024-12-31T23:59:59.999999"))
    assert year.covers(us("2025-01-01"))
    assert year.covers(us("2025-12-31T23:59:59.999999"))
    assert not year.covers(us("2026-01-01"))


@pytest.mark.parametrize(
    ("hours", "inside"), [(0, False), (1, True), (3, True), (4, False), (23, False)]
)
def test_a_time_of_day_holds_every_day(hours: int, inside: bool) -> None:
    window = Validity(day_from_us=HOUR_US, day_until_us=4 * HOUR_US)
    for day in ("1969-07-20", "2025-06-10"):
        assert window.covers(us(day) + hours * HOUR_US) is inside


@pytest.mark.parametrize(
    ("hours", "inside"), [(0, True), (1, True), (2, False), (21, False), (22, True), (23, True)]
)
def test_a_time_of_day_may_run_over_midnight(hours: int, inside: bool) -> None:
    night = Validity(day_from_us=22 * HOUR_US, day_until_us=2 * HOUR_US)
    assert night.covers(us("2025-06-10") + hours * HOUR_US) is inside


def test_a_time_of_day_may_have_one_end() -> None:
    morning = Validity(day_until_us=12 * HOUR_US)
    evening = Validity(day_from_us=12 * HOUR_US)
    for hours in range(24):
        at = us("2025-06-10") + hours * HOUR_US
        assert morning.covers(at) is not evening.covers(at)


def test_a_window_of_no_length_never_holds() -> None:
    assert not Validity(day_from_us=HOUR_US, day_until_us=HOUR_US).covers(HOUR_US)


def test_the_first_price_that_holds_is_taken() -> None:
    newer, older = row("newer"), row("older")
    prices = [
        DatedPrice(Validity(from_us=us("2025-06-10")), newer),
        DatedPrice(ALWAYS, older),
    ]
    assert row_at(prices, us("2025-06-10")) is newer
    assert row_at(prices, us("2025-06-09")) is older


def test_a_time_without_a_known_price_does_not_borrow_an_older_one() -> None:
    prices = [DatedPrice(Validity(from_us=us("2025-06-10")), None), DatedPrice(ALWAYS, row("old"))]
    assert row_at(prices, us("2025-07-01")) is None


def test_no_price_that_holds_is_an_unknown_price() -> None:
    assert row_at([], 0) is None
    assert row_at([DatedPrice(Validity(from_us=1), row("later"))], 0) is None
