"""Integer arithmetic gives what exact rational arithmetic gives, for every price and usage."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from hypothesis import example, given
from hypothesis import strategies as st

from andon.engines.pricing import Rates, SizeTier, price, rates_per_mtok

USD = st.decimals(min_value=0, max_value=1000, places=9, allow_nan=False, allow_infinity=False)
COUNT = st.integers(min_value=0, max_value=300_000_000)


@dataclass(frozen=True)
class ListPrice:
    """What a provider's page says, in USD per million tokens."""

    uncached: Decimal
    output: Decimal
    cache_read: Decimal | None
    cache_write: Decimal | None
    reasoning: Decimal | None
    per_request: Decimal

    def rates(self) -> Rates:
        return Rates(
            rates_per_mtok(
                self.uncached,
                self.output,
                cache_read=self.cache_read,
                cache_write=self.cache_write,
                reasoning=self.reasoning,
                per_request=self.per_request,
            )
        )


@dataclass(frozen=True)
class Usage:
    """Tokens by class, no class included in another."""

    uncached: int
    read: int
    write: int
    spoken: int
    thought: int

    def cost(self, rates: Rates) -> int:
        return price(
            rates,
            tokens_in=self.uncached + self.read + self.write,
            tokens_out=self.spoken + self.thought,
            tokens_cache_read=self.read,
            tokens_cache_write=self.write,
            tokens_reasoning=self.thought,
        )


LIST_PRICES = st.builds(
    ListPrice,
    uncached=USD,
    output=USD,
    cache_read=st.none() | USD,
    cache_write=st.none() | USD,
    reasoning=st.none() | USD,
    per_request=USD,
)
USAGES = st.builds(Usage, uncached=COUNT, read=COUNT, write=COUNT, spoken=COUNT, thought=COUNT)


def by_fractions(listed: ListPrice, usage: Usage) -> int:
    """Price in USD with rationals; `round` of a Fraction goes half to even."""

    def usd(rate: Decimal | None, otherwise: Decimal, count: int) -> Fraction:
        return Fraction(otherwise if rate is None else rate) * count / 1_000_000

    total = (
        usd(listed.uncached, listed.uncached, usage.uncached)
        + usd(listed.cache_read, listed.uncached, usage.read)
        + usd(listed.cache_write, listed.uncached, usage.write)
        + usd(listed.output, listed.output, usage.spoken)
        + usd(listed.reasoning, listed.output, usage.thought)
        + Fraction(listed.per_request)
    )
    return round(total * 1_000_000_000)


@given(LIST_PRICES, USAGES)
@example(
    ListPrice(Decimal("0.0005"), Decimal(0), None, None, None, Decimal(0)), Usage(1, 0, 0, 0, 0)
)
def test_prices_are_exact(listed: ListPrice, usage: Usage) -> None:
    assert usage.cost(listed.rates()) == by_fractions(listed, usage)


@given(st.fractions(min_value=0, max_value=100), st.integers(min_value=0, max_value=10**9))
def test_any_rational_rate_is_kept_exactly(usd: Fraction, count: int) -> None:
    rates = Rates(rates_per_mtok(usd, 0))
    assert price(rates, tokens_in=count, tokens_out=0) == round(usd * 1000 * count)


@given(LIST_PRICES, USAGES, USAGES)
def test_more_tokens_never_cost_less(listed: ListPrice, usage: Usage, more: Usage) -> None:
    larger = Usage(
        usage.uncached + more.uncached,
        usage.read + more.read,
        usage.write + more.write,
        usage.spoken + more.spoken,
        usage.thought + more.thought,
    )
    rates = listed.rates()
    assert usage.cost(rates) <= larger.cost(rates)


@given(USAGES, st.integers(min_value=0, max_value=10**9), st.integers(min_value=0, max_value=10**9))
def test_a_dearer_tier_never_makes_a_larger_call_cheaper(
    usage: Usage, above: int, more: int
) -> None:
    tier = SizeTier(above, rates_per_mtok(Decimal("0.3"), Decimal("0.9")))
    rates = Rates(rates_per_mtok(Decimal("0.1"), Decimal("0.3")), (tier,))
    larger = Usage(usage.uncached + more, usage.read, usage.write, usage.spoken, usage.thought)
    assert usage.cost(rates) <= larger.cost(rates)
