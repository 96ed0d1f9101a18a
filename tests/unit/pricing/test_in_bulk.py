"""Many calls priced at once cost what each costs alone, to the nano-dollar."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from andon.engines.pricing import Rates, SizeTier, TokenRates, Tokens, price, price_all

COUNTS = st.integers(min_value=0, max_value=10**9)
RATES = st.builds(
    TokenRates,
    scale=st.sampled_from([1, 2, 10, 1000, 3 * 10**6]),
    uncached=st.integers(min_value=0, max_value=10**7),
    cache_read=st.integers(min_value=0, max_value=10**7),
    cache_write=st.integers(min_value=0, max_value=10**10),
    output=st.integers(min_value=0, max_value=10**7),
    reasoning=st.integers(min_value=0, max_value=10**7),
    request=st.integers(min_value=0, max_value=10**9),
)
TIERED = st.builds(
    lambda base, tiers: Rates(base, tuple(SizeTier(at, rate) for at, rate in sorted(tiers)[::-1])),
    RATES,
    st.lists(
        st.tuples(st.sampled_from([0, 200_000, 10**6]), RATES),
        max_size=2,
        unique_by=lambda tier: tier[0],
    ).map(lambda tiers: sorted(tiers, key=lambda tier: tier[0])),
)


@st.composite
def calls(draw: st.DrawFn) -> tuple[int, int, int, int, int]:
    tokens_in, tokens_out = draw(COUNTS), draw(COUNTS)
    read = draw(st.integers(min_value=0, max_value=tokens_in))
    write = draw(st.integers(min_value=0, max_value=tokens_in - read))
    return tokens_in, tokens_out, read, write, draw(st.integers(0, tokens_out))


@given(TIERED, st.lists(calls(), max_size=8))
def test_many_calls_cost_what_each_costs_alone(
    rates: Rates, given_calls: list[tuple[int, int, int, int, int]]
) -> None:
    columns = np.array(given_calls, np.int64).reshape(-1, 5)
    alone = [
        price(
            rates,
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            tokens_cache_read=read,
            tokens_cache_write=write,
            tokens_reasoning=thought,
        )
        for tokens_in, tokens_out, read, write, thought in given_calls
    ]
    if max(alone, default=0) < 2**63:
        assert price_all(rates, Tokens(*columns.T)).tolist() == alone


def test_a_half_goes_to_the_even_neighbour() -> None:
    rates = Rates(TokenRates(2, 1, 1, 1, 1, 1, 0))
    halves = np.array([1, 3, 5], np.int64)
    none = np.zeros(3, np.int64)
    assert price_all(rates, Tokens(halves, none, none, none, none)).tolist() == [0, 2, 2]
