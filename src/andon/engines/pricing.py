"""What a call costs: exact list prices per class of token, rounded once to the nano-dollar."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import gcd, lcm
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from andon.models.money import NANOUSD_PER_USD, round_half_even

DAY_US = 86_400_000_000
MAX_STEP_US = 900_000_000
_TOKENS_PER_MTOK = 1_000_000
_HALF_OF_INT64 = 2**62

Exact = int | Decimal | Fraction
"""A number that is what it says; a float is not."""

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TokenRates:
    """Hold the price of one token of each class in whole parts, `scale` to the nano-dollar.

    The scale is chosen such that no rate is rounded. `request` is charged once a call.
    """

    scale: int
    uncached: int
    cache_read: int
    cache_write: int
    output: int
    reasoning: int
    request: int


@dataclass(frozen=True, slots=True)
class SizeTier:
    """Hold the rates of all tokens of a call whose whole input is above this many tokens."""

    above: int
    rates: TokenRates


@dataclass(frozen=True, slots=True)
class Rates:
    """Hold the rates of a model: the base, and tiers by input size, the largest first."""

    base: TokenRates
    tiers: tuple[SizeTier, ...] = ()

    def __post_init__(self) -> None:
        sizes = [tier.above for tier in self.tiers]
        if sizes != sorted(set(sizes), reverse=True):
            raise ValueError("give each size tier once, the largest first")

    def at_size(self, tokens_in: int) -> TokenRates:
        """Choose the rates for a call by its whole input, cached tokens included."""
        for tier in self.tiers:
            if tokens_in > tier.above:
                return tier.rates
        return self.base


@dataclass(frozen=True, slots=True)
class Validity:
    """Say when a price holds: between two instants, and at a time of day in UTC.

    All are microseconds, `from` included and `until` excluded; None means no such bound. A time
    of day whose end is before its start runs over midnight; one of no length never holds.
    """

    from_us: int | None = None
    until_us: int | None = None
    day_from_us: int | None = None
    day_until_us: int | None = None

    def covers(self, at_us: int) -> bool:
        """Tell whether the price holds at this instant (microseconds since 1970, UTC)."""
        if self.from_us is not None and at_us < self.from_us:
            return False
        if self.until_us is not None and at_us >= self.until_us:
            return False
        if self.day_from_us is None and self.day_until_us is None:
            return True
        return self._covers_time_of_day(at_us % DAY_US)

    def _covers_time_of_day(self, time_us: int) -> bool:
        start = self.day_from_us or 0
        end = DAY_US if self.day_until_us is None else self.day_until_us
        if end < start:
            return time_us >= start or time_us < end
        return start <= time_us < end

    def meets(self, other: Validity) -> bool:
        """Tell whether both hold at some instant; times of day are not looked at."""
        return _begins_before_end(self, other) and _begins_before_end(other, self)


def _begins_before_end(one: Validity, other: Validity) -> bool:
    return one.from_us is None or other.until_us is None or one.from_us < other.until_us


ALWAYS = Validity()


def step_us(validities: Iterable[Validity], *others: int) -> int:
    """Find the longest step, at most 15 minutes, within which no price begins or ends.

    Steps are counted from 1970; `others` are steps that must be kept too. The result is at least
    a minute where every bound is a whole minute.
    """
    edges = (
        edge
        for one in validities
        for edge in (one.from_us, one.until_us, one.day_from_us, one.day_until_us)
        if edge is not None
    )
    return gcd(MAX_STEP_US, *others, *edges)


@dataclass(frozen=True, slots=True)
class PriceRow:
    """Hold the rates of one row of a price table, and the name that is kept with the call.

    `ref` names the table and its version, the entry, and the date from which the row holds.
    """

    ref: str
    rates: Rates


@dataclass(frozen=True, slots=True)
class DatedPrice:
    """Hold what a table knows for a time; None: it knows the model, and not what it costs."""

    validity: Validity
    row: PriceRow | None


class PriceTable(Protocol):
    """Where prices come from; None is an unknown price, which is not a price of zero."""

    @property
    def version(self) -> str:
        """Name the table and its version."""
        ...

    @property
    def step_us(self) -> int:
        """Tell the time, counted in steps from 1970, within which no price of it changes."""
        ...

    def find(self, provider: str, model: str, at_us: int) -> PriceRow | None:
        """Find the price of a model, named as reporters name it, at an instant (us, UTC)."""
        ...


def row_at(prices: Iterable[DatedPrice], at_us: int) -> PriceRow | None:
    """Choose the first price that holds at the instant; give those that take precedence first."""
    for price_then in prices:
        if price_then.validity.covers(at_us):
            return price_then.row
    return None


def rates_per_mtok(
    uncached: Exact,
    output: Exact,
    *,
    cache_read: Exact | None = None,
    cache_write: Exact | None = None,
    reasoning: Exact | None = None,
    per_request: Exact = 0,
) -> TokenRates:
    """Compile a list price: USD per million tokens of each class, and USD per request.

    A cache class without its own price costs what uncached input does, reasoning what output
    does. Raise ValueError for a negative number, TypeError for a float.
    """
    read = uncached if cache_read is None else cache_read
    write = uncached if cache_write is None else cache_write
    thought = output if reasoning is None else reasoning
    nanousd = [_exact(usd) * NANOUSD_PER_USD for usd in (uncached, read, write, output, thought)]
    rates = [rate / _TOKENS_PER_MTOK for rate in nanousd]
    rates.append(_exact(per_request) * NANOUSD_PER_USD)
    scale = lcm(*(rate.denominator for rate in rates))
    return TokenRates(scale, *(rate.numerator * (scale // rate.denominator) for rate in rates))


def _exact(usd: Exact) -> Fraction:
    if isinstance(usd, float):
        raise TypeError("give prices as Decimal: a float is not the number that was written")
    exact = Fraction(usd)
    if exact < 0:
        raise ValueError("a price is zero or more")
    return exact


def price(
    rates: Rates,
    *,
    tokens_in: int,
    tokens_out: int,
    tokens_cache_read: int | None = None,
    tokens_cache_write: int | None = None,
    tokens_reasoning: int | None = None,
) -> int:
    """Price a call in nano-dollars: summed exactly, then rounded once, half to even.

    Both cache classes are included in tokens_in, reasoning in tokens_out. Raise ValueError when
    they exceed what they are included in, or a count is negative.
    """
    read = tokens_cache_read or 0
    write = tokens_cache_write or 0
    thought = tokens_reasoning or 0
    uncached = tokens_in - read - write
    answer = tokens_out - thought
    if uncached < 0 or answer < 0 or read < 0 or write < 0 or thought < 0:
        raise ValueError(
            "report token counts of zero or more, with cached tokens included in tokens_in and "
            "reasoning tokens in tokens_out"
        )
    rate = rates.at_size(tokens_in) if rates.tiers else rates.base
    parts = (
        rate.request
        + uncached * rate.uncached
        + read * rate.cache_read
        + write * rate.cache_write
        + answer * rate.output
        + thought * rate.reasoning
    )
    return parts if rate.scale == 1 else round_half_even(parts, rate.scale)


class Tokens(NamedTuple):
    """Count the tokens of many calls, one element a call; a class that was not given is 0."""

    tokens_in: Integers
    tokens_out: Integers
    cache_read: Integers
    cache_write: Integers
    reasoning: Integers

    def at(self, places: NDArray[np.intp]) -> Tokens:
        """Choose some of the calls."""
        return Tokens(*(column[places] for column in self))


def price_all(rates: Rates, tokens: Tokens) -> Integers:
    """Price many calls of one model, each exactly as `price` does.

    The counts must be such as `price` accepts.
    """
    if not rates.tiers:
        return _price_at(rates.base, tokens)
    costs = np.empty(len(tokens.tokens_in), np.int64)
    left = np.ones(len(costs), np.bool_)
    for above, rate in [*((tier.above, tier.rates) for tier in rates.tiers), (-1, rates.base)]:
        chosen = np.flatnonzero(left & (tokens.tokens_in > above))
        if len(chosen):
            costs[chosen] = _price_at(rate, tokens.at(chosen))
            left[chosen] = False
    return costs


def _price_at(rate: TokenRates, tokens: Tokens) -> Integers:
    if not _fits(rate, tokens):
        costs = [_price_one(rate, call) for call in zip(*tokens, strict=True)]
        return np.array(costs, np.int64)
    parts = (
        (tokens.tokens_in - tokens.cache_read - tokens.cache_write) * rate.uncached
        + tokens.cache_read * rate.cache_read
        + tokens.cache_write * rate.cache_write
        + (tokens.tokens_out - tokens.reasoning) * rate.output
        + tokens.reasoning * rate.reasoning
        + rate.request
    )
    return parts if rate.scale == 1 else _halves_to_even(parts, rate.scale)


def _price_one(rate: TokenRates, call: tuple[np.int64, ...]) -> int:
    tokens_in, tokens_out, read, write, thought = map(int, call)
    return price(
        Rates(rate),
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        tokens_cache_read=read,
        tokens_cache_write=write,
        tokens_reasoning=thought,
    )


def _fits(rate: TokenRates, tokens: Tokens) -> bool:
    """Tell whether no step of the sum can leave 64 bits."""
    dearest = max(rate.uncached, rate.cache_read, rate.cache_write, rate.output, rate.reasoning)
    most = int(tokens.tokens_in.max(initial=0)) + int(tokens.tokens_out.max(initial=0))
    return most * dearest + rate.request < _HALF_OF_INT64 and rate.scale < _HALF_OF_INT64


def _halves_to_even(parts: Integers, scale: int) -> Integers:
    whole, rest = np.divmod(parts, scale)
    twice = 2 * rest
    up = (twice > scale) | ((twice == scale) & (whole % 2 == 1))
    rounded: Integers = whole + up
    return rounded
