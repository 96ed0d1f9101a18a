"""The table of `genai-prices` as reporters ask for it: names, dates, and what is not known."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from importlib.metadata import version
from typing import NoReturn

import pytest
from genai_prices.data_snapshot import DataSnapshot, set_custom_snapshot
from genai_prices.types import ClauseEquals, ModelInfo, ModelPrice, Provider

from andon.adapters.pricing import ALIASES, GenaiPriceTable, bundled_table
from andon.engines.pricing import PriceTable, price
from tests.unit.pricing.test_validity import us

NOW = us("2026-01-15T12:00")


@pytest.fixture
def table() -> GenaiPriceTable:
    return bundled_table()


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> NoReturn:
        raise AssertionError("a price look-up opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def foreign_snapshot() -> Iterator[None]:
    set_custom_snapshot(DataSnapshot(providers=[], from_auto_update=True))
    yield
    set_custom_snapshot(None)


def cost(provider: str, model: str, at_us: int = NOW) -> int | None:
    """Price 1,000 tokens in and 100 out."""
    row = bundled_table().find(provider, model, at_us)
    return None if row is None else price(row.rates, tokens_in=1_000, tokens_out=100)


def test_a_table_says_its_version_and_a_row_where_it_stands(table: PriceTable) -> None:
    assert table.version == f"genai-prices {version('genai-prices')}"
    row = table.find("openai", "gpt-4", NOW)
    assert row is not None
    assert row.ref == f"{table.version}:openai/gpt-4@base"


@pytest.mark.parametrize(
    ("provider", "model", "nanousd"),
    [
        ("openai", "gpt-4", 1_000 * 30_000 + 100 * 60_000),
        ("openai", "gpt-4o-2024-08-06", 1_000 * 2_500 + 100 * 10_000),
        ("OpenAI", "GPT-4o", 1_000 * 2_500 + 100 * 10_000),
        ("anthropic", "claude-sonnet-4-20250514", 1_000 * 3_000 + 100 * 15_000),
        ("openai", "text-embedding-3-small", 1_000 * 20),
    ],
)
def test_known_list_prices(provider: str, model: str, nanousd: int) -> None:
    assert cost(provider, model) == nanousd


def test_a_rate_with_a_fraction_of_a_nano_dollar_is_kept_exactly(table: GenaiPriceTable) -> None:
    # $0.003625 per million cached tokens: 3.625 nano-dollars a token.
    row = table.find("deepseek", "deepseek-v4-pro", NOW)
    assert row is not None
    costs = [
        price(row.rates, tokens_in=count, tokens_out=0, tokens_cache_read=count)
        for count in (1, 4, 8, 1_000_000)
    ]
    assert costs == [4, 14, 29, 3_625_000]


def test_cache_reads_of_openai_and_writes_of_anthropic(table: GenaiPriceTable) -> None:
    gpt = table.find("openai", "gpt-4o", NOW)
    claude = table.find("anthropic", "claude-sonnet-4-5", NOW)
    assert gpt is not None
    assert claude is not None
    assert price(gpt.rates, tokens_in=100, tokens_out=0, tokens_cache_read=60) == 175_000
    assert (
        price(
            claude.rates, tokens_in=100, tokens_out=0, tokens_cache_read=60, tokens_cache_write=10
        )
        == 30 * 3_000 + 60 * 300 + 10 * 3_750
    )


def test_a_long_prompt_has_the_rates_of_its_tier(table: GenaiPriceTable) -> None:
    row = table.find("google", "gemini-2.5-pro", NOW)
    assert row is not None
    assert price(row.rates, tokens_in=200_000, tokens_out=0) == 200_000 * 1_250
    assert price(row.rates, tokens_in=200_001, tokens_out=0) == 200_001 * 2_500


def test_a_call_has_the_price_of_its_day(table: GenaiPriceTable) -> None:
    assert cost("openai", "o3", us("2025-06-09T23:59:59")) == 1_000 * 10_000 + 100 * 40_000
    assert cost("openai", "o3", us("2025-06-10")) == 1_000 * 2_000 + 100 * 8_000
    row = table.find("openai", "o3", us("2025-06-10"))
    assert row is not None
    assert row.ref == f"{table.version}:openai/o3@2025-06-10"


def test_before_the_first_known_price_the_base_price_stands() -> None:
    assert cost("openai", "o3", us("1999-01-01")) == 1_000 * 10_000 + 100 * 40_000


def test_a_call_has_the_price_of_its_hour(table: GenaiPriceTable) -> None:
    assert cost("deepseek", "deepseek-chat", us("2025-06-10T00:29")) == 1_000 * 135 + 100 * 550
    assert cost("deepseek", "deepseek-chat", us("2025-06-10T00:30")) == 1_000 * 270 + 100 * 1_100
    row = table.find("deepseek", "deepseek-chat", us("2025-06-10T00:30"))
    assert row is not None
    assert row.ref == f"{table.version}:deepseek/deepseek-chat@00:30-16:30Z"


@pytest.mark.parametrize("name", sorted(ALIASES))
def test_every_alias_is_a_provider_of_the_table(table: GenaiPriceTable, name: str) -> None:
    model = {
        "aws": "amazon.nova-pro-v1:0",
        "azure": "gpt-4o",
        "fireworks": "accounts/fireworks/models/deepseek-r1-0528",
        "google": "gemini-2.5-pro",
        "mistral": "mistral-large-latest",
        "moonshotai": "kimi-k2-thinking",
        "together": "meta-llama/Llama-3.3-70B-Instruct-Turbo",
        "voyageai": "voyage-3",
        "x-ai": "grok-4",
    }[ALIASES[name]]
    row = table.find(name, model, NOW)
    assert row is not None
    assert row == table.find(ALIASES[name], model, NOW)
    assert row == table.find(name.upper().replace("-", "_"), model, NOW)


def test_azure_sells_openai_models_by_the_table_of_openai(
    table: GenaiPriceTable,
) -> None:
    row = table.find("azure_openai", "gpt-4o", NOW)
    assert row is not None
    assert row.ref == f"{table.version}:openai/gpt-4o@base"
    assert cost("azure_openai", "gpt-4o") == 1_000 * 2_500 + 100 * 10_000


@pytest.mark.parametrize(
    "provider", ["custom", "", "openai-compatible", "my-openai-proxy", "ollama", "litellm"]
)
def test_an_unknown_provider_has_no_price_though_the_model_is_known(provider: str) -> None:
    assert cost(provider, "gpt-4o") is None


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "no-such-model"),
        ("openai", ""),
        ("openai", "claude-sonnet-4-5"),
        ("anthropic", "gpt-4o"),
    ],
)
def test_a_model_that_the_provider_does_not_sell_has_no_price(provider: str, model: str) -> None:
    assert cost(provider, model) is None


@pytest.mark.parametrize(
    ("provider", "model"), [("openai", "whisper-1"), ("mistral", "mistral-ocr-latest")]
)
def test_a_model_that_is_not_sold_by_the_token_has_no_price(provider: str, model: str) -> None:
    assert cost(provider, model) is None


def test_an_entry_without_rates_is_unknown_and_not_free() -> None:
    assert cost("cerebras", "qwen-3-coder-480b") is None


def test_what_the_provider_calls_free_costs_nothing() -> None:
    assert cost("openrouter", "deepseek/deepseek-r1:free") == 0


def test_no_connection_is_opened_and_no_updater_started(no_network: None) -> None:
    before = threading.enumerate()
    bundled_table.cache_clear()
    assert cost("openai", "gpt-4o") == 3_500_000
    assert cost("openai", "no-such-model") is None
    assert threading.enumerate() == before


def test_a_snapshot_that_others_set_changes_no_price(foreign_snapshot: None) -> None:
    bundled_table.cache_clear()
    assert cost("openai", "gpt-4o") == 3_500_000


class Counting(Provider):
    """A provider that notes which models are looked for."""

    looked_for: list[str]

    def find_model(
        self, model_ref: str, *, all_providers: list[Provider] | None = None
    ) -> ModelInfo | None:
        self.looked_for.append(model_ref)
        return super().find_model(model_ref, all_providers=all_providers)


def test_a_model_is_matched_once_and_the_least_used_is_forgotten() -> None:
    model = ModelInfo(id="one", match=ClauseEquals(equals="one"), prices=ModelPrice())
    provider = Counting(id="house", name="House", api_pattern="", models=[model])
    provider.looked_for = []
    small = GenaiPriceTable([provider], "test", remembered=2)
    for asked in ("one", "one", "made-up", "one", "made-up-2", "one", "made-up"):
        small.find("house", asked, NOW)
    assert provider.looked_for == ["one", "made-up", "made-up-2", "made-up"]
