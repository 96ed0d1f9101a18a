"""One life of a store on a simulated disk: it is switched on, fed in groups, and cut off."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import apsw

from andon import errors
from andon.drivers.telemetry.sqlite import SqliteLedger
from tests.simulation.books import Name
from tests.simulation.calls import Call, make_call
from tests.simulation.disk import Images, Op
from tests.simulation.loop import SimLoop
from tests.simulation.server import Job, MakeLedger, Outside, Server, settings_for
from tests.simulation.store import INTEGRATIONS, START_US, ZONES, Durability, simulated
from tests.simulation.vfs import VFS, Mount

STEPS = (2, 12, 20)
"""How many groups are written in a life: after a cut, the first ones matter most."""

_STEP_US = 700_000
_PAGE_BYTES = 4096
_FAILURES = (apsw.SQLITE_IOERR_WRITE, apsw.SQLITE_FULL, apsw.SQLITE_IOERR_FSYNC)


class Parcel(NamedTuple):
    """What one request reports."""

    tenant: int
    calls: Sequence[Call]


class Ack(NamedTuple):
    """What was acknowledged, all in all, when the disk had been told so many steps."""

    at: int
    calls: int


class Register:
    """Every call that was ever sent, numbered; sets of calls are integers of one bit a call."""

    def __init__(self) -> None:
        self.calls: dict[Name, Call] = {}
        self._parcels: dict[int, Parcel] = {}
        self._bits: dict[Name, int] = {}

    def add(self, parcel: Parcel) -> None:
        """Number the calls of a parcel."""
        for call in parcel.calls:
            name = (parcel.tenant, call.call_id)
            self._bits.setdefault(name, 1 << len(self._bits))
            self.calls[name] = call
        self._parcels[self.bits_of(parcel)] = parcel

    def bits(self, names: Sequence[Name]) -> int:
        """Give the set of these calls."""
        found = 0
        for name in names:
            found |= self._bits[name]
        return found

    def bits_of(self, parcel: Parcel) -> int:
        """Give the set of a parcel's calls."""
        return self.bits([(parcel.tenant, call.call_id) for call in parcel.calls])

    def some_again(self, rng: Random, acked: int) -> list[Parcel]:
        """Choose parcels to send again: some that were never answered, and some that were."""
        waiting = [bits for bits in self._parcels if bits & ~acked]
        answered = [bits for bits in self._parcels if not bits & ~acked]
        chosen = [
            *rng.sample(waiting, min(12, len(waiting))),
            *rng.sample(answered, min(4, len(answered))),
        ]
        return [self._parcels[bits] for bits in chosen]


