"""Dollars are read to the digit or refused, never through a float."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from andon.schemas.cus.money import ExactFloat
from andon.schemas.prices import Usd

USD: TypeAdapter[Decimal] = TypeAdapter(Usd)

AMOUNTS = st.integers(0, 10**12 - 1).flatmap(
    lambda digits: st.integers(-9, 0).map(lambda exponent: Decimal(digits).scaleb(exponent))
)


@given(AMOUNTS.filter(lambda amount: amount <= 1_000_000))
def test_an_amount_is_the_number_that_was_written(amount: Decimal) -> None:
    for written in (f"{amount:f}", str(amount), ExactFloat(f"{amount:E}")):
        read = USD.validate_python(written)
        assert read == amount
        assert Decimal(f"{read:f}") == amount
    assert not USD.validate_python(f"{amount:f}").is_signed()


@given(st.integers(0, 10**12 - 1), st.integers(0, 6))
def test_a_plain_float_counts_as_the_shortest_decimal(digits: int, decimals: int) -> None:
    amount = Decimal(digits).scaleb(-decimals)
    if amount <= 1_000_000:
        assert USD.validate_python(float(amount)) == amount


def _code(written: object) -> str:
    with pytest.raises(ValidationError) as refused:
        USD.validate_python(written)
    return str(refused.value.errors()[0]["type"])


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("-0.1", "number_out_of_range"),
        ("1000000.1", "number_out_of_range"),
        (10**400, "number_out_of_range"),
        (float("inf"), "number_form"),
        (float("nan"), "number_form"),
        (ExactFloat("1e999999999999999999999"), "number_form"),
        ("0.0000000001", "too_many_decimals"),
        (ExactFloat("1.00000000000000000001"), "too_many_decimals"),
        ("1234.567890123", "too_many_digits"),
        ("two", "number_form"),
        ("1" * 41, "number_form"),
        (True, "number_type"),
        (None, "number_type"),
    ],
)
def test_what_is_refused_and_as_what(written: object, code: str) -> None:
    assert _code(written) == code


def test_zeros_do_not_count_as_digits() -> None:
    assert f"{USD.validate_python('0001000000.0000000000'):f}" == "1000000"
    assert f"{USD.validate_python('0.000000001000'):f}" == "0.000000001"
