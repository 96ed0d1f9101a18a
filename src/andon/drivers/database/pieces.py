"""Pieces of PostgreSQL's large tables: usage by month of receipt, dedupe keys by generation."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, select

from andon.drivers.database.generations import usage_generations
from andon.drivers.database.store import Tx

_AHEAD = 3
"""How many months after the present one a migration makes."""

_MONTHS = (
    "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
    " WHERE i.inhparent = 'usage'::regclass ORDER BY c.relname"
)
_THIS_MONTH = (
    "SELECT extract(year FROM clock_timestamp() AT TIME ZONE 'UTC')::integer * 12"
    " + extract(month FROM clock_timestamp() AT TIME ZONE 'UTC')::integer - 1"
)
_MAKE_MONTH = "SELECT andon_make_usage_month(%s)"
_DROP_MONTH = "SELECT andon_drop_usage_month(%s)"
_BEGIN_GENERATION = "SELECT andon_begin_key_generation(%s)"
_DROP_GENERATION = "SELECT andon_drop_key_generation(%s)"
_ANY_AGE = 1 << 30


class PieceMissing(Exception):
    """The month of this usage has no piece: the clock has jumped past those made ahead."""

    def __init__(self, month: int):
        super().__init__(f"usage of month {month} has no piece yet")
        self.month = month


class Pieces(NamedTuple):
    """What there is: months of usage and generations of keys, each in their order."""

    months: list[int]
    generations: list[int]


def prepare(connection: Connection) -> None:
    """Make what a migrated database needs: the months to come, the first generation of keys."""
    run = connection.exec_driver_sql
    this_month = int(run(_THIS_MONTH).scalar_one())
    for month in range(this_month, this_month + _AHEAD + 1):
        run(_MAKE_MONTH, (month,))
    run(_BEGIN_GENERATION, (_ANY_AGE,))


def read(tx: Tx) -> Pieces:
    """List the pieces there are."""
    names = tx.conn.exec_driver_sql(_MONTHS).scalars()
    generation = usage_generations.c.generation
    generations = tx.conn.execute(select(generation).order_by(generation)).scalars()
    return Pieces([_month_of(name) for name in names], list(generations))


def _month_of(name: str) -> int:
    _, year, month = name.rsplit("_", 2)
    return int(year) * 12 + int(month) - 1


def make_month(tx: Tx, month: int) -> bool:
    """Make the piece for usage received in a month; False where it is there."""
    return bool(tx.conn.exec_driver_sql(_MAKE_MONTH, (month,)).scalar_one())


def drop_month(tx: Tx, month: int) -> bool:
    """Drop the usage received in a month; False where it was dropped before.

    The store refuses this month and the one before it.
    """
    return bool(tx.conn.exec_driver_sql(_DROP_MONTH, (month,)).scalar_one())


def begin_generation(tx: Tx, days: int) -> int | None:
    """Let new keys go into a new piece, where the newest is this many days old; give its day."""
    begun = tx.conn.exec_driver_sql(_BEGIN_GENERATION, (days,)).scalar_one()
    return None if begun is None else int(begun)


def drop_generation(tx: Tx, generation: int) -> bool:
    """Forget the keys of a piece; False where another process did."""
    return bool(tx.conn.exec_driver_sql(_DROP_GENERATION, (generation,)).scalar_one())
