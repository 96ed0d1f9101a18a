"""Compare the dedupe keys of a slot with its records, both as they are in one state.

A first pass compares sums of digests and says in which parts the sets differ, a second one names
what differs in these. Keys past the horizon may be dropped and are left out; so are blocks of
which something was erased, whose keys stay.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from andon.drivers import tenants as directory
from andon.drivers.database import Tx
from andon.drivers.telemetry import books, walking
from andon.drivers.telemetry.columns import NO_COST
from andon.drivers.telemetry.keyindex import Entries
from andon.drivers.telemetry.records import record_id
from andon.drivers.telemetry.walking import Held
from andon.engines import telemetry
from andon.models.ids import uuid7
from andon.runtime.books.findings import Difference, Findings, Steps
from andon.runtime.books.retained import retained_at
from andon.runtime.books.sums import STEP_RECORDS
from andon.runtime.books.tally import Known, Lookout, Tally, halves_of_ids
from andon.runtime.context import Context
from andon.runtime.telemetry.costs import STATED
from andon.runtime.tenants.caller import Tenant

_MARGIN_US = 6 * 3_600_000_000
"""A pass takes less, so that no key that it asks for can pass the horizon meanwhile."""

_ROUNDS = 5
_TRIES = 3
_MOST_PARTS = 32
"""Parts in which differences are named: one in 128 of all keys is held in memory then."""

_Words = NDArray[np.uint64]
_Add = Callable[[Entries, int], None]
_Take = Callable[[Entries], None]


class KeysCheck:
    """Looks through one slot: all of its tenants, or those that are given."""

    def __init__(
        self, ctx: Context, slot: int, tenants: Sequence[Tenant] | None, findings: Findings
    ) -> None:
        self._ctx = ctx
        self._slot = slot
        self._given = tenants
        self._findings = findings
        self._named = {tenant.no: tenant for tenant in tenants or ()}
        self._ends: dict[int, int] = {}
        self._since: bytes = b""
        self._left_out: _Words = np.zeros(0, np.uint64)
        self._erased: tuple[Any, ...] = ()

    def steps(self) -> Steps:
        """Compare, and name what differs."""
        for _ in range(_TRIES):
            tally = Tally()
            settled = yield from self._pass(tally.add, tally.take)
            if not settled:
                continue
            uneven = tally.uneven()
            if not uneven:
                return
            lookout = Lookout(uneven[:_MOST_PARTS])
            settled = yield from self._pass(lookout.add, lookout.take)
            if settled:
                self._name(lookout, len(uneven))
                return
        self._findings.unsettled += 1

    def _pass(self, add: _Add, take: _Take) -> Any:
        """Read all records, then the keys in the state in which the last records were read."""
        self._ends = {}
        self._begin()
        for number in range(_ROUNDS):
            read = 0
            for tenant in self._tenants():
                while True:
                    yield number == 0
                    count = self._read_some(tenant, add)
                    read += count
                    if count < STEP_RECORDS:
                        break
            if read < STEP_RECORDS:
                break
        yield False
        return self._end(add, take)

    def _begin(self) -> None:
        with self._reading(self._tenants()) as tx:
            horizon_us = self._ctx.settings.dedupe_horizon_days * telemetry.DAY_US
            since_us = max(
                tx.now_us - horizon_us + _MARGIN_US,
                retained_at(self._ctx.settings, tx.now_us + _MARGIN_US).since_us,
                0,
            )
            self._since = uuid7(since_us, bytes(9)).bytes
            self._erased = self._erasures(tx)
            self._left_out = self._to_leave_out(tx, since_us)

    def _reading(self, tenants: Sequence[Tenant]) -> Any:
        numbers = (tenant.no for tenant in tenants)
        return self._ctx.db.reading(*numbers, directory=True, snapshot=True)

    def _tenants(self) -> list[Tenant]:
        if self._given is not None:
            return list(self._given)
        with self._ctx.db.reading(directory=True) as tx:
            return self._listed(tx)

    def _listed(self, tx: Tx) -> list[Tenant]:
        rows = [row for row in directory.every_tenant(tx) if row["slot"] == self._slot]
        found = [Tenant.of_row(row) for row in rows]
        self._named.update((tenant.no, tenant) for tenant in found)
        return found

    def _erasures(self, tx: Tx) -> tuple[Any, ...]:
        rows = directory.every_tenant(tx)
        gone = sorted(row["tenant"] for row in rows if row["erase_us"] is not None)
        return (*books.erased_so_far(tx, self._slot), *gone)

    def _to_leave_out(self, tx: Tx, since_us: int) -> _Words:
        """Give the first 8 bytes of the ids of blocks of which something was erased."""
        heads = [head[:8] for head in books.erased_heads(tx, self._slot)]
        gone = frozenset(self._erased[2:])
        if gone:
            before = walking.block_before(tx, self._slot, since_us)
            last = walking.last_block(tx, self._slot)
            listed = books.numbered(tx, self._slot, before, last)
            heads += [
                uuid7(one.committed_us, bytes(9)).bytes[:8] for one in listed if one.tenants & gone
            ]
        return np.unique(np.frombuffer(b"".join(heads), ">u8").astype(np.uint64))

    def _read_some(self, tenant: Tenant, add: _Add) -> int:
        with self._reading([tenant]) as tx:
            return self._read(tx, tenant, walking.last_block(tx, self._slot), add)

    def _read(self, tx: Tx, tenant: Tenant, last: int, add: _Add) -> int:
        after = self._ends.get(tenant.no, 0)
        read = 0
        for held in walking.read_after(tx, self._slot, after, last, STEP_RECORDS):
            read += len(held.columns["seq"])
            if held.id >= self._since:
                add(self._kept(_entries_of(tenant.no, held)), tenant.no)
            self._ends[tenant.no] = held.block
        return read

    def _end(self, add: _Add, take: _Take) -> bool:
        """Read the last records and the keys; False where an erasure came between."""
        with self._reading(self._tenants()) as tx:
            if self._erasures(tx) != self._erased:
                return False
            last = walking.last_block(tx, self._slot)
            for tenant in self._listed(tx) if self._given is None else self._given:
                if tenant.no in tx.tenants or tx.dialect == "sqlite":
                    narrow = replace(tx, tenants=(tenant.no,))
                    while self._read(narrow, tenant, last, add) >= STEP_RECORDS:
                        pass
            for entries in books.keys_in(tx, self._slot, self._since):
                self._findings.keys += len(entries)
                take(self._kept(entries))
        return True

    def _kept(self, entries: Entries) -> Entries:
        """Leave out what is past the horizon, and blocks of which something was erased."""
        if not len(entries):
            return entries
        first, _ = halves_of_ids(entries)
        kept = first >= np.uint64(int.from_bytes(self._since[:8]))
        if len(self._left_out):
            kept &= ~np.isin(first, self._left_out)
        return entries if kept.all() else entries[kept]

    def _name(self, lookout: Lookout, parts: int) -> None:
        for key in sorted(lookout.ours.keys() | lookout.theirs.keys()):
            tenant, ours = lookout.ours.get(key, (0, []))
            theirs = lookout.theirs.get(key, [])
            if sorted(ours, key=str) != sorted(theirs, key=str):
                named: dict[str, Any] = {"slot": self._slot, "key": key.hex()}
                if tenant in self._named:
                    named["tenant"] = self._named[tenant].id
                table = "usage" if len(ours) > 1 else "usage_keys"
                self._findings.note(Difference(table, named, _side(ours), _side(theirs)))
        # Each of the parts that were not looked through has a difference at least.
        self._findings.count += max(0, parts - _MOST_PARTS)


def _side(known: list[Known]) -> dict[str, Any] | None:
    if not known:
        return None
    side: dict[str, Any] = known[0]._asdict()
    return {**side, "times": len(known)} if len(known) > 1 else side


def _entries_of(tenant: int, held: Held) -> Entries:
    columns = held.columns
    names = list(zip(columns["integration"], columns["provider"], columns["model"], strict=True))
    bases = {name: telemetry.content_base(*name) for name in dict.fromkeys(names)}
    contents = telemetry.contents_of(
        np.array([bases[name] for name in names], np.uint64),
        np.array(columns["tokens_in"], np.int64),
        np.array(columns["tokens_out"], np.int64),
    )
    stated = zip(columns["price_ref"], columns["cost_nanousd"], strict=True)
    return books.packed(
        telemetry.keys_of(tenant, columns["call_id"]),
        contents,
        [cost if ref == STATED else NO_COST for ref, cost in stated],
        [record_id(held.id, seq) for seq in columns["seq"]],
    )
