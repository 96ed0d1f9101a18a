"""`andon reprice`: price recorded calls again by the prices that hold now for their time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from andon.cli.connection import connected
from andon.cli.options import as_json
from andon.cli.output import print_json, print_table, usd

DATE = click.DateTime(["%Y-%m-%d"])

_NUMBERS = ("calls", "changed", "before", "after", "newly priced", "no price")


@click.command()
@click.option("--from", "start", type=DATE, help="First day; without dates the current month.")
@click.option("--to", "end", type=DATE, help="Last day, included.")
@click.option("--integration", "integration_id", metavar="ID", help="Only calls of one.")
@click.option("--provider", help="Only calls of this provider.")
@click.option("--model", help="Only calls of this model.")
@click.option("--dry-run", is_flag=True, help="Tell what would change, and change nothing.")
@as_json
def reprice(
    start: datetime | None, end: datetime | None, *, dry_run: bool, as_json: bool, **asked: Any
) -> None:
    """Price calls again whose cost was computed or is unknown; stated costs stay.

    It may be ended at any time and run again: what is priced again already stays as it is.
    """
    body = {name: value for name, value in asked.items() if value is not None}
    for name, day in (("period_start", start), ("period_end", end)):
        if day is not None:
            body[name] = day.date().isoformat()
    with connected() as api:
        done = api.post_work("telemetry/reprice", {**body, "dry_run": dry_run})
    if as_json:
        print_json(done)
        return
    _print(done)


def _print(done: dict[str, Any]) -> None:
    said = "Nothing is changed: this is a dry run" if done["dry_run"] else "Priced again"
    click.echo(f"{said}, from {done['period_start']} to {done['period_end']}")
    rows = [[f"{one['provider']} {one['model']}", *_cells(one)] for one in done["by_model"]]
    print_table(("model", *_NUMBERS), [*rows, ["total", *_cells(done)]], numbers=_NUMBERS)
    if done["no_longer_priced"]:
        click.echo(f"{done['no_longer_priced']:,} calls had a price and have none any more")


def _cells(one: dict[str, Any]) -> list[object]:
    money = [usd(one["cost_before_nanousd"]), usd(one["cost_after_nanousd"])]
    no_price = one["still_unpriced"] + one["no_longer_priced"]
    return [one["calls"], one["changed"], *money, one["newly_priced"], no_price]
