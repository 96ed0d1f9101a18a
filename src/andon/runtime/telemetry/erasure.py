"""Erase what was recorded of an end user: records go, their sums and dedupe keys stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from andon import errors
from andon.drivers.database import Tx
from andon.drivers.telemetry import corrections, erasure, walking
from andon.drivers.telemetry.overlays import Overlays
from andon.drivers.telemetry.packing import FIELDS
from andon.engines import telemetry
from andon.runtime.audit import record_change
from andon.runtime.context import Context
from andon.runtime.telemetry.voiding import FOLDS
from andon.runtime.tenants.caller import Caller

SECONDS = 5.0
"""How long one request looks for records before it answers with a cursor to go on from."""

_RECORDS_A_STEP = 20_000
_BLOCKS_A_STEP = 100
_FARTHEST = 2**62


@dataclass(slots=True)
class _Search:
    """Blocks of a slot from the one after `at` up to `last`, and what was erased so far."""

    at: int
    last: int
    records: int = 0

    @property
    def is_done(self) -> bool:
        """Tell whether all blocks have been looked at."""
        return self.at >= self.last


def erase_end_user(
    ctx: Context, caller: Caller, end_user: str, cursor: str | None
) -> dict[str, Any]:
    """Erase the records of an end user in the caller's tenant, for some seconds at most.

    Records that are reported from now on are not looked at; the audit row names nobody.
    """
    search = _begun(ctx, caller, cursor)
    deadline = ctx.monotonic() + SECONDS
    while not search.is_done:
        _step(ctx, caller, end_user, search)
        if ctx.monotonic() > deadline:
            break
    if search.is_done and search.records:
        ctx.db.empty_journal()
    return {
        "erased_records": search.records,
        "complete": search.is_done,
        "next_cursor": None if search.is_done else f"{search.at}.{search.last}",
    }


def _begun(ctx: Context, caller: Caller, cursor: str | None) -> _Search:
    if cursor is not None:
        return _read(cursor)
    with ctx.db.reading(caller.tenant.no) as tx:
        return _Search(0, walking.last_block(tx, caller.tenant.slot))


def _read(cursor: str) -> _Search:
    try:
        at, last = map(int, cursor.split("."))
    except ValueError:
        at, last = -1, -1
    if not 0 <= at <= last <= _FARTHEST:
        raise errors.InvalidRequest("cursor must be the next_cursor of this tenant's last answer")
    return _Search(at, last)


def _step(ctx: Context, caller: Caller, end_user: str, search: _Search) -> None:
    """Look at the next blocks, and rewrite those that hold the end user."""
    tenant = caller.tenant
    with ctx.db.reading(tenant.no) as tx:
        seen = walking.read_after(tx, tenant.slot, search.at, search.last, _RECORDS_A_STEP)
    found = [held.block for held in seen if end_user in held.columns["end_user"]]
    for start in range(0, len(found), _BLOCKS_A_STEP):
        search.records += _rewrite(ctx, caller, end_user, found[start : start + _BLOCKS_A_STEP])
    search.at = seen[-1].block if seen else search.last


def _rewrite(ctx: Context, caller: Caller, end_user: str, found: list[int]) -> int:
    tenant, erased = caller.tenant, 0
    with ctx.db.writing(tenant.no) as tx, tx.erasing():
        tx.touch(tenant.slot)
        # Corrections and erasures of a tenant go one after the other.
        corrections.begin(tx)
        for held in walking.read_these(tx, tenant.slot, found):
            taken = [at for at, named in enumerate(held.columns["end_user"]) if named == end_user]
            if taken:
                _erase_in(ctx, tx, caller, held, taken)
                erased += len(taken)
        if erased:
            told = {"records": erased}
            event_id = ctx.new_id(tx.now_us)
            record_change(ctx, tx, caller, tenant, "end_user.erased", event_id, None, told)
    ctx.meters.erased_records.inc(erased)
    return erased


def _erase_in(ctx: Context, tx: Tx, caller: Caller, held: walking.Held, taken: list[int]) -> None:
    slot = caller.tenant.slot
    overlays = Overlays(tx, slot)
    columns = dict(held.columns)
    for name in ("cost_nanousd", "price_ref"):
        columns[name] = list(columns[name])
    overlays.lay_over(held.block, columns)
    voided = overlays.voids(held.block)
    # What was voided is in no sum any more.
    counted = [at for at in taken if columns["seq"][at] not in voided]
    sums = telemetry.recount(
        caller.tenant.no, {name: [columns[name][at] for at in counted] for name in FIELDS}, FOLDS
    )
    erasure.take_out(tx, slot, held, taken)
    erasure.keep_sums(tx, slot, ctx.db.shard, held.block, *sums)
