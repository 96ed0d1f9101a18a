"""One group of usage records in one transaction: judged, deduplicated, priced, summed, written.

A group is worked on by column: a step does its part for all records at once, so that a record
costs a few microseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, compress
from operator import not_

import numpy as np

from andon.drivers.database import Tx
from andon.drivers.telemetry.columns import KEPT, NO_COST, Claim, Existing, Known
from andon.drivers.telemetry.commit import Ledger
from andon.engines import pricing, telemetry
from andon.models.ids import uuid7_bytes
from andon.runtime.context import Context
from andon.runtime.telemetry.batch import Batch, Flags, Integers, Spot
from andon.runtime.telemetry.names import NameBook
from andon.runtime.telemetry.parcel import Parcel, Receipt, Refusal, Refused
from andon.runtime.telemetry.rows import Fresh

_CONFLICT = Refusal(
    "call_id_conflict",
    "this call_id was reported before with another integration, provider, model, token "
    "count or stated cost; the first record stays",
)


class Group:
    """Turns parcels into rows and receipts; lives for one transaction."""

    def __init__(
        self, ctx: Context, tx: Tx, slot: int, names: NameBook, parcels: Sequence[Parcel]
    ) -> None:
        self._ctx = ctx
        self._tx = tx
        self._slot = slot
        self._names = names.open(tx, slot)
        ctx.prices.refresh(tx, tx.tenants, ctx.monotonic())
        self._step_us = ctx.prices.step_us
        self._batch = Batch.of(parcels, tx.now_us, self._step_us)
        self._id = uuid7_bytes(tx.now_us, ctx.random(9))[:14]
        self._contents = self._batch.contents()
        self._unpriced = 0
        self._generations = [tx.now_us // telemetry.DAY_US] * len(self._batch)
        for parcel in parcels:
            parcel.receipt = Receipt()

    def commit(self, ledger: Ledger) -> None:
        """Write what is new and fill in every parcel's receipt."""
        firsts, agains = self._split(self._judge_times())
        if not firsts:
            return
        claim = self._claim(firsts)
        known = ledger.claim(self._tx, self._slot, claim)
        is_new = [key not in known for key in claim.keys] if known else [True] * len(firsts)
        fresh = np.zeros(len(self._batch), np.bool_)
        fresh[list(compress(firsts, is_new))] = True
        if known or agains:
            before = self._first_reports(firsts, agains) | known
            self._compare(chain(compress(firsts, map(not_, is_new)), agains), before)
        if fresh.any():
            news = Fresh(self._batch, fresh, self._price)
            self._unpriced = int(news.costs.is_unpriced.sum())
            rows = news.write(
                self._id + b"\0\0", self._tx.now_us, self._step_us, self._names, self._ctx.db.shard
            )
            ledger.write(self._tx, self._slot, claim, is_new, rows)
        self._count(fresh)

    def keep(self) -> None:
        """Remember and count what only a commit makes true."""
        self._names.keep()
        self._ctx.meters.unpriced.inc(self._unpriced)

    def _judge_times(self) -> Flags:
        """Refuse what is not in time; find the backfills."""
        settings, now_us, occurred = self._ctx.settings, self._tx.now_us, self._batch.occurred_us
        timely = (occurred >= now_us - settings.dedupe_horizon_days * telemetry.DAY_US) & (
            occurred <= now_us + settings.future_tolerance_seconds * telemetry.SECOND_US
        )
        for place in np.flatnonzero(~timely).tolist():
            parcel, sent_at = self._batch.parcel_of(place)
            timing = telemetry.judge_time(
                int(occurred[place]),
                now_us,
                horizon_days=settings.dedupe_horizon_days,
                tolerance_seconds=settings.future_tolerance_seconds,
                has_import=parcel.import_id is not None,
                may_backfill=parcel.may_backfill,
            )
            if timing.refusal is None:
                timely[place] = True
                self._generations[place] = KEPT
            else:
                refused = Refused(sent_at, timing.refusal, timing.message)
                parcel.receipt.refused.append(refused)
        return timely

    def _split(self, timely: Flags) -> tuple[Sequence[int], list[int]]:
        """Tell the first report of each call in this group from those that come again."""
        keys = self._batch.keys
        if len(set(keys)) == len(keys) and timely.all():
            return range(len(keys)), []
        firsts: dict[bytes, int] = {}
        agains = [
            place
            for place in np.flatnonzero(timely).tolist()
            if firsts.setdefault(keys[place], place) != place
        ]
        return list(firsts.values()), agains

    def _claim(self, firsts: Sequence[int]) -> Claim:
        batch = self._batch
        if len(firsts) == len(batch):
            keys, generations = batch.keys, self._generations
        else:
            keys = [batch.keys[place] for place in firsts]
            generations = [self._generations[place] for place in firsts]
        return Claim(
            tenants=batch.tenants[firsts].tolist(),
            keys=keys,
            contents=self._contents[firsts],
            costs_stated=self._costs_stated(firsts),
            ids=[self._id + place.to_bytes(2) for place in firsts],
            generations=generations,
        )

    def _costs_stated(self, places: Sequence[int]) -> Integers:
        records = self._batch.records
        stated = [records[place].cost_stated_nanousd for place in places]
        if stated.count(None) == len(stated):
            return np.full(len(stated), NO_COST, np.int64)
        return np.array([NO_COST if cost is None else cost for cost in stated], np.int64)

    def _id_of(self, place: int) -> bytes:
        return self._id + place.to_bytes(2)

    def _first_reports(self, firsts: Sequence[int], agains: Sequence[int]) -> Known:
        """Give what the first report of each call said that is in this group again."""
        keys, records = self._batch.keys, self._batch.records
        repeated = {keys[place] for place in agains}
        return {
            keys[place]: Existing(
                int(self._contents[place]), records[place].cost_stated_nanousd, self._id_of(place)
            )
            for place in firsts
            if keys[place] in repeated
        }

    def _compare(self, places: Iterable[int], before: Known) -> None:
        """Tell duplicates from conflicts."""
        for place in places:
            existing = before[self._batch.keys[place]]
            parcel, sent_at = self._batch.parcel_of(place)
            if telemetry.is_conflict(
                existing.content,
                int(self._contents[place]),
                existing.cost_stated_nanousd,
                self._batch.records[place].cost_stated_nanousd,
            ):
                parcel.receipt.refused.append(Refused(sent_at, *_CONFLICT))
            else:
                parcel.receipt.duplicates += 1
                parcel.receipt.last_id = existing.id

    def _count(self, fresh: Flags) -> None:
        batch = self._batch
        counts = np.add.reduceat(fresh.astype(np.int64), batch.starts).tolist()
        for parcel, start, count in zip(batch.parcels, batch.starts.tolist(), counts, strict=True):
            parcel.receipt.accepted = count
            if count and len(parcel.records) == 1:
                parcel.receipt.last_id = self._id_of(start)

    def _price(self, spot: Spot) -> pricing.PriceRow | None:
        at_us = spot.step * self._step_us
        return self._ctx.prices.find(spot.tenant, spot.provider, spot.model, at_us)
