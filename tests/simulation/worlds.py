"""Runs worlds in folders of their own: `python -m tests.simulation.worlds SEED` prints a trace."""

from __future__ import annotations

import logging
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.simulation.world import Bug, Outcome, World

ROUNDS = 40
"""How often each reporter of a world reports."""

_MEMORY = Path("/dev/shm")


def run_world(seed: str, bug: Bug | None = None, rounds: int = ROUNDS) -> Outcome:
    """Run the world of a seed on a new store, in memory where the system has room there."""
    parent = _MEMORY if _MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="andon-world-", dir=parent) as folder, quiet():
        return World(seed, Path(folder), bug).run(rounds)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the warnings of a world in which everything fails now and then to itself."""
    log = logging.getLogger("andon.intake")
    before = log.disabled
    log.disabled = True
    try:
        yield
    finally:
        log.disabled = before


if __name__ == "__main__":
    print(run_world(sys.argv[1]).trace)
