"""What goes wrong at a commit in the simulated world, and the look into the books after each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

from sqlalchemy import Engine

from tests.simulation.books import Read
from tests.simulation.dbapi import sqlite_module

KINDS = (
    "unavailable before",
    "unavailable after",
    "error before",
    "error after",
    "killed before",
    "killed after",
)


_WEIGHTS = (3, 3, 3, 3, 1, 1)


class Killed(BaseException):
    """The process ends here, whatever it was doing."""


class CommitHook:
    """Stands between an engine and its COMMIT; where it swallows, a failure is not told."""

    def __init__(self, rng: Random, made: Callable[[Read], None]) -> None:
        self._rng = rng
        self._made = made
        self.rate = 0.0
        self.swallows = False
        self.commits = 0
        self.faults: dict[str, int] = dict.fromkeys(KINDS, 0)

    def put_on(self, engine: Engine) -> None:
        """Watch the commits of an engine."""
        dialect: Any = engine.dialect
        dialect.do_commit = partial(self._commit, dialect.do_commit)

    def _commit(self, commit: Callable[[Any], None], fairy: Any) -> None:
        self.commits += 1
        is_faulty = self._rng.random() < self.rate
        kind = self._rng.choices(KINDS, _WEIGHTS)[0] if is_faulty else ""
        if kind:
            self.faults[kind] += 1
        what, _, when = kind.partition(" ")
        if when == "before":
            if self.swallows and what != "killed":
                fairy.rollback()
                return
            _fail(what)
        commit(fairy)
        raw = fairy.driver_connection
        self._made(lambda statement: raw.execute(statement).fetchall())
        if when == "after":
            _fail(what)


def _fail(what: str) -> None:
    if what == "killed":
        raise Killed
    if what == "error":
        raise sqlite_module.DatabaseError("simulated: the commit was not confirmed")
    raise sqlite_module.OperationalError("simulated: the connection is lost")