class Failing:
    """Lets a disk fail for some steps now and then, while it is armed."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._left = 0
        self._until = rng.randrange(20, 200)
        self._code = _FAILURES[0]
        self.is_armed = False

    def __call__(self, op: Op) -> int | None:
        """Choose the error of a step."""
        if not self.is_armed or op.kind not in ("write", "sync"):
            return None
        if not self._left:
            self._until -= 1
            if self._until > 0:
                return None
            self._code, self._left = self._rng.choice(_FAILURES), self._rng.randrange(1, 6)
            self._until = self._rng.randrange(20, 200)
        if (op.kind == "sync") != (self._code == apsw.SQLITE_IOERR_FSYNC):
            return None
        self._left -= 1
        return self._code


class FailingSyncs(Failing):
    """Lets syncs of the log fail, while it is armed: those above all that would fill a hole.

    What follows the sync of a commit fills its sector up. Where that is a page of the system's
    cache and no more, no later write brings it to the disk.
    """

    def __init__(self, rng: Random) -> None:
        super().__init__(rng)
        self._last = ""
        self._rate = 0.0

    def __call__(self, op: Op) -> int | None:
        """Choose the error of a step."""
        last, self._last = self._last, op.kind
        if not self.is_armed or not op.name.endswith("-wal"):
            return None
        if op.kind == "write" and last == "sync":
            is_page = op.offset % _PAGE_BYTES == 0 and len(op.data) == _PAGE_BYTES
            self._rate = 0.9 if is_page else 0.1
        is_failing = op.kind == "sync" and self._rng.random() < self._rate
        return apsw.SQLITE_IOERR_FSYNC if is_failing else None


@dataclass(frozen=True, slots=True)
class Manner:
    """How a store is run: as the product is, or with a bug planted."""

    durability: Durability = field(default_factory=Durability)
    make_ledger: MakeLedger = SqliteLedger
    acks_early: bool = False
    failing: Callable[[Random], Failing] | None = None
    settles: bool = True
    steps: Sequence[int] = STEPS


class Life:
    """What happened between switching on and switching off."""

    def __init__(self, images: Images, rng: Random, register: Register, manner: Manner) -> None:
        self.images = images
        self.acks: list[Ack] = []
        self.unacked: list[Parcel] = []
        self.failed_requests = 0
        self.faults: list[str] = []
        self._rng = rng
        self._register = register
        self._manner = manner
        self._failing = manner.failing(rng) if manner.failing else None
        self.mount = Mount(images, self._failing)

    def run(self, name: str, steps: int, resent: Sequence[Parcel]) -> None:
        """Switch on, send again what nobody answered, then new calls; switch off at the end."""
        self.unacked = list(resent)
        loop, folder = SimLoop(self._rng), VFS.mount(self.mount)
        clock = _Clock()
        database = simulated(folder, self._manner.durability, clock.now_us)
        if not self._manner.settles:
            vars(database)["_settle"] = lambda: None
        try:
            job = _early(loop) if self._manner.acks_early else _direct
            outside = Outside(loop, self._rng, clock.now_us, _direct, job, self._manner.make_ledger)
            server = Server(database, outside, settings_for(Path(folder)))
            for step in range(steps):
                if self._failing is not None:
                    self._failing.is_armed = 1 < step < steps - 2
                loop.run(self._step(server, f"{name}.{step}"))
                clock.advance()
            loop.run(server.intake.close())
            loop.run(asyncio.sleep(0.001))
            if self.unacked and not self._manner.acks_early:
                self.faults.append("the disk works again, but not all is taken")
        finally:
            database.writer.dispose()
            VFS.unmount(folder)
            loop.close()

    def acked_by(self, moment: int) -> int:
        """Give the calls that were acknowledged when the disk had been told so many steps."""
        place = bisect_right(self.acks, moment, key=lambda ack: ack.at)
        return self.acks[place - 1].calls if place else 0

    async def _step(self, server: Server, name: str) -> None:
        parcels, self.unacked = [*self.unacked, *self._new(name)], []
        for parcel in parcels:
            self._register.add(parcel)
        tasks = [server.record(parcel.tenant, parcel.calls) for parcel in parcels]
        receipts = await asyncio.gather(*tasks, return_exceptions=True)
        acked = 0
        for parcel, receipt in zip(parcels, receipts, strict=True):
            if isinstance(receipt, errors.StoreUnavailable):
                self.failed_requests += 1
                self.unacked.append(parcel)
            elif isinstance(receipt, BaseException):
                raise receipt
            elif receipt.refused:
                self.faults.append(f"refused: {receipt.refused[0].code}")
            else:
                acked |= self._register.bits_of(parcel)
        before = self.acks[-1].calls if self.acks else 0
        self.acks.append(Ack(len(self.mount.log), before | acked))

    def _new(self, name: str) -> list[Parcel]:
        rng = self._rng
        parcels = []
        for place in range(rng.choice((1, 1, 2, 3))):
            tenant = rng.randrange(1, len(ZONES) + 1)
            integration = f"{rng.choice(INTEGRATIONS)}-{tenant}"
            calls = [
                make_call(rng, f"{name}.{place}.{number}", integration)
                for number in range(rng.choice((1, 2, 5, 12)))
            ]
            parcels.append(Parcel(tenant, calls))
        if rng.random() < 0.3 and self._register.calls:
            (tenant, _), call = rng.choice(list(self._register.calls.items()))
            parcels.append(Parcel(tenant, [call]))
        return parcels


class _Clock:
    def __init__(self) -> None:
        self._us = START_US

    def now_us(self) -> int:
        self._us += 1
        return self._us

    def advance(self) -> None:
        self._us += _STEP_US


async def _direct(call: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    return call(*arguments)


def _early(loop: SimLoop) -> Job:
    """Say that work is done before it has begun."""

    async def begin(call: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        loop.call_soon(call, *arguments)

    return begin
