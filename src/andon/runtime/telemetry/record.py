"""Record usage: resolve each record's integration, queue it, count what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from operator import not_

from andon import errors
from andon.drivers.telemetry import imports
from andon.engines.tenants.roles import Permission
from andon.runtime.context import Context
from andon.runtime.integrations import Numbers
from andon.runtime.telemetry.intake import Intake
from andon.runtime.telemetry.parcel import Parcel, Receipt, Refusal, Refused, UsageRecord
from andon.runtime.tenants.caller import Caller

_UNKNOWN = Refusal(
    "unknown_integration",
    "no integration of this tenant has this integration_id; create it first, or correct the id",
)


@dataclass(frozen=True, slots=True)
class Recorder:
    """The one way by which usage comes in, whichever door it was reported at."""

    ctx: Context
    intake: Intake
    numbers: Numbers

    async def record_usage(
        self,
        caller: Caller,
        records: Sequence[UsageRecord],
        import_id: str | None = None,
        places: Sequence[int] | None = None,
    ) -> Receipt:
        """Record usage exactly once; the receipt comes after the commit.

        What is refused is named by its place in `places`, by default its place in `records`.
        """
        may_backfill = caller.may(Permission.BACKFILL_USAGE)
        if import_id is not None and may_backfill:
            await self.ctx.run(_require_import, self.ctx, caller, import_id)
        sent_at = range(len(records)) if places is None else places
        numbers = await self._numbers(caller, records)
        refused: list[Refused] = []
        if None in numbers.values():
            unknown = {id_ for id_, number in numbers.items() if number is None}
            good = [record.integration_id not in unknown for record in records]
            refused = [Refused(at, *_UNKNOWN) for at in compress(sent_at, map(not_, good))]
            records, sent_at = list(compress(records, good)), list(compress(sent_at, good))
        integrations = [numbers[record.integration_id] or 0 for record in records]
        parcel = Parcel(caller.tenant, records, integrations, sent_at, import_id, may_backfill)
        if records:
            await self.intake.submit(parcel)
        receipt = parcel.receipt
        receipt.refused += refused
        receipt.refused.sort()
        self._meter(receipt)
        return receipt

    async def _numbers(
        self, caller: Caller, records: Sequence[UsageRecord]
    ) -> dict[str, int | None]:
        found: dict[str, int | None] = {}
        for record in records:
            if record.integration_id not in found:
                number = await self.numbers.number_of(caller.tenant.no, record.integration_id)
                found[record.integration_id] = number
        return found

    def _meter(self, receipt: Receipt) -> None:
        meters = self.ctx.meters
        if receipt.accepted:
            meters.accepted.inc(receipt.accepted)
        if receipt.duplicates:
            meters.duplicates.inc(receipt.duplicates)
        for refused in receipt.refused:
            meters.count_rejected(refused.code)


def _require_import(ctx: Context, caller: Caller, import_id: str) -> None:
    with ctx.db.reading(caller.tenant.no) as tx:
        if imports.read_import(tx, import_id) is None:
            raise errors.UnknownImport
