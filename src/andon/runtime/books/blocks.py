"""Compare the numbered blocks of a slot with what its tenants hold of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from andon.drivers.telemetry import books, walking
from andon.drivers.telemetry.books import Numbered
from andon.runtime.books.findings import Difference, Findings, Steps, number_of
from andon.runtime.books.retained import Retained, retained_at
from andon.runtime.context import Context
from andon.runtime.tenants.caller import Tenant

STEP_BLOCKS = 2_000


class BlocksCheck:
    """Looks through one slot; `erased` are the numbers of tenants whose records went as a whole."""

    def __init__(
        self,
        ctx: Context,
        slot: int,
        tenants: Sequence[Tenant],
        erased: frozenset[int],
        findings: Findings,
    ) -> None:
        self._ctx = ctx
        self._slot = slot
        self._numbers = number_of(list(tenants))
        self._known = frozenset(self._numbers)
        self._erased = erased
        self._findings = findings

    def steps(self) -> Steps:
        """Walk from the first number to the last, which the slot gave out last of all."""
        with self._ctx.db.reading(snapshot=True) as tx:
            last = walking.last_block(tx, self._slot)
            highest = books.highest_block(tx, self._slot)
        if highest != last:
            self._note("slots", {}, {"block": highest}, {"block": last})
        for after in range(0, last, STEP_BLOCKS):
            yield True
            self._look(after, min(after + STEP_BLOCKS, last))

    def _look(self, after: int, last: int) -> None:
        with self._ctx.db.reading(*self._numbers, snapshot=True) as tx:
            numbered = books.numbered(tx, self._slot, after, last)
            held = books.held_in(tx, self._slot, after, last)
            retained = retained_at(self._ctx.settings, tx.now_us)
        self._findings.blocks += len(numbered)
        present = {one.block for one in numbered}
        for block in sorted(set(range(after + 1, last + 1)) - present):
            self._note("blocks", {"block": block}, {"records": _all(held.get(block))}, None)
        for one in numbered:
            self._compare(one, held.get(one.block, {}), retained)

    def _compare(self, one: Numbered, held: dict[int, int], retained: Retained) -> None:
        gone = one.tenants - held.keys()
        # A tenant that was made meanwhile cannot be seen here, only in the next pass.
        if gone & self._erased or one.tenants - self._known:
            return
        if one.committed_us < retained.since_us:
            return
        if gone or held.keys() - one.tenants or one.records != _all(held):
            expected = {"records": one.records, "tenants": len(one.tenants)}
            found = {"records": _all(held), "tenants": len(held)}
            self._note("usage", {"block": one.block}, expected, found)

    def _note(
        self, table: str, key: dict[str, Any], expected: Any, found: dict[str, Any] | None
    ) -> None:
        self._findings.note(Difference(table, {"slot": self._slot, **key}, expected, found))


def _all(held: dict[int, int] | None) -> int:
    return sum((held or {}).values())
