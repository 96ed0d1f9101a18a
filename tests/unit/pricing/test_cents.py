"""Cents are for show: exact into nano-dollars, rounded half to even on the way back."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.models.money import NANOUSD_PER_CENT, nanousd_to_cents
from andon.schemas.cus.money import cents_to_nanousd, read_cents

NANOUSD = st.integers(min_value=-(2**63), max_value=2**63 - 1)


@pytest.mark.parametrize(
    ("nanousd", "cents"),
    [
        (0, 0),
        (4_999_999, 0),
        (5_000_000, 0),
        (5_000_001, 1),
        (15_000_000, 2),
        (25_000_000, 2),
        (-4_999_999, 0),
        (-5_000_000, 0),
        (-5_000_001, -1),
        (-15_000_000, -2),
        (-25_000_000, -2),
    ],
)
def test_cents_are_rounded_half_to_even(nanousd: int, cents: int) -> None:
    assert nanousd_to_cents(nanousd) == cents


@given(NANOUSD)
def test_rounding_agrees_with_exact_rationals(nanousd: int) -> None:
    assert nanousd_to_cents(nanousd) == round(Fraction(nanousd, NANOUSD_PER_CENT))


@given(st.integers(min_value=-(10**11), max_value=10**11), st.sampled_from([-1, 0, 1]))
def test_halves_go_to_the_even_cent(cents: int, nudge: int) -> None:
    half = cents * NANOUSD_PER_CENT + NANOUSD_PER_CENT // 2 + nudge
    assert nanousd_to_cents(half) == round(Fraction(half, NANOUSD_PER_CENT))


@given(st.integers(min_value=-(10**11), max_value=10**11))
def test_whole_cents_come_back_as_they_went(cents: int) -> None:
    assert nanousd_to_cents(cents_to_nanousd(Decimal(cents))) == cents


@given(NANOUSD)
def test_decimal_cents_lose_nothing(nanousd: int) -> None:
    cents = Decimal((int(nanousd < 0), tuple(int(digit) for digit in str(abs(nanousd))), -7))
    assert cents_to_nanousd(cents) == nanousd


def test_ten_thousand_small_calls_sum_to_the_cent() -> None:
    calls = [cents_to_nanousd(Decimal("0.0123")) for _ in range(10_000)]
    assert sum(calls) == 1_230_000_000
    assert nanousd_to_cents(sum(calls)) == 123


def test_a_million_calls_of_a_hundredth_of_a_cent_read_ten_thousand_cents() -> None:
    assert nanousd_to_cents(cents_to_nanousd(Decimal("0.01")) * 1_000_000) == 10_000


@pytest.mark.parametrize("cents", ["0.00", "0E-20", "0.0123000000000000000000"])
def test_trailing_zeros_are_not_decimals(cents: str) -> None:
    assert read_cents(Decimal(cents)) == Decimal(cents)
