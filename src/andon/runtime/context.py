"""What every use case is given: settings, store, time, randomness, threads, meters."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from andon.drivers.database import Database
from andon.drivers.telemetry.commit import Ledger
from andon.models.ids import text_of, uuid7_bytes
from andon.runtime.meters import Meters
from andon.runtime.pricing import PriceBook
from andon.settings import Settings

T = TypeVar("T")


class Run(Protocol):
    """Run a blocking function off the event loop and wait for its answer."""

    def __call__(self, call: Callable[..., T], *args: Any) -> Awaitable[T]:
        """Start the call; await its answer."""


@dataclass(frozen=True, slots=True)
class Context:
    """The one way by which use cases reach the outside; tests replace its parts."""

    settings: Settings
    db: Database
    ledger: Ledger
    prices: PriceBook
    meters: Meters
    clock_us: Callable[[], int]
    monotonic: Callable[[], float]
    random: Callable[[int], bytes]
    sleep: Callable[[float], Awaitable[None]]
    spawn: Callable[[Coroutine[Any, Any, None]], Any]
    run: Run
    run_writer: Run

    def new_id(self, now_us: int) -> str:
        """Make a UUIDv7 for an object that is made at this time."""
        return text_of(uuid7_bytes(now_us, self.random(9)))
