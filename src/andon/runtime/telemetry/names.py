"""Bounds the distinct models and agents of a tenant's day, so that rollups cannot explode."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from andon.drivers.database import Tx
from andon.drivers.telemetry import commit
from andon.engines.telemetry import OTHER
from andon.runtime.meters import Meters

_MOST_DAYS = 4_096

Day = tuple[int, int]
"""A tenant's number and the number of its day."""


@dataclass(slots=True)
class _Names:
    known: dict[str, set[str]] = field(default_factory=lambda: {"model": set(), "agent": set()})


class NameBook:
    """Remembers which names a day has been summed under; names only ever come to a day."""

    def __init__(self, bounds: dict[str, int], meters: Meters) -> None:
        self._bounds = bounds
        self._meters = meters
        self._days: OrderedDict[Day, _Names] = OrderedDict()

    def open(self, tx: Tx, slot: int) -> NamesOfGroup:
        """Begin a group; what it adds is remembered only once it is committed."""
        return NamesOfGroup(self, tx, slot)

    def read(self, tx: Tx, slot: int, day: Day) -> _Names:
        """Read a day's names from the store and remember them."""
        names = _Names()
        for kind, name in commit.names_of(tx, slot, *day):
            names.known[kind].add(name)
        self._days[day] = names
        while len(self._days) > _MOST_DAYS:
            self._days.popitem(last=False)
        return names

    def remembered(self, day: Day) -> _Names | None:
        """Give what is remembered of a day, which may lack what other processes added."""
        return self._days.get(day)

    def is_full(self, names: _Names, kind: str, added: int) -> bool:
        """Tell whether a day can take no more names of this kind."""
        return len(names.known[kind]) + added >= self._bounds[kind]

    def folded(self, kind: str, calls: int) -> None:
        """Count records that are summed under (other)."""
        self._meters.folded.labels(kind).inc(calls)


class NamesOfGroup:
    """The names that one group of records is summed under."""

    def __init__(self, book: NameBook, tx: Tx, slot: int) -> None:
        self._book = book
        self._tx = tx
        self._slot = slot
        self._read: dict[Day, _Names] = {}
        self._fresh: dict[tuple[int, int, str], int] = {}
        self.added: dict[tuple[int, int, str, str], None] = {}
        self.folded: set[tuple[int, int, str, str]] = set()

    def name(self, tenant: int, day: int, kind: str, name: str, calls: int) -> str:
        """Answer the name to sum calls under: itself, or (other) where the day is full."""
        if (tenant, day, kind, name) in self.added:
            return name
        names = self._read.get((tenant, day)) or self._book.remembered((tenant, day))
        if names is not None and name in names.known[kind]:
            return name
        if (tenant, day) not in self._read and not (
            names is not None and self._book.is_full(names, kind, 0)
        ):
            names = self._read[tenant, day] = self._book.read(self._tx, self._slot, (tenant, day))
            if name in names.known[kind]:
                return name
        assert names is not None
        fresh = self._fresh.get((tenant, day, kind), 0)
        if self._book.is_full(names, kind, fresh):
            self._book.folded(kind, calls)
            self.folded.add((tenant, day, kind, name))
            return OTHER
        self._fresh[tenant, day, kind] = fresh + 1
        self.added[tenant, day, kind, name] = None
        return name

    def keep(self) -> None:
        """Remember what this group added, now that it is committed."""
        for tenant, day, kind, name in self.added:
            names = self._book.remembered((tenant, day))
            if names is not None:
                names.known[kind].add(name)
