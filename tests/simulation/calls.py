"""Calls as simulated reporters tell them, in the shape that the recorder takes."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from andon.engines.pricing import PriceRow, Rates, rates_per_mtok

MODELS = ("small", "large", "unknown", "odd", "rare")
_OUTCOMES = ("allowed",) * 8 + ("blocked", "allowed")


@dataclass(slots=True)
class Call:
    """One call; two reports of it are equal."""

    call_id: str
    integration_id: str
    model: str
    tokens_in: int
    tokens_out: int
    agent_id: str | None = None
    session_id: str | None = None
    provider: str = "openai"
    cost_stated_nanousd: int | None = None
    latency_ms: int | None = None
    policy_result: str = "allowed"
    error_code: str | None = None
    error_message: str | None = None
    metadata_json: str | None = None
    request_json: str | None = None
    labels_json: str | None = None
    tokens_cache_read: int | None = None
    tokens_cache_write: int | None = None
    tokens_reasoning: int | None = None
    usage_source: str = "reported"
    status_code: int | None = None
    error_class: str | None = None
    policy_id: str | None = None
    end_user: str | None = None
    occurred_at_us: int | None = None


def make_call(rng: Random, call_id: str, integration_id: str) -> Call:
    """Make up a call."""
    failed = rng.random() < 0.15
    return Call(
        call_id=call_id,
        integration_id=integration_id,
        model=rng.choice(MODELS),
        tokens_in=rng.randrange(5_000),
        tokens_out=rng.randrange(2_000),
        agent_id=rng.choice((None, "planner", "writer", "critic")),
        cost_stated_nanousd=rng.randrange(10**9) if rng.random() < 0.1 else None,
        latency_ms=rng.randrange(9_000) if rng.random() < 0.7 else None,
        policy_result=rng.choice(_OUTCOMES),
        error_code="overloaded" if failed and rng.random() < 0.5 else None,
        error_message="the provider did not answer" if failed else None,
        status_code=rng.choice((200, 200, 429, 500, None)),
    )


class Table:
    """A price table of two models; the others have no price."""

    version = "simulated"
    step_us = 900_000_000

    def __init__(self) -> None:
        self._rows = {
            name: PriceRow(f"simulated:{name}", Rates(rates_per_mtok(price, 4 * price)))
            for name, price in (("small", 1), ("large", 15))
        }

    def find(self, _provider: str, model: str, _at_us: int) -> PriceRow | None:
        """Find the price of a model."""
        return self._rows.get(model)
