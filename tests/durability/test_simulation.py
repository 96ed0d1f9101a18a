"""The ledger in simulated worlds: what is acknowledged counts once, whatever goes wrong when."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from scripts.tree import ROOT
from tests.simulation import plants
from tests.simulation.faults import KINDS
from tests.simulation.world import Bug, Outcome
from tests.simulation.worlds import run_world

_WORLDS = 8
_MOST_WORLDS = 5

_NOT_THERE = "was answered and is not there"
_BUGS = {
    "answers before the commit": (Bug(acks_early=True), _NOT_THERE),
    "answers although the commit failed": (Bug(acks_failures=True), _NOT_THERE),
    "remembers keys before the commit": (Bug(plants.KeepsBeforeCommit), _NOT_THERE),
    "adds keys again after a retry": (Bug(plants.AddsAgainAfterRetry), "dedupe keys stand beside"),
    "takes a commit in doubt for none": (Bug(plants.NeverDoubts), "is there twice"),
    "sums duplicates": (Bug(plants.SumsDuplicates), "usage_hourly is not what"),
}


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    """Run some worlds in which no bug is planted."""
    return [run_world(f"world {number}") for number in range(_WORLDS)]


def test_the_books_balance_after_every_commit(outcomes: list[Outcome]) -> None:
    wrong = {one.seed: one.violations[:3] for one in outcomes if one.violations}
    assert wrong == {}
    print(f"0 violations in {sum(one.transactions for one in outcomes):,} transactions")


def test_everything_that_can_go_wrong_does(outcomes: list[Outcome]) -> None:
    for kind in KINDS:
        assert sum(one.commit_faults[kind] for one in outcomes) > 0, kind
    assert sum(one.restarts for one in outcomes) > _WORLDS
    assert all(one.answers > 200 for one in outcomes)


@pytest.mark.parametrize("bug", _BUGS)
def test_a_planted_bug_is_found(bug: str) -> None:
    planted, expected = _BUGS[bug]
    transactions = 0
    for number in range(_MOST_WORLDS):
        outcome = run_world(f"world {number}", planted)
        transactions += outcome.transactions
        if any(expected in violation for violation in outcome.violations):
            print(f"{bug}: found in world {number + 1} by transaction {transactions}")
            return
    pytest.fail(f"not found in {_MOST_WORLDS} worlds")


def test_a_seed_gives_the_same_world_in_every_process() -> None:
    traces = [_trace_of("again", hash_seed) for hash_seed in ("1", "2")]
    assert traces[0] == traces[1]
    assert traces[0] != _trace_of("another", "1")


def _trace_of(seed: str, hash_seed: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulation.worlds", seed],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert len(done.stdout) == 33, done.stdout
    return done.stdout
