"""A reader finds what is in its own state of the database, whatever the writer does meanwhile."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from andon.drivers.telemetry.keyindex import KeyIndex
from tests.unit.keyindex.tables import (
    add,
    connect,
    fresh,
    known,
    made,
    small,
    tend,
    tend_all,
)


def _look_up(raw: Any, index: KeyIndex, numbers: range) -> None:
    for number in numbers:
        assert index.look_up(raw, made(number)) == known(number)


def test_a_state_from_before_the_merges_still_has_every_key(tmp_path: Path) -> None:
    raw, index = fresh(tmp_path / "a.db"), small()
    add(raw, index, 0, 1, range(30))
    tend(raw, index)
    add(raw, index, 1, 1, range(30, 50))
    reader = connect(tmp_path / "a.db")
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM usage_key_runs").fetchone()

    for block in range(2, 30):
        add(raw, index, block, 1, range(block * 30, block * 30 + 30))
    tend_all(raw, index)

    _look_up(reader, index, range(50))
    assert index.look_up(reader, made(77_777)) is None


def test_memory_that_has_not_followed_a_commit_yet_still_answers(tmp_path: Path) -> None:
    raw, index = fresh(tmp_path / "a.db"), small()
    reader = connect(tmp_path / "a.db")
    for block in range(9):
        add(raw, index, block, 1, range(block * 30, block * 30 + 30))

    while index.has_work:
        raw.execute("BEGIN IMMEDIATE")
        done = index.tend(raw)
        raw.execute("COMMIT")
        _look_up(reader, index, range(0, 270, 7))
        done()
        _look_up(reader, index, range(1, 270, 7))


def test_a_reader_with_an_old_list_of_runs_finds_the_keys_in_the_new_one(tmp_path: Path) -> None:
    raw, index = fresh(tmp_path / "a.db"), small()
    for block in range(9):
        add(raw, index, block, 1, range(block * 30, block * 30 + 30))
        tend(raw, index)
    behind = small()
    behind.load(raw)

    tend_all(raw, index)

    _look_up(connect(tmp_path / "a.db"), behind, range(270))


class _Reader(threading.Thread):
    """Looks up known keys, in a transaction of a few look-ups each, until told to stop."""

    def __init__(self, path: Path, index: KeyIndex, keys: int) -> None:
        super().__init__()
        self.path, self.index, self.keys = path, index, keys
        self.stop = threading.Event()
        self.wrong: list[int] = []
        self.looked = 0

    def run(self) -> None:
        raw = connect(self.path)
        while not self.stop.is_set() or self.looked < 500:
            raw.execute("BEGIN")
            for _ in range(5):
                self.looked += 1
                number = self.looked * 7919 % self.keys
                if self.index.look_up(raw, made(number)) != known(number):
                    self.wrong.append(number)
            raw.execute("COMMIT")
        raw.close()


def test_readers_never_miss_a_known_key_while_runs_come_and_go(tmp_path: Path) -> None:
    raw, index = fresh(tmp_path / "a.db"), small()
    add(raw, index, 0, 1, range(90))
    readers = [_Reader(tmp_path / "a.db", index, 90) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for block in range(1, 120):
            add(raw, index, block, 1, range(block * 30 + 60, block * 30 + 90))
            tend_all(raw, index)
    finally:
        for reader in readers:
            reader.stop.set()
            reader.join()

    assert [reader.wrong for reader in readers] == [[], []]
    assert all(reader.looked >= 500 for reader in readers)
