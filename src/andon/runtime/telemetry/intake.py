"""Group commit by draining: whatever waits when a commit ends goes into the next one."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable

from andon import errors
from andon.drivers.database import pieces
from andon.drivers.database.pieces import PieceMissing
from andon.runtime.context import Context
from andon.runtime.telemetry.group import Group
from andon.runtime.telemetry.names import NameBook
from andon.runtime.telemetry.parcel import Parcel
from andon.runtime.telemetry.queue import FairQueue, Waiting

log = logging.getLogger("andon.intake")


class Intake:
    """A bounded queue for each slot; a record is answered after the commit that holds it."""

    def __init__(self, ctx: Context, writers: int) -> None:
        self._ctx = ctx
        self._writers = writers
        bounds = {"model": ctx.settings.models_per_day, "agent": ctx.settings.agents_per_day}
        self._names = NameBook(bounds, ctx.meters)
        self._waiting: dict[int, FairQueue] = {}
        self._depth = 0
        self._of_tenant: Counter[int] = Counter()
        self._busy: dict[int, int] = {}
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def submit(self, parcel: Parcel) -> None:
        """Queue a parcel and wait until its records are durable or refused, as its receipt says."""
        size, slot = len(parcel.records), parcel.tenant.slot
        queue = self._waiting.setdefault(slot, FairQueue())
        self._refuse_excess(parcel.tenant.no, size)
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.put(Waiting(parcel, answer))
        self._count([parcel], 1)
        if self._busy.get(slot, 0) < self._writers:
            self._busy[slot] = self._busy.get(slot, 0) + 1
            self._idle.clear()
            self._ctx.spawn(self._drain(slot))
        await answer

    def _refuse_excess(self, tenant: int, size: int) -> None:
        settings = self._ctx.settings
        limit = settings.ingest_queue_records
        if self._closed or self._depth + size > limit:
            self._ctx.meters.queue_refused.inc(size)
            raise errors.IntakeFull(retry_after_seconds=1)
        waiting = self._of_tenant[tenant]
        if waiting and waiting + size > limit * settings.ingest_tenant_share_percent // 100:
            self._ctx.meters.queue_refused.inc(size)
            raise errors.TenantQueueFull(retry_after_seconds=1)

    async def close(self) -> None:
        """Take nothing more and wait until what waits is committed."""
        self._closed = True
        await self._idle.wait()

    def _count(self, parcels: Iterable[Parcel], sign: int) -> None:
        for parcel in parcels:
            change = sign * len(parcel.records)
            self._depth += change
            self._of_tenant[parcel.tenant.no] += change
            if not self._of_tenant[parcel.tenant.no]:
                del self._of_tenant[parcel.tenant.no]
        self._ctx.meters.queue_depth.set(self._depth)

    async def _drain(self, slot: int) -> None:
        queue, limit = self._waiting[slot], self._ctx.settings.ingest_group_records
        try:
            while queue:
                await self._commit(slot, queue.take(limit))
                if self._ctx.ledger.has_work:
                    await self._tend()
        finally:
            self._busy[slot] -= 1
            if not any(self._busy.values()):
                self._idle.set()

    async def _commit(self, slot: int, group: list[Waiting]) -> None:
        parcels = [waiting.parcel for waiting in group]
        size = sum(len(parcel.records) for parcel in parcels)
        started = self._ctx.monotonic()
        try:
            await self._ctx.run_writer(self._write, slot, parcels)
        except Exception as fault:  # the callers are told, whatever it was
            self._count(parcels, -1)
            await self._after_failure(slot, group, fault)
            return
        self._ctx.meters.commit_seconds.observe(self._ctx.monotonic() - started)
        self._ctx.meters.group_records.observe(size)
        self._count(parcels, -1)
        for waiting in group:
            if not waiting.answer.done():
                waiting.answer.set_result(None)

    async def _after_failure(self, slot: int, group: list[Waiting], fault: Exception) -> None:
        # One request that the store cannot take must not sink those that shared its commit.
        self._ctx.meters.commit_failures.inc()
        if len(group) > 1 and not isinstance(fault, errors.StoreUnavailable):
            for waiting in group:
                self._count([waiting.parcel], 1)
                await self._commit(slot, [waiting])
            return
        for waiting in group:
            if not waiting.answer.done():
                waiting.answer.set_exception(fault)

    def _write(self, slot: int, parcels: list[Parcel]) -> None:
        try:
            self._write_once(slot, parcels)
        except PieceMissing as missing:
            with self._ctx.db.writing() as tx:
                pieces.make_month(tx, missing.month)
            self._write_once(slot, parcels)

    def _write_once(self, slot: int, parcels: list[Parcel]) -> None:
        numbers = sorted({parcel.tenant.no for parcel in parcels})
        is_written = False
        try:
            with self._ctx.db.writing(*numbers) as tx:
                group = Group(self._ctx, tx, slot, self._names, parcels)
                group.commit(self._ctx.ledger)
                is_written = True
        except BaseException:
            if is_written:
                self._ctx.ledger.doubt()
            raise
        group.keep()
        self._ctx.ledger.keep()

    async def _tend(self) -> None:
        try:
            await self._ctx.run_writer(self._take_step)
        except Exception as fault:  # commits must go on; the step is tried again after the next
            log.warning("upkeep failed", extra={"error": type(fault).__name__})

    def _take_step(self) -> None:
        try:
            with self._ctx.db.writing() as tx:
                keep = self._ctx.ledger.tend(tx)
        except BaseException:
            self._ctx.ledger.doubt()
            raise
        keep()
