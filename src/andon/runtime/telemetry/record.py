"""Record usage: resolve each record's integration, queue it, count what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from andon import errors
from andon.drivers.telemetry import imports
from andon.engines.tenants.roles import Permission
from andon.runtime.context import Context
from andon.runtime.integrations import Numbers
from andon.runtime.telemetry.group import Outcome, Submitted, UsageRecord
from andon.runtime.telemetry.intake import Intake
from andon.runtime.tenants.caller import Caller

_UNKNOWN = Outcome(
    "rejected",
    code="unknown_integration",
    message="no integration of this tenant has this integration_id; create it first, or correct "
    "the id",
)


@dataclass(frozen=True, slots=True)
class Recorder:
    """The one way by which usage comes in, whichever door it was reported at."""

    ctx: Context
    intake: Intake
    numbers: Numbers

    async def record_usage(
        self, caller: Caller, records: Sequence[UsageRecord], import_id: str | None = None
    ) -> list[Outcome]:
        """Record usage exactly once; answers in order, after the commit."""
        may_backfill = caller.may(Permission.BACKFILL_USAGE)
        if import_id is not None and may_backfill:
            await self.ctx.run(_require_import, self.ctx, caller, import_id)
        outcomes: list[Outcome | None] = [None] * len(records)
        places, submitted = [], []
        numbers = await self._numbers(caller, records)
        for place, record in enumerate(records):
            number = numbers[record.integration_id]
            if number is None:
                outcomes[place] = _UNKNOWN
                continue
            places.append(place)
            submitted.append(Submitted(caller.tenant, number, record, import_id, may_backfill))
        for place, outcome in zip(places, await self.intake.submit(submitted), strict=True):
            outcomes[place] = outcome
        done = [outcome for outcome in outcomes if outcome is not None]
        self._meter(done)
        return done

    async def _numbers(
        self, caller: Caller, records: Sequence[UsageRecord]
    ) -> dict[str, int | None]:
        found: dict[str, int | None] = {}
        for record in records:
            if record.integration_id not in found:
                number = await self.numbers.number_of(caller.tenant.no, record.integration_id)
                found[record.integration_id] = number
        return found

    def _meter(self, outcomes: Sequence[Outcome]) -> None:
        counts: dict[tuple[str, str], int] = {}
        for outcome in outcomes:
            place = (outcome.status, outcome.code)
            counts[place] = counts.get(place, 0) + 1
        for (status, code), count in counts.items():
            self.ctx.meters.records.labels(status).inc(count)
            if code:
                self.ctx.meters.rejected.labels(code).inc(count)


def _require_import(ctx: Context, caller: Caller, import_id: str) -> None:
    with ctx.db.reading(caller.tenant.no) as tx:
        if imports.read_import(tx, import_id) is None:
            raise errors.UnknownImport
