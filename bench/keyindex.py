"""What exactly-once by key costs on SQLite: the dedupe index under groups of random keys.

`python -m bench.keyindex --keys 3_000_000`; a tenth of each group repeats earlier keys, half of
them recent and half of any age. Times are this process's processor time per key that was asked.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from andon.drivers.database import sqlite
from andon.drivers.telemetry.keyindex import Entries, KeyIndex, pack
from tests.unit.keyindex.tables import TABLES

GROUP, REPEATED, RECENT = 1_600, 160, 20_000
MARKS = (1_000_000, 3_000_000, 10_000_000, 30_000_000)


@dataclass
class Clock:
    """Processor seconds by phase, and the longest wall time of one piece of it."""

    spent: dict[str, float] = field(default_factory=dict)
    longest: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def of(self, phase: str) -> Iterator[None]:
        cpu, wall = time.process_time(), time.perf_counter()
        yield
        took = time.perf_counter() - wall
        self.spent[phase] = self.spent.get(phase, 0.0) + time.process_time() - cpu
        self.longest[phase] = max(self.longest.get(phase, 0.0), took)


class Keys:
    """A stream of keys like digests: the n-th is computed, so any earlier one can be repeated."""

    def __init__(self, generation_keys: int) -> None:
        self._random = np.random.default_rng(7)
        self._generation_keys = generation_keys
        self.made = 0

    @property
    def generation(self) -> int:
        return self.made // self._generation_keys

    def _keys(self, numbers: Any) -> list[bytes]:
        halves = np.stack((_mixed(numbers * 2 + 1), _mixed(numbers * 2 + 2)), axis=1)
        listed: list[bytes] = halves.view("V16").ravel().tolist()
        return listed

    def group(self) -> tuple[list[bytes], int]:
        """Return distinct keys, and how many of them are repeated."""
        new = np.arange(self.made, self.made + GROUP - REPEATED, dtype=np.uint64)
        low = max(0, self.made - RECENT)
        recent = self._random.integers(low, max(1, self.made), REPEATED // 2, np.uint64)
        any_age = self._random.integers(0, max(1, self.made), REPEATED // 2, np.uint64)
        old = np.unique(np.concatenate((recent, any_age))) if self.made else new[:0]
        self.made += len(new)
        return self._keys(np.concatenate((new, old))), len(old)


def _mixed(numbers: Any) -> Any:
    """Mix numbers as SplitMix64 does (Steele, Lea, Flood 2014)."""
    mixed = numbers * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


class Run:
    """One writer that asks, adds and tends, a transaction each."""

    def __init__(self, path: Path, index: KeyIndex, keys: Keys) -> None:
        self.path, self.index, self.keys = path, index, keys
        self.engine = sqlite.writer_engine(path, 5.0)
        raw: Any = self.engine.raw_connection().driver_connection
        self.raw = raw
        for statement in TABLES:
            self.raw.execute(statement)
        self.clock, self.block, self.asked = Clock(), 0, 0

    def group(self) -> None:
        keys, repeated = self.keys.group()
        self.block, self.asked = self.block + 1, self.asked + len(keys)
        self.raw.execute("BEGIN IMMEDIATE")
        with self.clock.of("find"):
            found = self.index.find(self.raw, keys)
        if len(found) != repeated:
            raise SystemExit(f"{repeated} keys were repeated, {len(found)} were found")
        new = keys[: GROUP - REPEATED]
        with self.clock.of("add"):
            added = self.index.add(self.raw, 0, self.block, self.keys.generation, _packed(new))
        with self.clock.of("commit"):
            self.raw.execute("COMMIT")
        with self.clock.of("add"):
            self.index.keep(added)
        if self.index.has_work:
            self.step(lambda: self.index.tend(self.raw))

    def step(self, tend: Callable[[], Callable[[], None]]) -> None:
        self.raw.execute("BEGIN IMMEDIATE")
        with self.clock.of("tend"):
            done = tend()
        with self.clock.of("commit of tend"):
            self.raw.execute("COMMIT")
        with self.clock.of("tend"):
            done()

    def report(self) -> None:
        runs = self.raw.execute("SELECT count(*) FROM usage_key_runs WHERE state = 1").fetchone()
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        size = os.path.getsize(self.path) / 1e6
        figures = ", ".join(
            f"{phase} {spent / self.asked * 1e6:.2f} us (max {self.clock.longest[phase] * 1e3:.1f})"
            for phase, spent in self.clock.spent.items()
        )
        total = sum(self.clock.spent.values()) / self.asked * 1e6
        print(
            f"{len(self.index):>10,} keys: {figures}; all {total:.2f} us a key; {runs[0]} runs, "
            f"RSS {used} MB, file {size:.0f} MB",
            flush=True,
        )
        self.clock, self.asked = Clock(), 0


def _packed(keys: list[bytes]) -> Entries:
    contents = np.arange(len(keys), dtype=np.int64)
    return pack(keys, contents, contents, keys)


def main() -> None:
    """Run until so many keys are known, and report on the way; max is milliseconds of wall."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--keys", type=int, default=3_000_000)
    options.add_argument("--generation-keys", type=int, default=1 << 40)
    options.add_argument("--flush-at", type=int, default=65_536)
    options.add_argument("--fan-out", type=int, default=8)
    options.add_argument("--folder", type=Path)
    chosen = options.parse_args()
    index = KeyIndex(flush_at=chosen.flush_at, fan_out=chosen.fan_out)
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        run = Run(Path(folder) / "keys.db", index, Keys(chosen.generation_keys))
        marks = [mark for mark in MARKS if mark < chosen.keys] + [chosen.keys]
        for mark in marks:
            while len(index) < mark:
                run.group()
            run.report()
        again, start = KeyIndex(), time.perf_counter()
        again.load(run.raw)
        print(f"opened {len(again):,} keys in {time.perf_counter() - start:.2f} s")


if __name__ == "__main__":
    main()
