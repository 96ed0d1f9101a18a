"""Compare a tenant's sums of hours and days with its records, while records keep coming.

Blocks are read in bounded transactions, the last of which reads the sums as well: all in its one
state. What a correction or an erasure did to a block after that was read is taken from their log.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, NamedTuple

from andon.drivers.database import Tx
from andon.drivers.telemetry import books, corrections, walking
from andon.drivers.telemetry.columns import SUMS
from andon.drivers.telemetry.overlays import Overlays
from andon.drivers.telemetry.packing import FIELDS
from andon.drivers.telemetry.walking import Held
from andon.engines import telemetry
from andon.runtime.books.findings import Difference, Findings, Steps
from andon.runtime.books.retained import Retained, retained_at
from andon.runtime.context import Context
from andon.runtime.telemetry.voiding import FOLDS
from andon.runtime.tenants.caller import Tenant

STEP_RECORDS = 4_000
"""Records that one transaction reads, in some twenty milliseconds."""

HASTY_STEPS = 100
"""Steps after what was there at the beginning; then the last transaction reads all the rest."""

_Key = tuple[Any, ...]


class _Read(NamedTuple):
    """Blocks up to this one were read when the log of corrections was at this number."""

    block: int
    no: int


class SumsCheck:
    """Looks through one tenant."""

    def __init__(self, ctx: Context, tenant: Tenant, findings: Findings) -> None:
        self._ctx = ctx
        self._tenant = tenant
        self._findings = findings
        self._total = telemetry.Rollups({}, {})
        self._reads: list[_Read] = []
        self._wrong: list[Difference] = []

    def steps(self) -> Steps:
        """Read and compare."""
        with self._ctx.db.reading(self._tenant.no) as tx:
            began = corrections.latest(tx, self._tenant.slot)
            there = walking.last_block(tx, self._tenant.slot)
        is_done, hasty = False, 0
        while not is_done:
            is_calm = self._after < there
            hasty += not is_calm
            yield is_calm
            is_done = self._step(began, to_the_end=hasty > HASTY_STEPS)
        for difference in self._wrong:
            self._findings.note(difference)

    @property
    def _after(self) -> int:
        return self._reads[-1].block if self._reads else 0

    def _step(self, began: int, *, to_the_end: bool) -> bool:
        """Read some blocks; where they are the last ones, compare."""
        slot = self._tenant.slot
        with self._ctx.db.reading(self._tenant.no, snapshot=True) as tx:
            last, no = walking.last_block(tx, slot), corrections.latest(tx, slot)
            while True:
                page = walking.read_after(tx, slot, self._after, last, STEP_RECORDS)
                if self._add(tx, page) < STEP_RECORDS:
                    break
                self._reads.append(_Read(page[-1].block, no))
                if not to_the_end:
                    return False
            self._add_later_corrections(tx, began)
            self._compare(tx, {**self._total.hourly}, *books.HOURLY)
            self._compare(tx, {**self._total.daily}, *books.DAILY)
            return True

    def _add(self, tx: Tx, page: Sequence[Held]) -> int:
        columns: dict[str, list[Any]] = {name: [] for name in FIELDS}
        overlays, read = Overlays(tx, self._tenant.slot), 0
        for held in page:
            count = len(held.columns["seq"])
            read += count
            if count != held.records:
                self._note("usage", {"block": held.block}, held.records, count)
            overlays.lay_over(held.block, held.columns)
            _extend(columns, held.columns, overlays.voids(held.block).keys())
        part = telemetry.recount(self._tenant.no, columns, FOLDS)
        telemetry.add_rollups(self._total, part)
        self._findings.records += read
        return read

    def _note(self, table: str, key: dict[str, Any], expected: int, found: int) -> None:
        named = {"tenant": self._tenant.id, **key}
        self._wrong.append(Difference(table, named, {"records": expected}, {"records": found}))

    def _add_later_corrections(self, tx: Tx, began: int) -> None:
        ends = [read.block for read in self._reads]
        for one in corrections.corrections_after(tx, self._tenant.slot, began):
            at = bisect_left(ends, one.block)
            if at < len(self._reads) and one.no > self._reads[at].no:
                telemetry.add_rollups(self._total, telemetry.Rollups(one.hourly, one.daily))

    def _compare(self, tx: Tx, left: dict[_Key, list[int]], table: str, erased: str) -> None:
        """Take what the table says from what it should say; what is left differs."""
        slot = self._tenant.slot
        for key, values in books.sums_in(tx, slot, erased):
            _add_to(left, key, values, 1)
        for key, values in books.sums_in(tx, slot, table):
            self._findings.sums += 1
            _add_to(left, key, values, -1)
        retained = retained_at(self._ctx.settings, tx.now_us)
        for key in sorted(key for key, values in left.items() if any(values)):
            if not self._is_explained(retained, table, key, left[key]):
                self._name(tx, table, key, left[key])

    def _is_explained(self, retained: Retained, table: str, key: _Key, missing: list[int]) -> bool:
        """Tell whether records that are not kept any more can have made what is too much."""
        is_old = retained.hour_may_lack if table == "usage_hourly" else retained.day_may_lack
        return is_old(key[1]) and all(value <= 0 for value in missing)

    def _name(self, tx: Tx, table: str, key: _Key, missing: list[int]) -> None:
        found = books.sums_at(tx, self._tenant.slot, table, key)
        expected = [there + more for there, more in zip(found, missing, strict=True)]
        sides = [
            {name: value for name, value, more in zip(SUMS, side, missing, strict=True) if more}
            for side in (expected, found)
        ]
        named = dict(zip(books.names_of(table), key, strict=True)) | {"tenant": self._tenant.id}
        self._wrong.append(Difference(table, named, *sides))


def _extend(columns: dict[str, list[Any]], more: dict[str, list[Any]], voided: Any) -> None:
    if not voided:
        for name, values in more.items():
            columns[name] += values
        return
    places = [place for place, seq in enumerate(more["seq"]) if seq not in voided]
    for name, values in more.items():
        columns[name] += [values[place] for place in places]


def _add_to(sums: dict[_Key, list[int]], key: _Key, values: Sequence[int], sign: int) -> None:
    present = sums.setdefault(key, [0] * len(values))
    for place, value in enumerate(values):
        present[place] += sign * value
