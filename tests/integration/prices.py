"""A tenant's own prices for tests."""

from __future__ import annotations

from typing import Any

from tests.integration.doors import Door, unique

PRICES = "prices"


def price(**fields: Any) -> dict[str, Any]:
    """Describe a price from 2026 on, of a model of its own unless one is given."""
    return {
        "provider": "acme",
        "model": unique("model"),
        "valid_from": "2026-01-01T00:00:00Z",
        "input_usd_per_mtok": "2.5",
        "output_usd_per_mtok": "10",
        **fields,
    }


def new_price(maker: Door, **fields: Any) -> str:
    """Make a price as `maker` and give its id."""
    return str(maker.make(PRICES, price(**fields))["id"])
