"""One life of a server without its edge: the real recorder, intake and ledger in simulated time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import select

from andon.drivers.database import Database, tables
from andon.drivers.telemetry.keyindex import KeyIndex
from andon.drivers.telemetry.sqlite import SqliteLedger
from andon.engines.tenants.roles import Role
from andon.runtime.context import Context, Run
from andon.runtime.integrations import Numbers
from andon.runtime.meters import Meters
from andon.runtime.pricing import PriceBook
from andon.runtime.telemetry.intake import Intake
from andon.runtime.telemetry.parcel import Receipt
from andon.runtime.telemetry.record import Recorder
from andon.runtime.tenants.caller import Caller, Tenant
from andon.settings import Settings
from tests.simulation.calls import Call, Table

GENERATION_DAYS = 3
MakeLedger = Callable[[int, KeyIndex], Any]
"""Makes the ledger of one life by the days of a generation and its index; a planted one stands in
for the real."""

Job = Callable[[Callable[..., Any], tuple[Any, ...]], Coroutine[Any, Any, Any]]
"""Runs a blocking call in simulated time."""


def small_index() -> KeyIndex:
    """Make a dedupe index that flushes, merges and deletes within a few hundred records."""
    return KeyIndex(flush_at=24, fan_out=2, page_entries=8, step_entries=32)


@dataclass(frozen=True, slots=True)
class Outside:
    """What a life of the server takes from the simulated world."""

    loop: asyncio.AbstractEventLoop
    rng: Random
    clock_us: Callable[[], int]
    read: Job
    write: Job
    make_ledger: MakeLedger = SqliteLedger


class Server:
    """A server that can be asked by callers and can be killed."""

    def __init__(self, database: Database, outside: Outside, settings: Settings) -> None:
        self.database = database
        self._tasks: list[asyncio.Task[Any]] = []
        self._loop = outside.loop
        ctx = Context(
            settings=settings,
            db=database,
            ledger=outside.make_ledger(GENERATION_DAYS, small_index()),
            prices=PriceBook(Table()),
            meters=Meters(),
            clock_us=outside.clock_us,
            monotonic=outside.loop.time,
            random=outside.rng.randbytes,
            sleep=asyncio.sleep,
            spawn=self.spawn,
            run=_runner(outside.read),
            run_writer=_runner(outside.write),
        )
        self.ledger = ctx.ledger
        self.intake = Intake(ctx, 1)
        self._recorder = Recorder(ctx, self.intake, Numbers(ctx))
        self.callers = _callers(database)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start work that ends with the server."""
        task = self._loop.create_task(work)
        self._tasks.append(task)
        if len(self._tasks) > 64:
            self._tasks = [running for running in self._tasks if not running.done()]
        return task

    def record(self, tenant: int, calls: Sequence[Call]) -> asyncio.Task[Receipt]:
        """Handle a request that reports calls."""
        return self.spawn(self._recorder.record_usage(self.callers[tenant], calls))

    def kill(self) -> None:
        """End at once: what runs does not go on."""
        for task in self._tasks:
            task.cancel()


def settings_for(folder: Path, rng: Random | None = None) -> Settings:
    """Give settings under which bounds are met; by a seed they differ."""
    few = rng is not None and rng.random() < 0.3
    return Settings(
        home=folder,
        ingest_queue_records=100 if few else 400,
        ingest_group_records=100,
        models_per_day=2 if few else 200,
        agents_per_day=2 if few else 200,
    )


def _runner(job: Job) -> Run:
    return lambda call, *args: job(call, args)


def _callers(database: Database) -> dict[int, Caller]:
    with database.reading(directory=True) as tx:
        rows = tx.conn.execute(select(tables.tenants)).mappings().all()
    tenants = [Tenant.of_row(dict(row)) for row in rows]
    return {one.no: Caller(one, "p", "service", None, Role.INGEST) for one in tenants}
