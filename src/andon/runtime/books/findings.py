"""What verification has found so far."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from andon.runtime.tenants.caller import Tenant

MOST_NAMED = 100
"""Differences that are named; the others are counted."""

Steps = Iterator[bool]
"""Work in bounded steps, with no transaction open between two of them.

Each tells whether the next one may take its time: who has read what was there at the beginning
must keep up with what comes.
"""


class Difference(NamedTuple):
    """A row that is not what the records say: its table, its key, and both sides."""

    table: str
    key: Mapping[str, Any]
    expected: Mapping[str, Any] | None
    found: Mapping[str, Any] | None


@dataclass(slots=True)
class Findings:
    """What was looked at, and what differs."""

    records: int = 0
    sums: int = 0
    keys: int = 0
    blocks: int = 0
    unsettled: int = 0
    count: int = 0
    named: list[Difference] = field(default_factory=list)

    def note(self, difference: Difference) -> None:
        """Count a difference, and name it where there is room."""
        self.count += 1
        if len(self.named) < MOST_NAMED:
            self.named.append(difference)

    def shown(self) -> dict[str, Any]:
        """Describe what was found."""
        return {
            "balanced": self.count == 0 and self.unsettled == 0,
            "differences": [one._asdict() for one in self.named],
            "difference_count": self.count,
            "records": self.records,
            "sums": self.sums,
            "keys": self.keys,
            "blocks": self.blocks,
            "unsettled": self.unsettled,
        }


def number_of(tenants: list[Tenant]) -> tuple[int, ...]:
    """Give the numbers of tenants, as a transaction takes them."""
    return tuple(tenant.no for tenant in tenants)
