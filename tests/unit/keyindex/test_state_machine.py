"""Whatever happens in whatever order, the index equals a plain dictionary."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from andon.drivers.telemetry.keyindex import KEPT, Existing, KeyIndex
from tests.unit.keyindex.tables import (
    connect,
    fresh,
    known,
    made,
    packed,
    page_counts,
    stored,
    tend_all,
)


def _key(number: int) -> bytes:
    # A third of the keys share their first eight bytes with many others, and then a page.
    return made(number // 300)[:8] + made(number)[8:] if number % 3 == 0 else made(number)


NUMBERS = st.sets(st.integers(0, 600), max_size=40)
UNKNOWN = [made(number) for number in range(5000, 5020)]


class Index(RuleBasedStateMachine):
    """Adds, steps, drops, rollbacks and crashes against a model of {key: (generation, known)}."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "index.db"
        self.raw: Any = fresh(self.path)
        self.model: dict[bytes, tuple[int, Existing]] = {}
        self.block = self.today = 0
        self.index = self._opened()

    def _opened(self) -> KeyIndex:
        index = KeyIndex(flush_at=20, fan_out=3, page_entries=3, step_entries=9)
        index.load(self.raw)
        return index

    @rule(numbers=NUMBERS, late=st.integers(0, 3), kept=st.booleans(), commit=st.booleans())
    def add(self, numbers: set[int], late: int, kept: bool, commit: bool) -> None:
        generation = KEPT if kept else max(0, self.today - late)
        keys = [_key(number) for number in numbers]
        self.raw.execute("BEGIN IMMEDIATE")
        old = self.index.find(self.raw, keys)
        assert old == {key: self.model[key][1] for key in keys if key in self.model}
        new = {_key(number): known(number) for number in numbers if _key(number) not in old}
        self.block += 1
        added = self.index.add(self.raw, 2, self.block, generation, packed(new.items()))
        if not commit:
            self.raw.execute("ROLLBACK")
            return
        self.raw.execute("COMMIT")
        self.index.keep(added)
        self.model |= {key: (generation, existing) for key, existing in new.items()}

    @rule(steps=st.integers(1, 9))
    def tend(self, steps: int) -> None:
        for _ in range(steps):
            self.raw.execute("BEGIN IMMEDIATE")
            done = self.index.tend(self.raw)
            self.raw.execute("COMMIT")
            done()

    @rule()
    def tend_and_roll_back(self) -> None:
        self.raw.execute("BEGIN IMMEDIATE")
        self.index.tend(self.raw)
        self.raw.execute("ROLLBACK")

    @rule()
    def tend_and_crash_before_memory_follows(self) -> None:
        self.raw.execute("BEGIN IMMEDIATE")
        self.index.tend(self.raw)
        self.raw.execute("COMMIT")
        self.crash()

    @rule()
    def crash(self) -> None:
        self.raw.close()
        self.raw = connect(self.path)
        self.index = self._opened()

    @rule()
    def next_day(self) -> None:
        self.today += 1

    @precondition(lambda self: self.today > 0)
    @rule(days=st.integers(0, 3), commit=st.booleans())
    def drop(self, days: int, commit: bool) -> None:
        before = max(0, self.today - days)
        self.raw.execute("BEGIN IMMEDIATE")
        done = self.index.drop(self.raw, before)
        if not commit:
            self.raw.execute("ROLLBACK")
            return
        self.raw.execute("COMMIT")
        done()
        self.model = {
            key: (generation, existing)
            for key, (generation, existing) in self.model.items()
            if generation == KEPT or generation >= before
        }

    @rule()
    def finish_the_work(self) -> None:
        tend_all(self.raw, self.index)
        pages, live = page_counts(self.raw)
        assert pages == live

    @invariant()
    def the_index_equals_the_model(self) -> None:
        expected = {key: existing for key, (_, existing) in self.model.items()}
        assert self.index.find(self.raw, [*expected, *UNKNOWN]) == expected
        assert stored(self.raw, self.index) == expected
        assert len(self.index) == len(expected)

    @invariant()
    def single_look_ups_equal_the_model(self) -> None:
        for key, (_, existing) in list(self.model.items())[::11]:
            assert self.index.look_up(self.raw, key) == existing
        assert self.index.look_up(self.raw, UNKNOWN[0]) is None

    def teardown(self) -> None:
        self.raw.close()
        self.folder.cleanup()


TestIndex = Index.TestCase
TestIndex.settings = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
