"""The dedupe index: exactly-once by key for tens of millions of random 16-byte keys.

A log-structured index in SQLite: recent entries are hot (a dictionary, and one log row a block),
older ones lie in immutable sorted runs of packed pages that are merged tier by tier. Everything
that counts commits with the caller's transaction; memory holds only what can be rebuilt from it.
(O'Neil et al.: "The log-structured merge-tree", 1996.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from andon.drivers.telemetry.keyindex import building, ledger, loading, planning, snapshot
from andon.drivers.telemetry.keyindex.deleting import delete_some
from andon.drivers.telemetry.keyindex.entries import Entries, Existing
from andon.drivers.telemetry.keyindex.hot import Hot
from andon.drivers.telemetry.keyindex.pages import PageMissing
from andon.drivers.telemetry.keyindex.runs import Run
from andon.drivers.telemetry.keyindex.view import Edit, Merge, View


class Added(NamedTuple):
    """Entries whose log row is written in a transaction that has yet to commit."""

    slot: int
    block: int
    generation: int
    entries: Entries


class KeyIndex:
    """One writer thread calls everything but look_up and all_entries, which any thread may call.

    A transaction has at most one of tend and drop in it: each is planned from what memory knows,
    and memory follows the commits.
    """

    def __init__(
        self,
        flush_at: int = 65_536,
        fan_out: int = 8,
        page_entries: int = 84,
        step_entries: int = 32_768,
    ) -> None:
        # 84 entries and a row's header fill one 4 KiB page of SQLite; one more would overflow.
        self._flush_at = flush_at
        self._fan_out = fan_out
        self._page_entries = page_entries
        self._step_entries = step_entries
        self._view = View()
        self._hot_keys = 0
        self._due: Sequence[Run] = ()

    def load(self, raw: Any) -> None:
        """Rebuild memory from the database: at the start, and after a commit of unknown end."""
        with snapshot.one_state(raw):
            view = loading.view(raw)
        self._publish(view)

    def find(self, raw: Any, keys: Sequence[bytes]) -> dict[bytes, Existing]:
        """Return what is known of distinct keys, exactly, of everything that was kept."""
        return self._view.find(raw, keys)

    def add(self, raw: Any, slot: int, block: int, generation: int, entries: Entries) -> Added:
        """Write the entries, whose keys find did not return, in the open transaction."""
        if len(entries):
            ledger.log(raw, slot, block, generation, entries)
        return Added(slot, block, generation, entries)

    def keep(self, added: Added) -> None:
        """Learn the entries, once their transaction has committed."""
        if not len(added.entries):
            return
        block = [(added.slot, added.block)]
        self._hot_keys += len(added.entries)
        for hot in self._view.hots:
            if hot.generation == added.generation:
                hot.extend(block, added.entries)
                return
        hot = Hot(added.generation)
        hot.extend(block, added.entries)
        self._publish(replace(self._view, hots=(*self._view.hots, hot)))

    @property
    def has_work(self) -> bool:
        """Tell whether a flush, a merge or the deletion of pages is due."""
        view = self._view
        return bool(self._hot_keys >= self._flush_at or self._due or view.merges or view.gone)

    @property
    def generations(self) -> list[int]:
        """List the generations that have keys, KEPT aside, the oldest first."""
        return self._view.generations

    def tend(self, raw: Any) -> Callable[[], None]:
        """Do one bounded step in the open transaction; call what it returns after the commit.

        After a rollback it is not called, and the next tend does the same step again.
        """
        view = self._view
        hot = planning.hot_to_flush(view, self._flush_at)
        if hot is not None:
            return self._after(building.flush(raw, hot, self._page_entries))
        if view.gone:
            count = max(1, self._step_entries // self._page_entries)
            return self._after(delete_some(raw, view.gone[0], count))
        merge = self._next_merge(raw)
        if merge is None:
            return _nothing
        step = building.advance(raw, merge, self._step_entries, self._page_entries)
        return self._after(step)

    def _next_merge(self, raw: Any) -> Merge | None:
        # The smallest first, so that a long merge does not let small runs pile up meanwhile.
        running = min(self._view.merges, key=lambda merge: merge.whole, default=None)
        if self._due and (running is None or planning.keys(self._due) < running.whole):
            return building.begin_merge(raw, self._due)
        return running

    def drop(self, raw: Any, before_generation: int) -> Callable[[], None]:
        """Forget older generations, never KEPT; call what it returns after the commit."""
        ledger.drop(raw, before_generation)
        return self._after(lambda view: view.without(before_generation))

    def _after(self, edit: Edit) -> Callable[[], None]:
        return lambda: self._publish(edit(self._view))

    def _publish(self, view: View) -> None:
        # One assignment: a reader sees an entry in the hot level or in the run, never in neither.
        self._view = view
        self._hot_keys = sum(hot.count for hot in view.hots)
        self._due = planning.runs_to_merge(view, self._fan_out)

    def look_up(self, raw: Any, key: bytes) -> Existing | None:
        """Return what is known of a key, from any thread, on a connection that only reads.

        Finds every key that was kept before the call and is in the connection's state. Memory can
        be ahead of that state or, for a moment, behind it; either way a page is then missing.
        """
        for _ in range(2):
            try:
                return self._view.look_up(raw, key)
            except PageMissing:
                continue
        return snapshot.look_up(raw, key)

    def all_entries(self, raw: Any) -> Iterator[Entries]:
        """Yield every live entry from the database alone; a transaction is held until the end."""
        return snapshot.entries(raw)

    def __len__(self) -> int:
        view = self._view
        return planning.keys(view.runs) + sum(hot.count for hot in view.hots)


def _nothing() -> None:
    return None
