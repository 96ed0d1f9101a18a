"""What was added is known until its generation is dropped, across flushes, merges and restarts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from andon.drivers.telemetry.keyindex import KEPT, KeyIndex
from andon.drivers.telemetry.keyindex.pages import PageMissing
from tests.unit.keyindex.tables import (
    add,
    connect,
    drop,
    fresh,
    known,
    made,
    numbered,
    packed,
    page_counts,
    small,
    stored,
    tend,
    tend_all,
)


def _filled(path: Path, blocks: int, generation: int = 1) -> tuple[Any, KeyIndex]:
    raw, index = fresh(path), small()
    index.load(raw)
    for block in range(blocks):
        add(raw, index, block, generation, range(block * 30, block * 30 + 30))
        tend(raw, index)
    return raw, index


def test_an_entry_is_unknown_until_its_commit_is_kept(tmp_path: Path) -> None:
    raw, index = fresh(tmp_path / "a.db"), small()
    raw.execute("BEGIN IMMEDIATE")
    added = index.add(raw, 0, 1, 1, packed(numbered([1]).items()))

    assert index.find(raw, [made(1)]) == {}
    raw.execute("COMMIT")
    index.keep(added)
    assert index.find(raw, [made(1), made(2)]) == {made(1): known(1)}
    assert len(index) == 1


def test_hot_entries_outgrow_their_first_room(tmp_path: Path) -> None:
    raw, index = fresh(tmp_path / "a.db"), KeyIndex()
    for block in range(5):
        add(raw, index, block, 1, range(block * 600, block * 600 + 600))

    assert not index.has_work
    assert index.find(raw, list(numbered(range(3000)))) == numbered(range(3000))


def test_a_rolled_back_block_leaves_nothing(tmp_path: Path) -> None:
    raw, index = fresh(tmp_path / "a.db"), small()
    raw.execute("BEGIN IMMEDIATE")
    index.add(raw, 0, 1, 1, packed(numbered([1]).items()))
    raw.execute("ROLLBACK")

    assert index.find(raw, [made(1)]) == {}
    assert stored(raw, index) == {}


def test_merged_keys_are_all_found(tmp_path: Path) -> None:
    raw, index = _filled(tmp_path / "a.db", 40)
    tend_all(raw, index)
    everything = numbered(range(1200))

    assert index.find(raw, list(everything)) == everything
    assert index.find(raw, [made(n) for n in range(1200, 3000)]) == {}
    assert len(index) == 1200
    assert stored(raw, index) == everything


def test_keys_that_begin_alike_over_several_pages_are_all_found(tmp_path: Path) -> None:
    raw, index = fresh(tmp_path / "a.db"), small()
    alike = {bytes(range(8)) + made(n)[8:]: known(n) for n in range(100)}
    expected = alike | numbered(range(20))
    for block, part in enumerate((list(expected)[::2], list(expected)[1::2])):
        raw.execute("BEGIN IMMEDIATE")
        added = index.add(raw, 0, block, 1, packed((key, expected[key]) for key in part))
        raw.execute("COMMIT")
        index.keep(added)
        tend_all(raw, index)

    assert index.find(raw, list(expected)) == expected
    assert {key: index.look_up(raw, key) for key in expected} == expected


def test_pages_of_merged_runs_are_deleted(tmp_path: Path) -> None:
    raw, index = _filled(tmp_path / "a.db", 40)
    tend_all(raw, index)

    pages, live = page_counts(raw)

    assert pages == live == pytest.approx(1200 / 4, abs=30)


def test_a_new_process_goes_on_with_a_half_done_merge(tmp_path: Path) -> None:
    raw, index = _filled(tmp_path / "a.db", 3)
    while raw.execute("SELECT count(*) FROM usage_key_runs WHERE state = 0").fetchone()[0] == 0:
        tend(raw, index)
    tend(raw, index)
    begun = raw.execute("SELECT run, pages FROM usage_key_runs WHERE state = 0").fetchone()

    again, after = connect(tmp_path / "a.db"), small()
    after.load(again)
    tend_all(again, after)

    assert begun[1] > 0
    live = again.execute("SELECT run, state FROM usage_key_runs").fetchall()
    assert live == [(begun[0], 1)]
    assert after.find(again, list(numbered(range(90)))) == numbered(range(90))
    pages, of_live_runs = page_counts(again)
    assert pages == of_live_runs
    assert again.execute("SELECT count(*) FROM usage_key_parts").fetchone()[0] > 1


def test_memory_is_rebuilt_from_the_pages_where_the_filters_are_lost(tmp_path: Path) -> None:
    raw, _ = _filled(tmp_path / "a.db", 11)
    raw.execute("DELETE FROM usage_key_parts")

    after = small()
    after.load(raw)

    assert after.find(raw, list(numbered(range(330)))) == numbered(range(330))
    tend_all(raw, after)
    assert stored(raw, after) == numbered(range(330))


def test_a_drop_forgets_older_generations_but_not_kept_keys(tmp_path: Path) -> None:
    raw, index = fresh(tmp_path / "a.db"), small()
    for block, generation in enumerate([KEPT, 1, 2, 3] * 6):
        add(raw, index, block, generation, range(block * 9, block * 9 + 9))
        tend(raw, index)

    drop(raw, index, 3)

    expected = numbered(n for n in range(216) if n // 9 % 4 in (0, 3))
    assert index.find(raw, list(numbered(range(216)))) == expected
    assert stored(raw, index) == expected
    tend_all(raw, index)
    pages, live = page_counts(raw)
    assert pages == live


def test_a_dropped_key_can_be_added_again(tmp_path: Path) -> None:
    raw, index = _filled(tmp_path / "a.db", 4)
    drop(raw, index, 2)

    add(raw, index, 50, 2, [1])

    assert index.find(raw, [made(1), made(2)]) == {made(1): known(1)}
    after = small()
    after.load(raw)
    assert after.find(raw, [made(1), made(2)]) == {made(1): known(1)}


def test_a_finished_generation_becomes_one_run(tmp_path: Path) -> None:
    raw, index = _filled(tmp_path / "a.db", 14)
    add(raw, index, 100, 2, range(10_000, 10_030))
    tend_all(raw, index)

    runs = raw.execute("SELECT keys FROM usage_key_runs WHERE generation = 1").fetchall()

    assert runs == [(420,)]


def test_a_flush_leaves_a_block_that_was_added_in_its_own_transaction(tmp_path: Path) -> None:
    raw, index = fresh(tmp_path / "a.db"), small()
    add(raw, index, 1, 1, range(30))

    raw.execute("BEGIN IMMEDIATE")
    added = index.add(raw, 0, 2, 1, packed(numbered(range(30, 40)).items()))
    done = index.tend(raw)
    raw.execute("COMMIT")
    index.keep(added)
    done()

    assert stored(raw, index) == numbered(range(40))
    assert index.find(raw, list(numbered(range(40)))) == numbered(range(40))
    assert len(index) == 40


def test_a_lost_page_is_an_error_and_not_an_unknown_key(tmp_path: Path) -> None:
    raw, index = _filled(tmp_path / "a.db", 4)
    raw.execute("DELETE FROM usage_key_pages")

    with pytest.raises(PageMissing, match="backup"):
        index.find(raw, [made(1)])
