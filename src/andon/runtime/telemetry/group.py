"""One group of usage records in one transaction: judged, deduplicated, priced, summed, written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from andon.drivers.database import Tx
from andon.drivers.telemetry import commit
from andon.drivers.telemetry.columns import Existing, Known, NewKey, Written
from andon.engines import pricing, telemetry
from andon.engines.tenants import calendar
from andon.models.ids import uuid7_series
from andon.runtime.context import Context
from andon.runtime.telemetry.names import NameBook
from andon.runtime.tenants.caller import Tenant

STATED = "stated"
_MINUTE_US = 60 * telemetry.SECOND_US


class UsageRecord(telemetry.Reported, Protocol):
    """A decoded usage record, texts already masked, JSON parts already checked."""

    integration_id: str
    session_id: str | None
    tokens_cache_read: int | None
    tokens_cache_write: int | None
    tokens_reasoning: int | None
    usage_source: str
    policy_id: str | None
    end_user: str | None
    occurred_at_us: int | None
    metadata_json: str | None
    request_json: str | None
    labels_json: str | None


@dataclass(frozen=True, slots=True)
class Submitted:
    """A record on its way into the store, with what is known of its sender."""

    tenant: Tenant
    integration: int
    record: UsageRecord
    import_id: str | None = None
    may_backfill: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one record: `accepted`, `duplicate` or `rejected`."""

    status: str
    id: bytes = b""
    code: str = ""
    message: str = ""


_CONFLICT = Outcome(
    "rejected",
    code="call_id_conflict",
    message="this call_id was reported before with another integration, provider, model, token "
    "count or stated cost; the first record stays",
)


@dataclass(slots=True)
class _Candidate:
    place: int
    submitted: Submitted
    occurred_us: int
    key: NewKey


