"""Reporters, a server and what goes wrong between them, all of it following from one seed."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from andon.drivers.telemetry.sqlite import SqliteLedger
from tests.simulation.books import Books, Read
from tests.simulation.faults import CommitHook, Killed
from tests.simulation.loop import SimLoop
from tests.simulation.reporters import Reporter
from tests.simulation.server import MakeLedger, Outside, Server, settings_for
from tests.simulation.store import START_US, real

REPORTERS = 6
_HOUR_US = 3_600_000_000
_STEPS_US = (-2 * _HOUR_US, -1_000_000, 1_000_000, _HOUR_US, 30 * _HOUR_US)


@dataclass(frozen=True, slots=True)
class Bug:
    """What is planted; nothing by default."""

    make_ledger: MakeLedger = SqliteLedger
    acks_early: bool = False
    acks_failures: bool = False


@dataclass(slots=True)
class Outcome:
    """What came of one world."""

    seed: str
    transactions: int = 0
    records: int = 0
    answers: int = 0
    restarts: int = 0
    commit_faults: dict[str, int] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    trace: str = ""


class World:
    """One seed's world; it ends early when something is wrong."""

    def __init__(self, seed: str, folder: Path, bug: Bug | None = None) -> None:
        self.rng = Random(seed)
        self.loop = SimLoop(Random(f"{seed} order"))
        self.books = Books()
        self.outcome = Outcome(seed)
        self.is_stormy = True
        self._bug = bug or Bug()
        self._folder = folder
        self._settings = settings_for(folder, self.rng)
        self._skew_us = 0
        self._digest = hashlib.blake2b(digest_size=16)
        self._hook = CommitHook(self.rng, self._committed)
        self._hook.swallows = self._bug.acks_failures
        self._seen_keys = ""
        self.server: Server | None = None
        self.reporters = [Reporter(self, number) for number in range(REPORTERS)]

    def run(self, rounds: int) -> Outcome:
        """Let every reporter report so many times; then look at all that is there."""
        self._start()
        self._hook.rate = 0.12
        try:
            self.loop.run(self._everything(rounds))
            self._close()
        finally:
            self._end()
        outcome = self.outcome
        outcome.transactions = self._hook.commits
        outcome.commit_faults = dict(self._hook.faults)
        outcome.records = len(self.books.records)
        for name, stored in sorted(self.books.records.items()):
            self.note(name, stored)
        outcome.trace = self._digest.hexdigest()
        return outcome

    async def _everything(self, rounds: int) -> None:
        trouble = self.loop.create_task(self._trouble())
        for task in [self.loop.create_task(one.report(rounds)) for one in self.reporters]:
            await task
        self.is_stormy, self._hook.rate = False, 0.0
        await trouble
        for reporter in self.reporters:
            await reporter.finish()
        if self.server is not None:
            await self.server.intake.close()

    def _close(self) -> None:
        """Look at the whole store from the beginning."""
        server = self.server
        assert server is not None
        books = Books()
        with server.database.reading() as tx:
            faults = books.follow(lambda statement: tx.raw.execute(statement).fetchall())
        self.blame(*faults)
        if books.records != self.books.records:
            self.blame("what was stored has changed since")
        for reporter in self.reporters:
            self.blame(*reporter.unkept(books))
        self.blame(*self.loop.unhandled)

    def _end(self) -> None:
        if self.server is not None:
            self.kill("the end")
        pending = asyncio.all_tasks(self.loop)
        for task in pending:
            task.cancel()
        self.loop.run(asyncio.sleep(0))
        self.loop.close()

    def blame(self, *violations: str) -> None:
        """Note what is wrong."""
        self.outcome.violations += violations

    @property
    def is_over(self) -> bool:
        """Tell whether something is wrong, so that there is no need to go on."""
        return bool(self.outcome.violations)

    def note(self, *what: object) -> None:
        """Add to the trace."""
        self._digest.update(f"{self.loop.time():.9f} {what}\n".encode())

    def clock_us(self) -> int:
        """Tell the time as the server's machine does, which somebody may set."""
        return START_US + self._skew_us + int(self.loop.time() * 1_000_000)

    def _committed(self, read: Read) -> None:
        keys = str(read("SELECT run, state, pages FROM usage_key_runs ORDER BY run"))
        faults = self.books.follow(read, all_keys=keys != self._seen_keys)
        self._seen_keys = keys
        self.note("commit", self.books.block, len(self.books.records), keys)
        self.blame(*faults)

    def _start(self) -> None:
        database = real(self._folder, self.clock_us)
        self._hook.put_on(database.writer)
        outside = Outside(
            self.loop,
            self.rng,
            self.clock_us,
            self._read,
            self._write_early if self._bug.acks_early else self._write,
            self._bug.make_ledger,
        )
        self.server = Server(database, outside, self._settings)

    def kill(self, why: str) -> None:
        """End the server, whatever it is doing."""
        server, self.server = self.server, None
        if server is not None:
            self.note("kill", why)
            server.kill()
            server.database.close()

    async def _read(self, call: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        await asyncio.sleep(self._latency())
        return call(*arguments)

    async def _write(self, call: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        await asyncio.sleep(self._latency())
        try:
            done = call(*arguments)
        except Killed:
            self.kill("at a commit")
            # Whoever waits for this has ended.
            return await asyncio.sleep(3600)
        await asyncio.sleep(self._latency())
        return done

    async def _write_early(self, call: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        assert self.server is not None
        self.server.spawn(self._write(call, arguments))

    def _latency(self) -> float:
        return self.rng.expovariate(300.0) + (0.5 if self.rng.random() < 0.01 else 0.0)

    async def _trouble(self) -> None:
        """Set the clock, end the server, start it again."""
        while self.is_stormy or self.server is None:
            await asyncio.sleep(self.rng.expovariate(2.0))
            if self.server is None:
                self.outcome.restarts += 1
                self._start()
            elif self.is_stormy:
                await self._meddle(self.rng.random())

    async def _meddle(self, drawn: float) -> None:
        if drawn < 0.04:
            self.kill("at any time")
        elif drawn < 0.08:
            await self._stop()
        elif drawn < 0.3:
            step = self.rng.choice(_STEPS_US)
            self._skew_us += step
            self.note("clock", step)

    async def _stop(self) -> None:
        """Ask the server to end, and start another one."""
        server = self.server
        assert server is not None
        await asyncio.wait([self.loop.create_task(server.intake.close())], timeout=5.0)
        if server is self.server:
            self.kill("when asked")
