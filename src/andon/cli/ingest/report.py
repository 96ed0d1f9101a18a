"""What a run of ingest prints at its end."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from andon.cli.ingest.costs import Costs
from andon.cli.ingest.tally import Tally
from andon.cli.output import print_facts, print_json, print_table, usd

Row = dict[str, Any]


def read(tally: Tally, costs: Costs, import_id: str | None = None) -> Row:
    """Put the counts together with what the server's sums say of the file's days."""
    found: Row = {
        "read": tally.read,
        "accepted": tally.accepted,
        "duplicates": tally.duplicates,
        "rejected": tally.rejected,
        "skipped": tally.skipped,
        "reasons": dict(sorted(tally.reasons.items(), key=lambda item: (-item[1], item[0]))),
        "examples": [_example(asdict(one)) for one in tally.examples],
        "calls": tally.calls,
        "tokens_in": tally.tokens_in,
        "tokens_out": tally.tokens_out,
        "import_id": import_id,
        "cost_added_nanousd": costs.added_nanousd(tally.accepted),
    }
    return {**found, **_days(tally, costs)}


def _example(bad: Row) -> Row:
    return {"line": bad["number"], "code": bad["code"], "message": bad["message"]}


def _days(tally: Tally, costs: Costs) -> Row:
    days = None
    if tally.first is not None and tally.last is not None and costs.may_read:
        days = costs.of_days(tally.first, tally.last, tally.integrations)
    return {
        "first_day": days and days.first,
        "last_day": days and days.last,
        "cost_nanousd": days and days.sums.cost(),
        "unpriced_calls": days and days.sums.unpriced,
    }


def show(found: Row, *, as_json: bool) -> None:
    """Print a run's numbers."""
    if as_json:
        print_json(found)
        return
    facts: list[tuple[str, object]] = [
        ("read", found["read"]),
        ("accepted", found["accepted"]),
        ("duplicates", found["duplicates"]),
        ("rejected", found["rejected"]),
        ("calls", found["calls"]),
        ("tokens in", found["tokens_in"]),
        ("tokens out", found["tokens_out"]),
        ("cost added", usd(found["cost_added_nanousd"])),
    ]
    if found["first_day"] is not None:
        days = f"cost of {found['first_day']} to {found['last_day']}"
        facts.append((days, usd(found["cost_nanousd"])))
    if found["skipped"]:
        facts.append(("voided, and therefore not sent", found["skipped"]))
    if found["unpriced_calls"]:
        facts.append(("calls of these days without a price", found["unpriced_calls"]))
    print_facts(facts)
    _show_reasons(found)


def _show_reasons(found: Row) -> None:
    if not found["reasons"]:
        return
    click.echo()
    print_table(("rejected because", "records"), found["reasons"].items(), numbers=("records",))
    click.echo()
    rows = ([one["line"], one["code"], one["message"]] for one in found["examples"])
    print_table(("line", "code", "for example"), rows, numbers=("line",))
