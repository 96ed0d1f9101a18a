"""What the server's sums say before and after a file, so that its cost can be told."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from andon.cli.connection import Api, Refused
from andon.cli.ingest.entries import Entry
from andon.cli.usage import PAGE, Sums

_DAY = timedelta(days=1)
_EARLIEST = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Days:
    """The sums of some days of the tenant, both included."""

    first: str
    last: str
    sums: Sums = field(default_factory=Sums)


@dataclass(slots=True)
class Costs:
    """Remembers each day's cost from before its first record is sent."""

    api: Api
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    may_read: bool = True
    _before: Sums = field(default_factory=Sums)
    _first: date | None = None
    _last: date | None = None

    def note(self, entries: Iterable[Entry]) -> None:
        """Read the sums of days that these entries may change, unless they are known."""
        days = [(one.occurred_at or self.now).date() for one in entries]
        # A UTC day touches up to three days of the tenant. What is still to come is refused.
        first = max(min(days), _EARLIEST + _DAY) - _DAY
        last = min(max(days), self.now.date() + _DAY) + _DAY
        if not self.may_read or first > last:
            return
        if self._first is None or self._last is None:
            self._first, self._last = first, last
            self._remember(first, last)
            return
        if first < self._first:
            self._remember(first, self._first - _DAY)
            self._first = first
        if last > self._last:
            self._remember(self._last + _DAY, last)
            self._last = last

    def _remember(self, first: date, last: date) -> None:
        found = self._sums(first, last)
        if found is not None:
            self._before.cost_nanousd += found.cost_nanousd
            self._before.unpriced += found.unpriced

    def added_nanousd(self, accepted: int) -> int | None:
        """Tell by how much the cost of these days has grown; None when that is not known.

        It is not known without the right to read, nor when none of the new calls has a price.
        """
        if self._first is None or self._last is None:
            return 0 if self.may_read else None
        found = self._sums(self._first, self._last)
        if found is None or 0 < accepted <= found.unpriced - self._before.unpriced:
            return None
        return found.cost_nanousd - self._before.cost_nanousd

    def _sums(self, first: date, last: date) -> Sums | None:
        """Sum days of the tenant over all integrations; None when this key may not read them."""
        sums = Sums()
        period = {"period_start": first.isoformat(), "period_end": last.isoformat()}
        try:
            for row in self.api.pages("telemetry/usage-history", limit=PAGE, **period):
                sums.add(row)
        except Refused as refused:
            if refused.code != "not_allowed":
                raise
            self.may_read = False
            return None
        return sums

    def of_days(self, first: datetime, last: datetime, integrations: Collection[str]) -> Days:
        """Sum the tenant's days between two moments for some integrations."""
        tenant = self.api.get("telemetry/usage-summary")["tenant_id"]
        zone = ZoneInfo(self.api.get(f"tenants/{tenant}")["time_zone"])
        local = [moment.astimezone(zone).date().isoformat() for moment in (first, last)]
        days = Days(local[0], local[1])
        rows = self.api.pages(
            "telemetry/daily-aggregates",
            limit=PAGE,
            period_start=days.first,
            period_end=days.last,
            integration_id=next(iter(integrations)) if len(integrations) == 1 else None,
        )
        for row in rows:
            if row["integration_id"] in integrations:
                days.sums.add(row)
        return days
