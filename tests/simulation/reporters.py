"""Clients that report calls until they are answered, and what they were promised."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from andon import errors
from andon.runtime.telemetry.parcel import Receipt
from tests.simulation.books import Books, Name
from tests.simulation.calls import Call, make_call
from tests.simulation.store import INTEGRATIONS, ZONES

if TYPE_CHECKING:
    from tests.simulation.world import World

_CONFLICT = "call_id_conflict"
_TRIES = 400


class Reporter:
    """Reports for one tenant; it shares some call_ids with the others of its tenant."""

    def __init__(self, world: World, number: int) -> None:
        self._world = world
        self._number = number
        self._tenant = number % len(ZONES) + 1
        self._sent: list[Call] = []
        self._waiting: list[list[Call]] = []
        self.kept: dict[Name, Call] = {}

    async def report(self, rounds: int) -> None:
        """Report so many times."""
        for number in range(rounds):
            if self._world.is_over:
                return
            await asyncio.sleep(self._world.rng.expovariate(60.0))
            calls = self._calls(number)
            if not await self._deliver(calls):
                self._waiting.append(calls)

    async def finish(self) -> None:
        """Report what was given up, now that nothing goes wrong."""
        for calls in self._waiting:
            if not self._world.is_over and not await self._deliver(calls):
                self._world.blame(f"{self._number} is not answered though all is well")

    def unkept(self, books: Books) -> Iterator[str]:
        """Name what was acknowledged and is not there as it was reported."""
        for name, call in self.kept.items():
            stored = books.records.get(name)
            if stored is None:
                yield f"{name} was acknowledged and is not there"
            elif stored[1:] != _billed(call):
                yield f"{name} was acknowledged and is there as something else"

    def _calls(self, number: int) -> list[Call]:
        rng = self._world.rng
        calls = []
        for place in range(rng.choice((1, 1, 1, 2, 4, 9))):
            drawn = rng.random()
            if drawn < 0.15 and self._sent:
                calls.append(rng.choice(self._sent))
            elif drawn < 0.2 and self._sent:
                call = rng.choice(self._sent)
                calls.append(replace(call, tokens_in=call.tokens_in + 1))
            else:
                shared = drawn > 0.9
                who = "shared" if shared else f"{self._number}"
                calls.append(self._call(f"{who}.{number}.{place}", shared))
        self._sent += calls
        return calls

    def _call(self, call_id: str, shared: bool) -> Call:
        rng = self._world.rng
        integration = f"{INTEGRATIONS[0] if shared else rng.choice(INTEGRATIONS)}-{self._tenant}"
        call = make_call(rng, call_id, integration)
        if shared:
            # Both who report it say the same, or else by chance another thing.
            call = replace(call, model="small", tokens_in=7, tokens_out=rng.choice((8, 8, 8, 9)))
            call = replace(call, cost_stated_nanousd=None)
        return call

    async def _deliver(self, calls: list[Call]) -> bool:
        """Send until there is an answer; False where patience ends."""
        world = self._world
        for attempt in range(_TRIES if world.is_stormy else 40):
            if attempt:
                await asyncio.sleep(world.rng.expovariate(20.0))
            receipt = await self._send(calls)
            if receipt is not None:
                world.outcome.answers += 1
                self._hold(calls, receipt)
                return True
            if world.is_over:
                return True
        return False

    async def _send(self, calls: list[Call]) -> Receipt | None:
        world = self._world
        server, fate = world.server, world.rng.random() if world.is_stormy else 1.0
        if server is None or fate < 0.04:
            return None
        known = sum((self._tenant, call.call_id) in world.books.records for call in calls)
        task = server.record(self._tenant, calls)
        if fate < 0.10:
            await asyncio.sleep(world.rng.expovariate(200.0))
            task.cancel()
        await asyncio.wait([task])
        world.note(self._number, calls[0].call_id, task.cancelled() or repr(task.exception()))
        if task.cancelled():
            return None
        fault = task.exception()
        if fault is not None:
            if isinstance(fault, AssertionError | TypeError | errors.StoreRefused):
                world.blame(f"{self._number} was answered {fault!r}")
            return None
        receipt = task.result()
        world.blame(*self._wrongs(calls, receipt, known))
        return None if fate < 0.18 else receipt

    def _wrongs(self, calls: list[Call], receipt: Receipt, known: int) -> Iterator[str]:
        refused = [one.code for one in receipt.refused]
        told = receipt.accepted + receipt.duplicates + len(refused)
        if told != len(calls):
            yield f"{self._number} sent {len(calls)} calls and is told of {told}"
        if receipt.accepted > len(calls) - known:
            yield f"{self._number} is told that calls are new which were there"
        if set(refused) - {_CONFLICT}:
            yield f"{self._number} is refused: {refused}"
        if len(calls) == 1 and not refused:
            stored = self._world.books.records.get((self._tenant, calls[0].call_id))
            if stored is None or stored.id != receipt.last_id:
                yield f"{calls[0].call_id} is told an id that is not its own"

    def _hold(self, calls: list[Call], receipt: Receipt) -> None:
        world = self._world
        world.note(self._number, receipt.accepted, receipt.duplicates, receipt.last_id.hex())
        refused = {one.place for one in receipt.refused}
        for place, call in enumerate(calls):
            name = (self._tenant, call.call_id)
            stored = world.books.records.get(name)
            if stored is None:
                world.blame(f"{name} was answered and is not there")
            elif place not in refused:
                self.kept[name] = call
                if stored[1:] != _billed(call):
                    world.blame(f"{name} was acknowledged and is there as something else")


def _billed(call: Call) -> tuple[int, int, str]:
    return call.tokens_in, call.tokens_out, call.model
