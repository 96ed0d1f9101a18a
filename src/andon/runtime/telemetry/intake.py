"""Group commit by draining: whatever waits when a commit ends goes into the next one."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import NamedTuple

from andon import errors
from andon.runtime.context import Context
from andon.runtime.telemetry.group import Group
from andon.runtime.telemetry.names import NameBook
from andon.runtime.telemetry.parcel import Parcel


class _Waiting(NamedTuple):
    parcel: Parcel
    answer: asyncio.Future[None]


class Intake:
    """A bounded queue for each slot; a record is answered after the commit that holds it."""

    def __init__(self, ctx: Context, writers: int) -> None:
        self._ctx = ctx
        self._writers = writers
        bounds = {"model": ctx.settings.models_per_day, "agent": ctx.settings.agents_per_day}
        self._names = NameBook(bounds, ctx.meters)
        self._waiting: dict[int, deque[_Waiting]] = {}
        self._depth = 0
        self._busy: dict[int, int] = {}
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def submit(self, parcel: Parcel) -> None:
        """Queue a parcel and wait until its records are durable or refused, as its receipt says."""
        size = len(parcel.records)
        limit = self._ctx.settings.ingest_queue_records
        if self._closed or self._depth + size > limit:
            self._ctx.meters.queue_refused.inc(size)
            raise errors.IntakeFull(retry_after_seconds=1)
        slot = parcel.tenant.slot
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(slot, deque()).append(_Waiting(parcel, answer))
        self._count(size)
        if self._busy.get(slot, 0) < self._writers:
            self._busy[slot] = self._busy.get(slot, 0) + 1
            self._idle.clear()
            self._ctx.spawn(self._drain(slot))
        await answer

    async def close(self) -> None:
        """Take nothing more and wait until what waits is committed."""
        self._closed = True
        await self._idle.wait()

    def _count(self, change: int) -> None:
        self._depth += change
        self._ctx.meters.queue_depth.set(self._depth)

    async def _drain(self, slot: int) -> None:
        queue = self._waiting[slot]
        try:
            while queue:
                await self._commit(slot, self._next_group(queue))
                if self._ctx.ledger.has_work:
                    await self._ctx.run_writer(self._tend)
        finally:
            self._busy[slot] -= 1
            if not any(self._busy.values()):
                self._idle.set()

    def _next_group(self, queue: deque[_Waiting]) -> list[_Waiting]:
        group: list[_Waiting] = []
        size = 0
        limit = self._ctx.settings.ingest_group_records
        while queue and (not group or size + len(queue[0].parcel.records) <= limit):
            waiting = queue.popleft()
            size += len(waiting.parcel.records)
            group.append(waiting)
        return group

    async def _commit(self, slot: int, group: list[_Waiting]) -> None:
        parcels = [waiting.parcel for waiting in group]
        size = sum(len(parcel.records) for parcel in parcels)
        started = self._ctx.monotonic()
        try:
            await self._ctx.run_writer(self._write, slot, parcels)
        except Exception as fault:  # the callers are told, whatever it was
            self._count(-size)
            await self._after_failure(slot, group, fault)
            return
        self._ctx.meters.commit_seconds.observe(self._ctx.monotonic() - started)
        self._ctx.meters.group_records.observe(size)
        self._count(-size)
        for waiting in group:
            if not waiting.answer.done():
                waiting.answer.set_result(None)

    async def _after_failure(self, slot: int, group: list[_Waiting], fault: Exception) -> None:
        # One request that the store cannot take must not sink those that shared its commit.
        self._ctx.meters.commit_failures.inc()
        if len(group) > 1 and not isinstance(fault, errors.StoreUnavailable):
            for waiting in group:
                self._count(len(waiting.parcel.records))
                await self._commit(slot, [waiting])
            return
        for waiting in group:
            if not waiting.answer.done():
                waiting.answer.set_exception(fault)

    def _write(self, slot: int, parcels: list[Parcel]) -> None:
        numbers = sorted({parcel.tenant.no for parcel in parcels})
        with self._ctx.db.writing(*numbers) as tx:
            group = Group(self._ctx, tx, slot, self._names, parcels)
            group.commit(self._ctx.ledger)
        group.keep()
        self._ctx.ledger.keep()

    def _tend(self) -> None:
        with self._ctx.db.writing() as tx:
            keep = self._ctx.ledger.tend(tx)
        keep()
