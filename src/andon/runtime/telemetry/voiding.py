"""Void a usage record: it stays as it is, and a counter-entry takes it out of the sums."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from andon import errors
from andon.drivers.telemetry import corrections, records
from andon.drivers.telemetry.overlays import Void
from andon.drivers.telemetry.packing import AGENT_FOLDED, FIELDS, HAD_TEXT, MODEL_FOLDED
from andon.engines import telemetry
from andon.runtime.audit import record_change
from andon.runtime.context import Context
from andon.runtime.telemetry.reports import shown_void
from andon.runtime.tenants.caller import Caller

Row = dict[str, Any]

FOLDS = (MODEL_FOLDED, AGENT_FOLDED, HAD_TEXT)
KIND = "void"


def read_record(ctx: Context, caller: Caller, record_id: str) -> Row:
    """Find a record of the caller's tenant; NotFound for what is no id of one."""
    with ctx.db.reading(caller.tenant.no) as tx:
        found = records.find_record(tx, caller.tenant.slot, _bytes(record_id))
    if found is None:
        raise errors.NotFound
    return found


def _bytes(record_id: str) -> bytes:
    try:
        return UUID(record_id).bytes
    except ValueError:
        raise errors.NotFound from None


def void_record(ctx: Context, caller: Caller, record_id: str, reason: str) -> Row:
    """Take a record out of the sums; its call_id stays taken."""
    id_, tenant = _bytes(record_id), caller.tenant
    with ctx.db.writing(tenant.no) as tx:
        corrections.begin(tx)
        found = records.find_record(tx, tenant.slot, id_)
        if found is None:
            raise errors.NotFound
        if found["void"] is not None:
            raise errors.AlreadyVoided
        void = Void(found["seq"], reason, caller.principal_id, tx.now_us)
        corrections.insert_void(tx, tenant.slot, id_, found["block"], void)
        taken = telemetry.Rollups({}, {})
        columns = {name: [found[name]] for name in FIELDS}
        telemetry.add_rollups(taken, telemetry.recount(tenant.no, columns, FOLDS), -1)
        corrections.apply(tx, tenant.slot, ctx.db.shard, found["block"], KIND, *taken)
        shown = shown_void(void)
        counted = {name: found[name] for name in ("call_id", "model", "cost_nanousd")}
        record_change(ctx, tx, caller, tenant, "usage.voided", str(UUID(bytes=id_)), counted, shown)
    return {"id": str(UUID(bytes=id_)), "call_id": found["call_id"], "voided": shown}
