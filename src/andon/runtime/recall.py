"""Remembers answers of the store for a short time, and asks once for all who wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Generic, NamedTuple, TypeVar

from andon import errors

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class _Known(NamedTuple):
    value: Any
    renew_at: float
    until: float


class Recall(Generic[K, V]):
    """Answers by key, each trusted for some seconds from the moment it was asked for.

    In the second half of that time a use asks anew in the background, so that a busy key never
    waits. However many wait for one key, the store is asked once.
    """

    def __init__(
        self,
        monotonic: Callable[[], float],
        spawn: Callable[[Any], Any],
        seconds: float,
        most: int,
    ) -> None:
        self._monotonic = monotonic
        self._spawn = spawn
        self._seconds = seconds
        self._most = most
        self._known: dict[K, _Known] = {}
        self._asked: dict[K, asyncio.Future[V]] = {}
        self._epoch = 0

    def __len__(self) -> int:
        return len(self._known)

    async def get(self, key: K, ask: Callable[[], Awaitable[V]]) -> V:
        """Give the answer for a key; what `ask` raises is raised, and not remembered."""
        known = self._known.get(key)
        if known is not None:
            now = self._monotonic()
            if now < known.until:
                if now >= known.renew_at and key not in self._asked:
                    self._start(key, ask)
                value: V = known.value
                return value
        asked = self._asked.get(key)
        if asked is None:
            asked = self._start(key, ask)
        return await asyncio.shield(asked)

    def forget(self) -> None:
        """Forget every answer, and what is being asked for: a change here holds at once."""
        self._known.clear()
        self._asked.clear()
        self._epoch += 1

    def _start(self, key: K, ask: Callable[[], Awaitable[V]]) -> asyncio.Future[V]:
        asked: asyncio.Future[V] = asyncio.get_running_loop().create_future()
        asked.add_done_callback(_look_at)
        self._asked[key] = asked
        self._spawn(self._ask(key, ask, asked, self._epoch))
        return asked

    async def _ask(
        self, key: K, ask: Callable[[], Awaitable[V]], asked: asyncio.Future[V], epoch: int
    ) -> None:
        started = self._monotonic()
        try:
            value = await ask()
        except BaseException as fault:
            if epoch == self._epoch:
                self._asked.pop(key, None)
                if not isinstance(fault, errors.StoreUnavailable):
                    self._known.pop(key, None)
            if not isinstance(fault, Exception):
                asked.cancel()
                raise
            if not asked.done():
                asked.set_exception(fault)
            return
        if epoch == self._epoch:
            self._asked.pop(key, None)
            if len(self._known) >= self._most:
                self._known.clear()
            until = started + self._seconds
            self._known[key] = _Known(value, until - self._seconds / 2, until)
        if not asked.done():
            asked.set_result(value)


def _look_at(asked: asyncio.Future[Any]) -> None:
    # An answer nobody waits for may be an error; looking at it keeps the event loop quiet.
    if not asked.cancelled():
        asked.exception()
