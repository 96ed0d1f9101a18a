"""What became of a file's records so far."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from andon.cli.failures import one_line
from andon.cli.ingest.entries import Bad, Entry

EXAMPLES = 5
_LONGEST_MESSAGE = 200
_INTEGRATIONS = 10_000


@dataclass(frozen=True, slots=True)
class Sent:
    """The answer to one batch."""

    entries: tuple[Entry, ...]
    accepted: int
    duplicates: int
    rejected: tuple[Bad, ...]


@dataclass(slots=True)
class Tally:
    """Counts of everything that was read; bounded, whatever the file's size."""

    read: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    skipped: int = 0
    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    examples: list[Bad] = field(default_factory=list)
    integrations: dict[str, None] = field(default_factory=dict)
    first: datetime | None = None
    last: datetime | None = None

    def refuse(self, bad: Bad) -> None:
        """Count a record that was not taken; the examples are the first of the file."""
        self.rejected += 1
        code = one_line(bad.code)[:100]
        self.reasons[code] += 1
        shown = Bad(bad.number, code, one_line(bad.message)[:_LONGEST_MESSAGE])
        earliest = heapq.nsmallest(EXAMPLES, [*self.examples, shown], key=lambda one: one.number)
        self.examples = earliest

    def take(self, sent: Sent, now: datetime) -> None:
        """Count a batch by the server's answer; a record without a time counts as of now."""
        self.accepted += sent.accepted
        self.duplicates += sent.duplicates
        for bad in sent.rejected:
            self.refuse(bad)
        refused = {bad.number for bad in sent.rejected}
        self._count((one for one in sent.entries if one.number not in refused), now)

    def _count(self, entries: Iterable[Entry], now: datetime) -> None:
        for entry in entries:
            self.calls += 1
            self.tokens_in += entry.tokens_in
            self.tokens_out += entry.tokens_out
            if len(self.integrations) < _INTEGRATIONS:
                self.integrations[entry.integration_id] = None
            moment = (entry.occurred_at or now).astimezone(UTC)
            self.first = min(self.first or moment, moment)
            self.last = max(self.last or moment, moment)

    def told(self) -> str:
        """Tell in words how far it came."""
        return f"{self.accepted + self.duplicates:,} records were recorded"
