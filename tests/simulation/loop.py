"""An event loop without I/O: time jumps to the next timer, ready callbacks run in seeded order."""

from __future__ import annotations

import asyncio
import heapq
from asyncio import base_events
from collections.abc import Awaitable, Coroutine
from random import Random
from typing import Any, TypeVar

T = TypeVar("T")


class StuckError(Exception):
    """Everybody waits and no timer is set."""


class SimLoop(base_events.BaseEventLoop):
    """Runs one ready callback at a time, chosen by the seed; a turn that waits costs no time."""

    # What BaseEventLoop itself keeps: callbacks that may run, and timers, the soonest first.
    _ready: Any
    _scheduled: list[Any]

    def __init__(self, rng: Random) -> None:
        super().__init__()
        self._rng = rng
        self._now = 0.0
        self.unhandled: list[str] = []
        self.set_exception_handler(self._note)

    def time(self) -> float:
        """Tell the virtual time in seconds."""
        return self._now

    def _note(self, _loop: asyncio.AbstractEventLoop, told: dict[str, Any]) -> None:
        self.unhandled.append(f"{told['message']}: {told.get('exception')!r}")

    def _run_once(self) -> None:
        while not self._ready:
            if not self._scheduled:
                raise StuckError("no callback is ready and no timer is set")
            self._now = max(self._now, self._scheduled[0].when())
            self._wake_due()
        place = self._rng.randrange(len(self._ready))
        handle = self._ready[place]
        del self._ready[place]
        if not handle.cancelled():
            handle._run()

    def _wake_due(self) -> None:
        while self._scheduled and self._scheduled[0].when() <= self._now:
            handle = heapq.heappop(self._scheduled)
            handle._scheduled = False
            if not handle.cancelled():
                self._ready.append(handle)

    def _timer_handle_cancelled(self, _handle: asyncio.TimerHandle) -> None:
        """Leave a cancelled timer where it is; it is passed over when its time comes."""

    def _write_to_self(self) -> None:
        """Wake nobody: there is no other thread."""

    def _process_events(self, _events: Any) -> None:
        """Look for no events: there is no I/O."""

    def run(self, work: Coroutine[Any, Any, T] | Awaitable[T]) -> T:
        """Run until this work is done."""
        return self.run_until_complete(work)
