"""Prices worked out by hand from list prices."""

from __future__ import annotations

from decimal import Decimal

import pytest

from andon.engines.pricing import Rates, SizeTier, price, rates_per_mtok

GPT_4 = Rates(rates_per_mtok(Decimal(30), Decimal(60)))
GPT_4O = Rates(rates_per_mtok(Decimal("2.5"), Decimal(10), cache_read=Decimal("1.25")))
SONNET = Rates(
    rates_per_mtok(Decimal(3), Decimal(15), cache_read=Decimal("0.3"), cache_write=Decimal("3.75")),
    (
        SizeTier(
            200_000,
            rates_per_mtok(
                Decimal(6), Decimal("22.5"), cache_read=Decimal("0.6"), cache_write=Decimal("7.5")
            ),
        ),
    ),
)
TINY = Rates(rates_per_mtok(Decimal("0.0002"), Decimal("0.0005")))


def test_input_and_output_have_their_own_rates() -> None:
    # 1,000 x $30/M = 3 cents; 500 x $60/M = 3 cents.
    assert price(GPT_4, tokens_in=1000, tokens_out=500) == 60_000_000


def test_a_call_of_no_tokens_costs_nothing() -> None:
    assert price(GPT_4, tokens_in=0, tokens_out=0) == 0


def test_cached_input_is_part_of_the_input_and_not_added_to_it() -> None:
    # 400 fresh x 2,500 + 600 cached x 1,250 + 100 out x 10,000 nano-dollars.
    cost = price(GPT_4O, tokens_in=1000, tokens_out=100, tokens_cache_read=600)
    assert cost == 1_000_000 + 750_000 + 1_000_000


def test_cache_writes_cost_more_than_fresh_input() -> None:
    # 100 fresh x 3,000 + 700 read x 300 + 200 written x 3,750 + 50 out x 15,000.
    cost = price(
        SONNET, tokens_in=1000, tokens_out=50, tokens_cache_read=700, tokens_cache_write=200
    )
    assert cost == 300_000 + 210_000 + 750_000 + 750_000


def test_a_class_without_its_own_price_costs_what_holds_it() -> None:
    assert price(GPT_4, tokens_in=10, tokens_out=0, tokens_cache_read=4) == 300_000
    assert price(GPT_4O, tokens_in=10, tokens_out=0, tokens_cache_write=4) == 25_000
    assert price(GPT_4O, tokens_in=0, tokens_out=10, tokens_reasoning=4) == 100_000


def test_reasoning_is_part_of_the_output_and_may_have_its_own_rate() -> None:
    rates = Rates(rates_per_mtok(Decimal(2), Decimal(8), reasoning=Decimal(3)))
    # 6 spoken x 8,000 + 4 thought x 3,000.
    assert price(rates, tokens_in=0, tokens_out=10, tokens_reasoning=4) == 60_000


def test_a_fee_is_charged_once_a_request() -> None:
    rates = Rates(rates_per_mtok(1, 1, per_request=Decimal("0.005")))
    assert price(rates, tokens_in=1, tokens_out=1) == 5_002_000


def test_rates_below_a_nano_dollar_a_token_are_summed_before_they_are_rounded() -> None:
    # A token costs 0.2 nano-dollars in and 0.5 out.
    assert price(TINY, tokens_in=1_000_000, tokens_out=0) == 200_000
    assert price(TINY, tokens_in=1, tokens_out=1) == 1
    assert price(TINY, tokens_in=1, tokens_out=0) == 0


@pytest.mark.parametrize(("tokens_out", "nanousd"), [(1, 0), (3, 2), (5, 2), (7, 4)])
def test_half_a_nano_dollar_goes_to_the_even_one(tokens_out: int, nanousd: int) -> None:
    assert price(TINY, tokens_in=0, tokens_out=tokens_out) == nanousd


def test_above_a_tier_every_token_of_the_call_has_the_rates_of_the_tier() -> None:
    assert price(SONNET, tokens_in=200_000, tokens_out=10) == 600_000_000 + 150_000
    assert price(SONNET, tokens_in=200_001, tokens_out=10) == 1_200_006_000 + 225_000


def test_cached_input_counts_for_the_tier() -> None:
    cost = price(SONNET, tokens_in=200_001, tokens_out=0, tokens_cache_read=200_001)
    assert cost == 120_000_600


def test_the_highest_tier_below_the_input_holds() -> None:
    tiers = tuple(SizeTier(above, rates_per_mtok(usd, 0)) for above, usd in [(100, 9), (10, 5)])
    rates = Rates(rates_per_mtok(1, 0), tiers)
    costs = [price(rates, tokens_in=count, tokens_out=0) for count in (10, 11, 100, 101)]
    assert costs == [10_000, 55_000, 500_000, 909_000]


def test_tiers_in_the_wrong_order_are_refused() -> None:
    rate = rates_per_mtok(1, 1)
    with pytest.raises(ValueError, match="largest first"):
        Rates(rate, (SizeTier(10, rate), SizeTier(100, rate)))


@pytest.mark.parametrize(
    ("count_in", "count_out", "read", "write", "thought"),
    [
        (10, 0, 11, 0, 0),
        (10, 0, 6, 5, 0),
        (0, 10, 0, 0, 11),
        (-1, 0, 0, 0, 0),
        (5, 0, -1, 0, 0),
        (5, 0, 0, -1, 0),
        (0, 5, 0, 0, -1),
    ],
)
def test_counts_that_cannot_be_are_refused(
    count_in: int, count_out: int, read: int, write: int, thought: int
) -> None:
    with pytest.raises(ValueError, match="included in tokens_in"):
        price(
            GPT_4O,
            tokens_in=count_in,
            tokens_out=count_out,
            tokens_cache_read=read,
            tokens_cache_write=write,
            tokens_reasoning=thought,
        )


def test_a_price_is_never_a_float() -> None:
    with pytest.raises(TypeError, match="Decimal"):
        rates_per_mtok(0.1, 1)  # type: ignore[arg-type]


def test_a_price_is_never_negative() -> None:
    with pytest.raises(ValueError, match="zero or more"):
        rates_per_mtok(Decimal("-0.1"), 1)
