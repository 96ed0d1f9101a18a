"""Bugs that are planted to see that they are found."""

from __future__ import annotations

from collections.abc import Sequence

from andon.drivers.database import Tx
from andon.drivers.telemetry.columns import HOURLY_KEY, Claim, Known, Written
from andon.drivers.telemetry.sqlite import SqliteLedger

# A row's slot is put before it when it is written.
_CALLS = len(HOURLY_KEY) - 1


class KeepsBeforeCommit(SqliteLedger):
    """Remembers keys whose commit may yet fail, and does not look again when it does."""

    def write(self, tx: Tx, slot: int, claim: Claim, fresh: Sequence[bool], rows: Written) -> int:
        block = super().write(tx, slot, claim, fresh, rows)
        self.keep()
        return block

    def doubt(self) -> None:
        """Doubt nothing."""


class AddsAgainAfterRetry(SqliteLedger):
    """Still holds the keys of a group that failed when the next group is kept."""

    def claim(self, tx: Tx, slot: int, claim: Claim) -> Known:
        stale = self._added
        known = super().claim(tx, slot, claim)
        self._added = stale
        return known

    def doubt(self) -> None:
        """Doubt nothing."""


class NeverDoubts(SqliteLedger):
    """Takes a commit that was not confirmed for one that was not made."""

    def doubt(self) -> None:
        """Doubt nothing."""


class SumsDuplicates(SqliteLedger):
    """Counts a call that was reported again in the sums of its hour."""

    def write(self, tx: Tx, slot: int, claim: Claim, fresh: Sequence[bool], rows: Written) -> int:
        again = len(fresh) - sum(fresh)
        if again:
            first, *rest = rows.hourly
            counted = (*first[:_CALLS], first[_CALLS] + again, *first[_CALLS + 1 :])
            rows = rows._replace(hourly=[counted, *rest])
        return super().write(tx, slot, claim, fresh, rows)
