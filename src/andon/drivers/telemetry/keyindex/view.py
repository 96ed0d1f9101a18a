"""What memory knows of the index at one moment; readers hold a view while the next is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np

from andon.drivers.telemetry.keyindex import filters, pages
from andon.drivers.telemetry.keyindex.entries import KEPT, Existing, Words, found_in, halves
from andon.drivers.telemetry.keyindex.hot import Hot
from andon.drivers.telemetry.keyindex.runs import Run


@dataclass(slots=True, eq=False)
class Merge:
    """Runs of one generation that are being merged, and how far the run they become is built."""

    number: int
    generation: int
    level: int
    sources: tuple[Run, ...]
    words: Words
    fences: list[Words] = field(default_factory=list)
    keys: int = 0
    parts: int = 0
    cursor: bytes | None = None

    @property
    def pages(self) -> int:
        """Return how many pages are written."""
        return sum(map(len, self.fences))

    @property
    def whole(self) -> int:
        """Return how many keys the run will have."""
        return sum(run.keys for run in self.sources)

    def run(self) -> Run:
        """Return the finished run."""
        fences = np.concatenate(self.fences)
        return Run(
            self.number, self.generation, self.level, self.keys, self.parts, fences, self.words
        )


@dataclass(frozen=True, slots=True)
class Gone:
    """A run that answers nothing any more, and what of it is still in the database."""

    number: int
    pages: int
    parts: int


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """The hot levels and the runs that answer, the merges under way, and the runs to delete."""

    hots: tuple[Hot, ...] = ()
    runs: tuple[Run, ...] = ()
    merges: tuple[Merge, ...] = ()
    gone: tuple[Gone, ...] = ()

    @property
    def newest(self) -> int:
        """Return the newest generation; KEPT where there is no other."""
        return max(self.generations, default=KEPT)

    @property
    def generations(self) -> list[int]:
        """List the generations that have keys, KEPT aside, the oldest first."""
        parts: tuple[Hot | Run, ...] = (*self.hots, *self.runs)
        return sorted({part.generation for part in parts} - {KEPT})

    def find(self, raw: Any, keys: Sequence[bytes]) -> dict[bytes, Existing]:
        """Return what is known of distinct keys."""
        found: dict[bytes, Existing] = {}
        asked = set(keys)
        for hot in self.hots:
            found.update(hot.find(asked))
        wanted = self._candidates(keys, found)
        places = sorted(wanted)
        for place, body in zip(places, pages.read(raw, places), strict=True):
            for key in wanted[place]:
                existing = found_in(body, key)
                if existing is not None:
                    found[key] = existing
        return found

    def _candidates(
        self, keys: Sequence[bytes], found: dict[bytes, Existing]
    ) -> dict[int, list[bytes]]:
        wanted: dict[int, list[bytes]] = {}
        if not self.runs or not keys:
            return wanted
        high, low = halves(keys)
        # In the order of the keys, filters and first keys are walked through in their own order.
        order = np.argsort(high)
        high, names = high.take(order), order.tolist()
        top, mask = filters.tops(high), filters.masks(low.take(order))
        for run in self.runs:
            for position, place in run.candidates(high, top, mask):
                key = keys[names[position]]
                if key not in found:
                    wanted.setdefault(place, []).append(key)
        return wanted

    def look_up(self, raw: Any, key: bytes) -> Existing | None:
        """Return what is known of one key; PageMissing where a run is not in the raw's state."""
        for hot in self.hots:
            existing = hot.get(key)
            if existing is not None:
                return existing
        for run in reversed(self.runs):
            existing = run.look_up(raw, key)
            if existing is not None:
                return existing
        return None

    def without(self, before: int) -> View:
        """Return the view after older generations than this are dropped; KEPT is never older."""

        def stays(part: Hot | Run | Merge) -> bool:
            return part.generation == KEPT or part.generation >= before

        built: tuple[Run | Merge, ...] = (*self.runs, *self.merges)
        gone = [Gone(part.number, part.pages, part.parts) for part in built if not stays(part)]
        return View(
            tuple(filter(stays, self.hots)),
            tuple(filter(stays, self.runs)),
            tuple(filter(stays, self.merges)),
            (*self.gone, *gone),
        )

    def with_run(self, run: Run) -> View:
        """Return the view with one more run."""
        return replace(self, runs=(*self.runs, run))


Edit: TypeAlias = Callable[[View], View]
