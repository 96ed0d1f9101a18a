"""Cuts of power at any moment of a store's life, and what is found when it is switched on again.

A cut leaves one of the states that the store had committed. Each such state is checked in full the
first time that it comes up: SQLite's own check, and all books. It is told by all of its pages, as
SQLite reads them after its recovery, so that to look at it again is to compare it with what had
been acknowledged when the power went.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

import apsw

from tests.simulation.books import Books
from tests.simulation.disk import NOTHING_ELSE, Disk, Images, Op
from tests.simulation.feeding import Life, Manner, Parcel, Register
from tests.simulation.store import FILE, blank_images
from tests.simulation.vfs import NAME, VFS, Mount

_EARLY = 60
# Runs of the dedupe index that are half merged, and runs that are half deleted.
_UNFINISHED = "SELECT count(DISTINCT state) FROM usage_key_runs WHERE state <> 1"
_OPEN = apsw.SQLITE_OPEN_URI | apsw.SQLITE_OPEN_READWRITE


@dataclass(slots=True)
class Tally:
    """What histories add up to."""

    cuts: int = 0
    lives: int = 0
    states: int = 0
    unfinished: int = 0
    acked: int = 0
    losing_cuts: int = 0
    disk_failures: int = 0
    failed_requests: int = 0
    first_loss: int = 0
    faults: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Count another tally in."""
        for name in (
            "lives",
            "states",
            "unfinished",
            "acked",
            "disk_failures",
            "failed_requests",
        ):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        if other.first_loss and not self.first_loss:
            self.first_loss = self.cuts + other.first_loss
        self.cuts += other.cuts
        self.losing_cuts += other.losing_cuts
        self.faults += other.faults


class _State(NamedTuple):
    """What is in a state of the store, and what is wrong with it whatever was acknowledged."""

    calls: int
    faults: list[str]


class History:
    """Some lives of one store; each but the first begins with what a cut has left."""

    def __init__(self, seed: str, manner: Manner) -> None:
        self.tally = Tally()
        self._seed = seed
        self._rng = Random(seed)
        self._manner = manner
        self._register = Register()
        self._states: dict[int, _State] = {}
        self._images = blank_images()
        self._acked = 0
        self._resent: list[Parcel] = []
        self._lives = 0

    def live(self, cuts: int) -> None:
        """Run one life, cut it so many times, and go on from one of the cuts."""
        life = Life(self._images, self._rng, self._register, self._manner)
        life.run(f"{self._lives}", self._rng.choice(self._manner.steps), self._resent)
        self._lives += 1
        self._note(life)
        moments = sorted(self._moments(len(life.mount.log), cuts - 1))
        for moment, disk in _at_moments(self._images, life.mount.log, moments):
            self._look(disk.cut(self._rng), life, moment)
        self._go_on(life)

    def _moments(self, steps: int, cuts: int) -> Iterator[int]:
        """Choose when to cut; what follows an earlier cut closely is cut more often."""
        early = min(_EARLY, steps)
        for number in range(cuts):
            yield self._rng.randint(0, steps if number % 4 else early)

    def _go_on(self, life: Life) -> None:
        """Choose the cut that the next life begins with: at any time, or with an answer."""
        log, mood = life.mount.log, None
        moment = self._rng.randint(0, len(log))
        if self._rng.random() < 0.5:
            moment, mood = self._rng.choice(life.acks).at, NOTHING_ELSE
        for _, disk in _at_moments(self._images, log, [moment]):
            images = disk.cut(self._rng, mood)
        # There is no life after a loss: what follows from it shows nothing more.
        if self._look(images, life, moment):
            self._images, self._acked = images, self._acked | life.acked_by(moment)
        self._resent = self._register.some_again(self._rng, self._acked)

    def _note(self, life: Life) -> None:
        tally = self.tally
        tally.lives += 1
        tally.disk_failures += life.mount.failures
        tally.failed_requests += life.failed_requests
        tally.acked += life.acked_by(len(life.mount.log)).bit_count()
        tally.faults += [f"{self._seed}: {fault}" for fault in life.faults]

    def _look(self, images: Images, life: Life, moment: int) -> bool:
        self.tally.cuts += 1
        state = self._recover(images)
        lost = (self._acked | life.acked_by(moment)) & ~state.calls
        if lost:
            self.tally.losing_cuts += 1
            self.tally.first_loss = self.tally.first_loss or self.tally.cuts
        if state.faults:
            where = f"{self._seed}, life {self._lives}, cut after {moment} steps"
            self.tally.faults.append(f"{where}: {'; '.join(state.faults[:3])}")
        return not lost and not state.faults

    def _recover(self, images: Images) -> _State:
        folder = VFS.mount(Mount(images))
        try:
            with closing(_connect(folder)) as connection:
                pages = connection.serialize("main")
                key = hash(pages)
                state = self._states.get(key)
                if state is None:
                    self.tally.states += 1
                    state = self._states[key] = self._examine(connection)
                return state
        except apsw.Error as fault:
            return _State(0, [f"it cannot be opened: {fault}"])
        finally:
            VFS.unmount(folder)

    def _examine(self, connection: Any) -> _State:
        def read(statement: str) -> list[tuple[Any, ...]]:
            return list(connection.execute(statement))

        faults = [row[0] for row in read("PRAGMA integrity_check") if row[0] != "ok"]
        if faults:
            return _State(0, faults)
        self.tally.unfinished += read(_UNFINISHED)[0][0]
        books = Books()
        try:
            faults = books.follow(read)
        except Exception as fault:  # whatever it is, the books cannot be read
            return _State(0, [f"the books cannot be read: {fault!r}"])
        unknown = books.records.keys() - self._register.calls.keys()
        if unknown:
            return _State(0, [f"{len(unknown)} records were never sent"])
        faults += [
            f"{name} is not as it was sent"
            for name, stored in books.records.items()
            if stored[1:] != _billed(self._register.calls[name])
        ]
        return _State(self._register.bits(list(books.records)), faults)


def _at_moments(
    images: Images, log: list[Op], moments: Sequence[int]
) -> Iterator[tuple[int, Disk]]:
    """Give the disk as it is at each of these moments, which ascend."""
    disk, done = Disk(images), 0
    for moment in moments:
        for op in log[done:moment]:
            disk.apply(op)
        done = moment
        yield moment, disk


def _billed(call: Any) -> tuple[int, int, str]:
    return call.tokens_in, call.tokens_out, call.model


def _connect(folder: str) -> apsw.Connection:
    connection = apsw.Connection(f"file:{folder}{FILE}?psow=0", flags=_OPEN, vfs=NAME)
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    connection.execute("PRAGMA locking_mode = EXCLUSIVE").close()
    return connection


def run_history(seed: str, manner: Manner, cuts: int, lives: int = 3) -> Tally:
    """Run the lives of one store; the cuts are shared between them."""
    history = History(seed, manner)
    for _ in range(lives):
        history.live(cuts // lives)
    return history.tally
