"""What waits for a commit: a line for each tenant, served in turns."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import NamedTuple

from andon.runtime.telemetry.parcel import Parcel


class Waiting(NamedTuple):
    """A parcel in the queue, and who waits for its receipt."""

    parcel: Parcel
    answer: asyncio.Future[None]


class FairQueue:
    """Gives every tenant its turn, so that the flood of one does not keep the others waiting."""

    def __init__(self) -> None:
        self._lines: dict[int, deque[Waiting]] = {}

    def __bool__(self) -> bool:
        return bool(self._lines)

    def put(self, waiting: Waiting) -> None:
        """Let a parcel wait behind those of its tenant."""
        tenant = waiting.parcel.tenant.no
        self._lines.setdefault(tenant, deque()).append(waiting)

    def take(self, most: int) -> list[Waiting]:
        """Take parcels in turns, up to this many records but one parcel at least.

        A tenant that is left with some waits behind those that had no turn.
        """
        taken: list[Waiting] = []
        size = 0
        while self._lines:
            tenant, line = next(iter(self._lines.items()))
            records = len(line[0].parcel.records)
            if taken and size + records > most:
                break
            taken.append(line.popleft())
            size += records
            del self._lines[tenant]
            if line:
                self._lines[tenant] = line
        return taken
