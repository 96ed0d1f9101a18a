"""Every entry of the table costs to the nano-dollar what `genai_prices` says, under any name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from genai_prices import Usage, calc_price
from genai_prices.data import providers
from genai_prices.types import (
    ClauseEquals,
    ModelInfo,
    ModelPrice,
    PriceCalculation,
    Provider,
    StartDateConstraint,
    TimeOfDateConstraint,
)

from andon.adapters.pricing import GenaiPriceTable, bundled_table
from andon.engines.pricing import PriceTable, price

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
USUAL = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
LONG_AGO = datetime(2020, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC)
STEP = timedelta(microseconds=1)

Counts = tuple[int, int, int, int, int]
"""tokens in, cache read, cache write, out, reasoning"""

USAGES: list[Counts] = [
    (1_237, 411, 203, 977, 501),
    (1, 0, 0, 0, 0),
    (31_999, 31_999, 0, 7, 7),
    (1_048_577, 700_001, 9, 65_537, 3),
]


def times(model: ModelInfo) -> Iterator[datetime]:
    """Two usual times, and those at which the price of this model changes."""
    yield USUAL
    yield LONG_AGO
    if isinstance(model.prices, ModelPrice):
        return
    for conditional in model.prices:
        rule = conditional.constraint
        if isinstance(rule, StartDateConstraint):
            start = datetime.combine(rule.start_date, time(0), tzinfo=UTC)
            yield from (start - STEP, start)
        elif isinstance(rule, TimeOfDateConstraint):
            for edge in (rule.start_time, rule.end_time):
                at = datetime.combine(USUAL.date(), edge)
                yield from (at - STEP, at)


def usage_of(counts: Counts) -> Usage:
    tokens_in, read, write, tokens_out, thought = counts
    return Usage(
        input_tokens=tokens_in,
        cache_read_tokens=read,
        cache_write_tokens=write,
        output_tokens=tokens_out,
        output_reasoning_tokens=thought,
    )


def expected(answer: PriceCalculation) -> int | None:
    """Read the library's answer in nano-dollars.

    Where it answers zero for an entry without a rate for tokens, the price is not known: it
    charges by the hour or the page, or the entry is empty. Only `:free` says that it is free.
    """
    rates = {key for key, value in vars(answer.model_price).items() if value is not None}
    if "input_mtok" not in rates and (rates or not answer.model.id.endswith(":free")):
        return None
    nanousd = answer.total_price * 1_000_000_000
    return int(nanousd.to_integral_value(rounding=ROUND_HALF_EVEN))


def ours(table: PriceTable, provider: str, model: str, counts: Counts, at: datetime) -> int | None:
    row = table.find(provider, model, (at - EPOCH) // STEP)
    if row is None:
        return None
    tokens_in, read, write, tokens_out, thought = counts
    return price(
        row.rates,
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        tokens_cache_read=read,
        tokens_cache_write=write,
        tokens_reasoning=thought,
    )


def alone(provider: Provider, model: ModelInfo) -> PriceTable:
    """Make a table of this one entry: some ids lead to another entry, or to none."""
    entry = replace(model, match=ClauseEquals(equals=model.id))
    return GenaiPriceTable([replace(provider, models=[entry])], "test")


def names(provider: Provider) -> set[str]:
    """Collect the ids of the provider's models, and the words that its match rules look for."""
    words = re.findall(
        r"(?:equals|starts_with|contains|ends_with)='([^']+)'",
        " ".join(repr(model.match) for model in provider.models),
    )
    return {model.id for model in provider.models} | set(words)


def by_library(provider: str, model: str) -> int | None:
    usage = usage_of(USAGES[0])
    try:
        answer = calc_price(usage, model, provider_id=provider, genai_request_timestamp=USUAL)
    except LookupError:
        return None
    return expected(answer)


@pytest.mark.parametrize("provider", providers, ids=lambda provider: provider.id)
def test_every_entry_costs_what_the_library_says(provider: Provider) -> None:
    for model in provider.models:
        table = alone(provider, model)
        for at in times(model):
            for counts in USAGES:
                usage = usage_of(counts)
                answer = model.calc_price(usage, provider, genai_request_timestamp=at)
                cost = ours(table, provider.id, model.id, counts, at)
                assert cost == expected(answer), (model.id, counts, at)


@pytest.mark.parametrize("provider", providers, ids=lambda provider: provider.id)
def test_every_name_leads_to_the_entry_that_the_library_takes(provider: Provider) -> None:
    for name in names(provider):
        cost = ours(bundled_table(), provider.id, name, USAGES[0], USUAL)
        assert cost == by_library(provider.id, name), name


def test_most_of_the_table_is_priced_by_the_token() -> None:
    entries = [(provider, model) for provider in providers for model in provider.models]
    priced = [
        ours(alone(provider, model), provider.id, model.id, USAGES[0], USUAL)
        for provider, model in entries
    ]
    assert len(priced) > 1_000
    assert priced.count(None) < len(priced) // 20


def test_the_library_is_exact_enough_to_compare_with() -> None:
    anthropic = next(provider for provider in providers if provider.id == "anthropic")
    claude = next(model for model in anthropic.models if model.id == "claude-2")
    answer = claude.calc_price(usage_of((10**9, 0, 0, 10**9, 0)), anthropic)
    assert answer.total_price == Decimal(32_000)
