"""The price table of the `genai-prices` package, compiled: matched once, then integers only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from fractions import Fraction
from functools import cache, cached_property, lru_cache
from importlib.metadata import version

from genai_prices.types import (
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    Provider,
    StartDateConstraint,
    TieredPrices,
    TimeOfDateConstraint,
)

from andon.engines.pricing import (
    ALWAYS,
    DAY_US,
    DatedPrice,
    PriceRow,
    Rates,
    SizeTier,
    TokenRates,
    Validity,
    rates_per_mtok,
    row_at,
    step_us,
)

REMEMBERED_MODELS = 4096
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_FREE_SUFFIX = ":free"
_REQUESTS_PER_PRICE = 1000
_FREE = Rates(rates_per_mtok(0, 0))

ALIASES: Mapping[str, str] = {
    "azure-openai": "azure",
    "azure-ai": "azure",
    "azure-ai-openai": "azure",
    "azure-ai-inference": "azure",
    "az-ai-openai": "azure",
    "az-ai-inference": "azure",
    "bedrock": "aws",
    "aws-bedrock": "aws",
    "amazon-bedrock": "aws",
    "gemini": "google",
    "gcp-gemini": "google",
    "gcp-gen-ai": "google",
    "gcp-vertex-ai": "google",
    "google-vertex": "google",
    "vertex-ai": "google",
    "fireworks-ai": "fireworks",
    "mistral-ai": "mistral",
    "mistralai": "mistral",
    "moonshot": "moonshotai",
    "together-ai": "together",
    "voyage": "voyageai",
    "xai": "x-ai",
}
"""Other names of providers: our provider types, OpenTelemetry's and LiteLLM's, with hyphens.

The library's own rule is not used: it takes any name that contains "openai" for OpenAI, an
OpenAI-compatible server of the customer's included.
"""


class GenaiPriceTable:
    """Answer what a model costs from the tables of `genai-prices`.

    A (provider, model) is matched and compiled when first asked for and remembered, the least
    recently used being forgotten. Nothing is fetched: the package's updater is not started, and
    a snapshot set by someone else in the process is not looked at.
    """

    def __init__(
        self, providers: Sequence[Provider], version: str, *, remembered: int = REMEMBERED_MODELS
    ) -> None:
        self.version = version
        self._providers = list(providers)
        self._by_name = {_plain(provider.id): provider for provider in providers}
        self._prices = lru_cache(maxsize=remembered)(self._match)

    def find(self, provider: str, model: str, at_us: int) -> PriceRow | None:
        """Find the price of a model at an instant (us, UTC), or None when it is not known."""
        return row_at(self._prices(provider, model), at_us)

    @cached_property
    def step_us(self) -> int:
        """Tell the time, counted in steps from 1970, within which no price changes."""
        return step_us(
            _validity(conditional.constraint)[0]
            for provider in self._providers
            for model in provider.models
            if not isinstance(model.prices, ModelPrice)
            for conditional in model.prices
        )

    def _match(self, provider: str, model: str) -> tuple[DatedPrice, ...]:
        name = _plain(provider)
        known = self._by_name.get(ALIASES.get(name, name))
        if known is None:
            return ()
        entry = known.find_model(model, all_providers=self._providers)
        if entry is None:
            return ()
        return tuple(_compile(entry, f"{self.version}:{self._owner(known, entry)}/{entry.id}"))

    def _owner(self, asked: Provider, entry: ModelInfo) -> str:
        # Azure and Google sell others' models: the row is then in the other provider's table.
        for provider in (asked, *self._providers):
            if any(model is entry for model in provider.models):
                return provider.id
        return asked.id


@cache
def bundled_table() -> GenaiPriceTable:
    """Compile the table that the installed `genai-prices` package ships."""
    # The data are 30,000 lines of Python: only those who price a call load them.
    from genai_prices.data import providers

    return GenaiPriceTable(providers, f"genai-prices {version('genai-prices')}")


def _plain(name: str) -> str:
    return name.strip().lower().replace("_", "-").replace(".", "-").replace(" ", "-")


def _compile(entry: ModelInfo, ref: str) -> Iterator[DatedPrice]:
    """Compile an entry's prices, the last one first, as the library has it.

    The first price also stands where no other does, before the earliest date included: so the
    library answers for dates of which it has no record.
    """
    if isinstance(entry.prices, ModelPrice):
        prices = [ConditionalPrice(prices=entry.prices)]
    else:
        prices = entry.prices
    for conditional in reversed(prices[1:]):
        validity, since = _validity(conditional.constraint)
        yield DatedPrice(validity, _row(entry, conditional.prices, f"{ref}@{since}"))
    for conditional in prices[:1]:
        yield DatedPrice(ALWAYS, _row(entry, conditional.prices, f"{ref}@base"))


def _validity(
    constraint: StartDateConstraint | TimeOfDateConstraint | None,
) -> tuple[Validity, str]:
    if constraint is None:
        return ALWAYS, "base"
    if isinstance(constraint, StartDateConstraint):
        day = constraint.start_date.toordinal() - _EPOCH_DAY
        return Validity(from_us=day * DAY_US), constraint.start_date.isoformat()
    start, end = _utc(constraint.start_time), _utc(constraint.end_time)
    validity = Validity(day_from_us=_time_us(start), day_until_us=_time_us(end))
    return validity, f"{start:%H:%M}-{end:%H:%M}Z"


def _utc(value: time) -> time:
    if value.tzinfo is None:
        return value
    return datetime.combine(date(1970, 1, 1), value).astimezone(UTC).time()


def _time_us(value: time) -> int:
    seconds = (value.hour * 60 + value.minute) * 60 + value.second
    return seconds * 1_000_000 + value.microsecond


def _row(entry: ModelInfo, prices: ModelPrice, ref: str) -> PriceRow | None:
    rates = _rates(prices)
    if rates is None and entry.id.endswith(_FREE_SUFFIX) and _is_empty(prices):
        rates = _FREE
    return None if rates is None else PriceRow(ref, rates)


def _is_empty(prices: ModelPrice) -> bool:
    return all(value is None for value in vars(prices).values())


def _rates(prices: ModelPrice) -> Rates | None:
    """Compile the rates of tokens, or None: priced by the hour or the page, or not at all."""
    if _rate(prices, "input_mtok", 0) is None:
        return None
    starts = {
        tier.start
        for value in vars(prices).values()
        if isinstance(value, TieredPrices)
        for tier in value.tiers
    }
    tiers = tuple(
        SizeTier(start, _rates_at(prices, start + 1)) for start in sorted(starts, reverse=True)
    )
    return Rates(_rates_at(prices, 0), tiers)


def _rates_at(prices: ModelPrice, tokens_in: int) -> TokenRates:
    # Where an entry lists no output price (embeddings), the provider charges none.
    return rates_per_mtok(
        _rate(prices, "input_mtok", tokens_in) or 0,
        _rate(prices, "output_mtok", tokens_in) or 0,
        cache_read=_rate(prices, "cache_read_mtok", tokens_in),
        cache_write=_rate(prices, "cache_write_mtok", tokens_in),
        reasoning=_rate(prices, "output_reasoning_mtok", tokens_in),
        per_request=Fraction(_rate(prices, "requests_kcount", tokens_in) or 0)
        / _REQUESTS_PER_PRICE,
    )


def _rate(prices: ModelPrice, key: str, tokens_in: int) -> Decimal | None:
    value: Decimal | TieredPrices | None = getattr(prices, key, None)
    if not isinstance(value, TieredPrices):
        return value
    rate = value.base
    for tier in value.tiers:
        if tokens_in > tier.start:
            rate = tier.price
    return rate
