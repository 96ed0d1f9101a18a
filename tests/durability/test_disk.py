"""What the simulated disk keeps of what was written when its power is cut."""

from __future__ import annotations

from random import Random

import apsw
import pytest

from tests.simulation.disk import NOTHING_ELSE, SECTOR, Disk, Op
from tests.simulation.vfs import Mount

_OLD = b"o" * 16 * SECTOR
_CUTS = 400


def _disk(*ops: Op) -> Disk:
    disk = Disk({"file": bytearray(_OLD)})
    for op in ops:
        disk.apply(op)
    return disk


def _sectors(disk: Disk, mood: tuple[float, float] | None = None) -> list[set[bytes]]:
    """Give what each sector may hold after a cut."""
    rng = Random(1)
    images = [bytes(disk.cut(rng, mood)["file"]) for _ in range(_CUTS)]
    places = range(0, len(_OLD), SECTOR)
    return [{image[at : at + SECTOR] for image in images} for at in places]


def test_what_was_synced_stays() -> None:
    disk = _disk(Op("write", "file", 0, b"n" * SECTOR), Op("sync", "file"))
    assert _sectors(disk)[0] == {b"n" * SECTOR}


def test_what_was_not_synced_is_there_or_not() -> None:
    found = _sectors(_disk(Op("write", "file", 0, b"n" * 2 * SECTOR)))
    assert {b"n" * SECTOR, b"o" * SECTOR} <= found[0]
    assert found[2] >= {b"o" * SECTOR}
    assert _sectors(_disk(Op("write", "file", 0, b"n" * SECTOR)), NOTHING_ELSE)[0] == {
        b"o" * SECTOR
    }


def test_sectors_survive_in_any_order() -> None:
    disk, rng = _disk(Op("write", "file", 0, b"n" * 2 * SECTOR)), Random(1)
    images = [bytes(disk.cut(rng)["file"]) for _ in range(_CUTS)]
    assert any(image[0] == ord("o") and image[SECTOR] == ord("n") for image in images)
    assert any(image[0] == ord("n") and image[SECTOR] == ord("o") for image in images)


def test_a_write_may_tear_what_stands_beside_it() -> None:
    found = _sectors(_disk(Op("write", "file", 0, b"n" * 100)))
    assert len(found[0]) > 3
    assert len(found[7]) > 1
    assert found[8] == {b"o" * SECTOR}


def test_a_sync_that_failed_is_not_made_up_for_by_the_next() -> None:
    written = Op("write", "file", 0, b"n" * SECTOR)
    spoiled = _disk(written, Op("spoil", "file"), Op("sync", "file"))
    assert b"o" * SECTOR in _sectors(spoiled)[0]


def test_what_is_written_again_after_a_failed_sync_is_synced() -> None:
    written = Op("write", "file", 0, b"n" * SECTOR)
    beside = Op("write", "file", 3 * SECTOR, b"n" * SECTOR)
    disk = _disk(written, Op("spoil", "file"), beside, Op("sync", "file"))
    assert _sectors(disk)[0] == {b"n" * SECTOR}


def test_a_cut_may_leave_the_length_of_before() -> None:
    disk, rng = _disk(Op("write", "file", len(_OLD), b"n" * SECTOR)), Random(1)
    lengths = {len(disk.cut(rng)["file"]) for _ in range(_CUTS)}
    assert lengths == {len(_OLD), len(_OLD) + SECTOR}


def test_a_full_disk_takes_a_part() -> None:
    mount = Mount({"file": bytearray()}, lambda _op: apsw.SQLITE_FULL)
    with pytest.raises(apsw.FullError):
        mount.note(Op("write", "file", 0, b"12"))
    assert mount.files["file"] == b"1"
    assert mount.failures == 1