class Group:
    """Turns submitted records into rows and outcomes; lives for one transaction."""

    def __init__(
        self, ctx: Context, tx: Tx, slot: int, names: NameBook, group: Sequence[Submitted]
    ) -> None:
        self._ctx = ctx
        self._tx = tx
        self._slot = slot
        self._names = names.open(tx, slot)
        self._group = group
        self.outcomes: list[Outcome | None] = [None] * len(group)
        self._first: dict[tuple[int, bytes], _Candidate] = {}
        self._again: list[_Candidate] = []
        self._ids = uuid7_series(tx.now_us, ctx.random(8 * len(group)))
        self._prices: dict[tuple[str, str, int], pricing.PriceRow | None] = {}
        self._received_day = tx.now_us // telemetry.DAY_US
        settings = ctx.settings
        self._earliest_us = tx.now_us - settings.dedupe_horizon_days * telemetry.DAY_US
        self._latest_us = tx.now_us + settings.future_tolerance_seconds * telemetry.SECOND_US

    def commit(self) -> list[Outcome]:
        """Write what is new and give every record its outcome, in order."""
        for place, submitted in enumerate(self._group):
            self._judge(place, submitted)
        keys = [candidate.key for candidate in self._first.values()]
        if keys:
            commit.commit_group(self._tx, self._slot, keys, self._build)
        return [outcome for outcome in self.outcomes if outcome is not None]

    def keep(self) -> None:
        """Remember what only a commit makes true."""
        self._names.keep()

    def _judge(self, place: int, submitted: Submitted) -> None:
        record = submitted.record
        occurred_us = record.occurred_at_us
        if occurred_us is None:
            occurred_us = self._tx.now_us
        backfill_month = None
        if not self._earliest_us <= occurred_us <= self._latest_us:
            timing = self._timing(submitted, occurred_us)
            if timing.refusal is not None:
                refused = Outcome("rejected", code=timing.refusal, message=timing.message)
                self.outcomes[place] = refused
                return
            backfill_month = _month(submitted.tenant, occurred_us)
        key = NewKey(
            submitted.tenant.no,
            telemetry.key_of(record.call_id),
            telemetry.content_of(record, submitted.integration),
            record.cost_stated_nanousd,
            self._ids[place],
            self._received_day,
            backfill_month,
        )
        candidate = _Candidate(place, submitted, occurred_us, key)
        if self._first.setdefault((key.tenant, key.key), candidate) is not candidate:
            self._again.append(candidate)

    def _timing(self, submitted: Submitted, occurred_us: int) -> telemetry.Timing:
        settings = self._ctx.settings
        return telemetry.judge_time(
            occurred_us,
            self._tx.now_us,
            horizon_days=settings.dedupe_horizon_days,
            tolerance_seconds=settings.future_tolerance_seconds,
            has_import=submitted.import_id is not None,
            may_backfill=submitted.may_backfill,
        )

    def _build(self, known: Known) -> Written:
        fresh = []
        for place, candidate in self._first.items():
            existing = known.get(place)
            if existing is None:
                fresh.append(candidate)
                self.outcomes[candidate.place] = Outcome("accepted", candidate.key.id)
            else:
                self.outcomes[candidate.place] = _compare(existing, candidate.key)
        for candidate in self._again:
            first = self._first[candidate.key.tenant, candidate.key.key].key
            stays = known.get((first.tenant, first.key)) or Existing(
                first.content, first.cost_stated_nanousd, first.id
            )
            self.outcomes[candidate.place] = _compare(stays, candidate.key)
        return self._written(fresh)

    def _written(self, fresh: list[_Candidate]) -> Written:
        usage, texts, counted = [], [], []
        for seq, candidate in enumerate(fresh):
            submitted = candidate.submitted
            cost, ref = self._cost(submitted.record, candidate.occurred_us)
            day = calendar.local_day(submitted.tenant.zones, candidate.occurred_us)
            usage.append(self._row(seq, candidate, day, cost, ref))
            if submitted.record.error_message:
                message = submitted.record.error_message
                texts.append((submitted.tenant.no, seq, self._tx.now_us, message))
            counted.append(
                telemetry.Counted(
                    submitted.tenant.no,
                    submitted.integration,
                    day,
                    candidate.occurred_us,
                    submitted.record,
                    cost,
                )
            )
        return self._with_sums(usage, texts, counted)

    def _with_sums(
        self, usage: list[Any], texts: list[Any], counted: list[telemetry.Counted]
    ) -> Written:
        sums = telemetry.roll_up(counted, self._tx.now_us, self._names.name)
        shard = self._ctx.db.shard
        return Written(
            usage,
            texts,
            [(*key, shard, *values) for key, values in sums.hourly.items()],
            [(*key, shard, *values) for key, values in sums.daily.items()],
            [(*key, shard, calls) for key, calls in sums.recent.items()],
            list(self._names.added),
        )

    def _cost(self, record: UsageRecord, occurred_us: int) -> tuple[int | None, str | None]:
        if record.cost_stated_nanousd is not None:
            return record.cost_stated_nanousd, STATED
        if record.policy_result == "blocked" and not record.tokens_in and not record.tokens_out:
            return 0, None
        row = self._price_row(record, occurred_us)
        if row is None:
            self._ctx.meters.unpriced.inc()
            return None, None
        cost = pricing.price(
            row.rates,
            tokens_in=record.tokens_in,
            tokens_out=record.tokens_out,
            tokens_cache_read=record.tokens_cache_read,
            tokens_cache_write=record.tokens_cache_write,
            tokens_reasoning=record.tokens_reasoning,
        )
        return cost, row.ref

    def _price_row(self, record: UsageRecord, occurred_us: int) -> pricing.PriceRow | None:
        # Prices change on whole minutes at the finest, so one look-up serves a minute's records.
        place = (record.provider, record.model, occurred_us // _MINUTE_US)
        try:
            return self._prices[place]
        except KeyError:
            found = self._ctx.prices.find(record.provider, record.model, occurred_us)
            self._prices[place] = found
            return found

    def _row(
        self, seq: int, candidate: _Candidate, day: int, cost: int | None, ref: str | None
    ) -> tuple[Any, ...]:
        submitted = candidate.submitted
        record = submitted.record
        return (
            submitted.tenant.no,
            seq,
            candidate.key.id,
            self._tx.now_us,
            candidate.occurred_us,
            day,
            submitted.integration,
            record.call_id,
            record.session_id,
            record.agent_id,
            record.provider,
            record.model,
            record.tokens_in,
            record.tokens_out,
            record.tokens_cache_read,
            record.tokens_cache_write,
            record.tokens_reasoning,
            cost,
            ref,
            record.usage_source,
            record.latency_ms,
            record.policy_result,
            record.policy_id,
            record.status_code,
            record.error_code,
            record.error_class,
            record.end_user,
            submitted.import_id,
            record.metadata_json,
            record.request_json,
            record.labels_json,
        )


def _month(tenant: Tenant, occurred_us: int) -> int:
    return calendar.month_of(calendar.local_day(tenant.zones, occurred_us))[0]


def _compare(existing: Existing, again: NewKey) -> Outcome:
    if telemetry.is_conflict(
        existing.content, again.content, existing.cost_stated_nanousd, again.cost_stated_nanousd
    ):
        return _CONFLICT
    return Outcome("duplicate", existing.id)
