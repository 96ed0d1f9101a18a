"""`andon prices`: list, add and end the tenant's own prices."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import click

from andon.cli.connection import connected, part
from andon.cli.options import as_json
from andon.cli.output import print_facts, print_json, print_table

RATES = {
    "input": "input_usd_per_mtok",
    "output": "output_usd_per_mtok",
    "cache_read": "cache_read_usd_per_mtok",
    "cache_write": "cache_write_usd_per_mtok",
    "reasoning": "reasoning_usd_per_mtok",
    "per_request": "usd_per_request",
}
COLUMNS = ("id", "provider", "model", *RATES, "valid_from", "valid_until")

Row = dict[str, Any]


@click.group()
def prices() -> None:
    """List, add and end prices of the tenant's own, in US dollars a million tokens."""


@prices.command("list")
@click.option("--provider", help="Only prices for this provider.")
@click.option("--model", help="Only prices of this model.")
@click.option("--at", metavar="TIME", help="Only prices that hold then: 2026-01-31T12:00:00Z.")
@as_json
def list_prices(*, as_json: bool, **asked: Any) -> None:
    """List the tenant's own prices; the shared table holds where there is none."""
    with connected() as api:
        found = list(api.pages("prices", **asked))
    if as_json:
        print_json(found)
    else:
        print_table(COLUMNS, map(_cells, found), numbers=tuple(RATES))


def _cells(price: Row) -> list[object]:
    shown = {**price, **{column: price[name] for column, name in RATES.items()}}
    if shown["provider"] is None:
        shown["provider"] = "any"
    return [shown[column] for column in COLUMNS]


@prices.command("add")
@click.argument("model")
@click.option("--provider", help="As reporters name it; without it the price is for any.")
@click.option("--input", required=True, metavar="USD", help="A million input tokens.")
@click.option("--output", required=True, metavar="USD", help="A million output tokens.")
@click.option("--cache-read", metavar="USD", help="A million cached tokens; else as input.")
@click.option("--cache-write", metavar="USD", help="A million tokens cached; else as input.")
@click.option("--reasoning", metavar="USD", help="A million reasoning tokens; else as output.")
@click.option("--per-request", metavar="USD", help="Once a call; else nothing.")
@click.option(
    "--from", "valid_from", metavar="TIME", help="First minute, in UTC; else the present one."
)
@click.option("--until", "valid_until", metavar="TIME", help="The minute that ends it, in UTC.")
@click.option("--note", help="Why, or where it stands written.")
@as_json
def add_price(*, as_json: bool, **asked: str | None) -> None:
    """Add a price of MODEL, named as reporters name it."""
    body = {RATES.get(name, name): value for name, value in asked.items() if value is not None}
    with connected() as api:
        _print(api.post("prices", body), as_json=as_json)


@prices.command("end")
@click.argument("price_id", metavar="ID")
@click.option("--at", metavar="TIME", help="The minute that ends it, in UTC; else the next one.")
@as_json
def end_price(price_id: str, at: str | None, *, as_json: bool) -> None:
    """End a price: from then on the next one, or the shared table, holds."""
    with connected() as api:
        ended = api.patch(f"prices/{part(price_id)}", {"valid_until": at or _next_minute()})
    _print(ended, as_json=as_json)


def _next_minute() -> str:
    begun = datetime.now(UTC).replace(second=0, microsecond=0)
    return (begun + timedelta(minutes=1)).isoformat()


def _print(price: Row, *, as_json: bool) -> None:
    if as_json:
        print_json(price)
    else:
        print_facts(price.items())
