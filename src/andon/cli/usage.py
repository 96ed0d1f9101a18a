"""`andon usage`: what a period's calls sum to, with a bar chart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import click

from andon.cli.connection import Api, connected
from andon.cli.options import as_json
from andon.cli.output import bar, print_json, print_table, usd

PAGE = 10_000
KEYS = {"day": "date", "integration": "integration_id", "model": "model", "agent": "agent_id"}
DATE = click.DateTime(["%Y-%m-%d"])


@dataclass(slots=True)
class Sums:
    """The sums of some calls."""

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost_nanousd: int = 0
    errors: int = 0
    blocked: int = 0
    unpriced: int = 0

    def add(self, row: dict[str, Any]) -> None:
        """Add a row of the API's sums."""
        self.calls += row["calls"]
        self.tokens_in += row["tokens_in"]
        self.tokens_out += row["tokens_out"]
        self.cost_nanousd += row["cost_nanousd"]
        self.errors += row["errors"]
        self.blocked += row["blocked"]
        self.unpriced += row["unpriced"]

    def cost(self) -> int | None:
        """Give the cost, or None when not one of the calls has a price."""
        return None if self.calls and self.unpriced == self.calls else self.cost_nanousd


@dataclass(frozen=True, slots=True)
class Report:
    """Sums of a period, in all and by what was asked."""

    start: str
    end: str
    by: str
    groups: dict[str | None, Sums]
    names: dict[str | None, str]
    total: Sums


@click.command()
@click.option("--from", "start", type=DATE, help="First day, in the tenant's time zone.")
@click.option("--to", "end", type=DATE, help="Last day, included; default: the current month.")
@click.option("--by", type=click.Choice(list(KEYS)), default="day", show_default=True)
@as_json
def usage(start: datetime | None, end: datetime | None, by: str, *, as_json: bool) -> None:
    """Show calls, tokens and cost of a period."""
    with connected() as api:
        report = read_report(api, start, end, by)
    if as_json:
        print_json(_plain(report))
    else:
        _print(report)


def read_report(api: Api, start: datetime | None, end: datetime | None, by: str) -> Report:
    """Sum the daily aggregates of a period by one of their keys."""
    asked = {
        "period_start": start and start.date().isoformat(),
        "period_end": end and end.date().isoformat(),
    }
    summary = api.get("telemetry/usage-summary", **asked)
    first, last = summary["period_start"], summary["period_end"]
    rows = api.pages("telemetry/daily-aggregates", limit=PAGE, period_start=first, period_end=last)
    groups, total = _fold(rows, KEYS[by])
    names: dict[str | None, str] = {}
    if by == "integration":
        for one in summary.get("by_integration") or []:
            names[one["integration_id"]] = one["integration_name"]
    return Report(first, last, by, groups, names, total)


def _fold(rows: Iterable[dict[str, Any]], key: str) -> tuple[dict[str | None, Sums], Sums]:
    groups: dict[str | None, Sums] = {}
    total = Sums()
    for row in rows:
        groups.setdefault(row[key], Sums()).add(row)
        total.add(row)
    return groups, total


def _ordered(report: Report) -> list[tuple[str | None, Sums]]:
    """Order days by date and all else by cost, the largest first."""
    items = list(report.groups.items())
    if report.by == "day":
        return sorted(items, key=lambda item: item[0] or "")
    return sorted(items, key=lambda item: (-item[1].cost_nanousd, -item[1].calls, item[0] or ""))


def _plain(report: Report) -> dict[str, Any]:
    items = []
    for key, sums in _ordered(report):
        item: dict[str, Any] = {KEYS[report.by]: key}
        if report.by == "integration":
            item["integration_name"] = report.names.get(key)
        items.append({**item, **asdict(sums), "cost_nanousd": sums.cost()})
    return {
        "period_start": report.start,
        "period_end": report.end,
        "by": report.by,
        "items": items,
        "total": {**asdict(report.total), "cost_nanousd": report.total.cost()},
    }


def _print(report: Report) -> None:
    ordered = _ordered(report)
    measure = "cost" if report.total.cost_nanousd else "tokens"
    largest = max((_size(sums, measure) for _, sums in ordered), default=0)
    columns = [report.by, "calls", "tokens in", "tokens out", "cost", "errors", "blocked"]
    if report.total.unpriced:
        columns.append("no price")
    rows = [
        [*_row(report, _label(report, key), sums), bar(_size(sums, measure), largest)]
        for key, sums in ordered
    ]
    rows.append([*_row(report, "total", report.total), ""])
    click.echo(f"Usage from {report.start} to {report.end}")
    print_table([*columns, f"by {measure}"], rows, numbers=columns[1:])


def _label(report: Report, key: str | None) -> str:
    if key is None:
        return "(none)"
    return report.names.get(key, key)


def _row(report: Report, label: str, sums: Sums) -> list[object]:
    cells = [label, sums.calls, sums.tokens_in, sums.tokens_out, usd(sums.cost())]
    cells += [sums.errors, sums.blocked]
    return [*cells, sums.unpriced] if report.total.unpriced else cells


def _size(sums: Sums, measure: str) -> int:
    return sums.cost_nanousd if measure == "cost" else sums.tokens_in + sums.tokens_out
