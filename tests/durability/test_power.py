"""Power cuts on a simulated disk: what was acknowledged is there, once, and the books balance."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.simulation.feeding import Failing, FailingSyncs, Manner
from tests.simulation.power import Tally, run_history
from tests.simulation.store import Durability
from tests.simulation.worlds import quiet

_CUTS = 4_500
_LONG_LOG = Durability(wal_autocheckpoint=600, journal_size_limit=1 << 23)
_SHORT_LIVES = Manner(_LONG_LOG, steps=(2,))
_UNSYNCED = Manner(_LONG_LOG, failing=FailingSyncs, steps=(45,))

_WRONG = {
    "synchronous = NORMAL": (Manner(Durability(synchronous="NORMAL")), 6),
    "synchronous = OFF": (Manner(Durability(synchronous="OFF")), 6),
    "acknowledges before the commit": (Manner(acks_early=True), 6),
    "trusts the disk with overwriting": (Manner(Durability(psow=True)), 6),
    "goes on with the log of before the cut": (
        replace(_SHORT_LIVES, durability=replace(_LONG_LOG, keeps_log=True)),
        12,
    ),
    "goes on with a log that was not synced": (replace(_UNSYNCED, settles=False), 8),
}


def _run(seed: str, manner: Manner, cuts: int, lives: int) -> Tally:
    with quiet():
        total = run_history(seed, manner, cuts, lives)
    print(f"{total.losing_cuts} of {total.cuts:,} cuts lost records, {len(total.faults)} faults")
    return total


def _has_kept_all(total: Tally) -> bool:
    assert total.faults == []
    return total.losing_cuts == 0


@pytest.mark.parametrize("number", range(8))
def test_no_cut_loses_what_was_acknowledged(number: int) -> None:
    total = _run(f"power {number}", Manner(), _CUTS, 4)
    assert _has_kept_all(total)
    assert total.cuts > _CUTS - 4
    assert total.acked > 50
    assert total.unfinished, "no cut met a merge, so that none was lost shows nothing"


@pytest.mark.parametrize("number", range(5))
def test_a_cut_soon_after_a_cut_loses_nothing(number: int) -> None:
    assert _has_kept_all(_run(f"soon {number}", _SHORT_LIVES, 1_200, 12))


@pytest.mark.parametrize("number", range(4))
def test_a_disk_that_fails_loses_nothing(number: int) -> None:
    total = _run(f"failing {number}", Manner(failing=Failing), _CUTS // 2, 4)
    assert _has_kept_all(total)
    assert total.failed_requests, "no request met a failure"


@pytest.mark.parametrize("number", range(4))
def test_what_is_acknowledged_after_a_failed_sync_stays(number: int) -> None:
    total = _run(f"unsynced {number}", _UNSYNCED, 320, 8)
    assert _has_kept_all(total)
    assert total.failed_requests > 10


@pytest.mark.parametrize("wrong", _WRONG)
def test_what_is_not_durable_is_found(wrong: str) -> None:
    manner, lives = _WRONG[wrong]
    cuts = 0
    for number in range(8):
        total = _run(f"planted {number}", manner, 100 * lives, lives)
        cuts += total.first_loss or total.cuts
        if total.losing_cuts:
            print(f"{wrong}: found by cut {cuts}")
            return
    pytest.fail(f"{cuts} cuts did not find it")
