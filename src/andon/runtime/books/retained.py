"""From which month on single records are kept, and so which sums can be told from them."""

from __future__ import annotations

from dataclasses import dataclass

from andon.engines.telemetry import DAY_US, HOUR_US, SECOND_US
from andon.runtime import retention
from andon.settings import Settings


@dataclass(frozen=True, slots=True)
class Retained:
    """Records that were received from this instant on are there; 0: all of them.

    Calls are stored up to the tolerance before they happen, and no time zone is a day off.
    """

    since_us: int
    tolerance_us: int

    def hour_may_lack(self, hour: int) -> bool:
        """Tell whether records of this hour (UTC, since 1970) may have been dropped."""
        return self.since_us > 0 and hour * HOUR_US <= self.since_us + self.tolerance_us

    def day_may_lack(self, day: int) -> bool:
        """Tell whether records of this day of a tenant may have been dropped."""
        return self.since_us > 0 and (day - 1) * DAY_US <= self.since_us + self.tolerance_us


def retained_at(settings: Settings, now_us: int) -> Retained:
    """Find what is retained at this time, by the month of receipt."""
    first = retention.first_month_kept(settings, now_us)
    since_us = retention.month_start_us(first) if first else 0
    return Retained(since_us, settings.future_tolerance_seconds * SECOND_US)
