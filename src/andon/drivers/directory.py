"""One number that goes up with every change of tenants, keys and prices.

A process that sees it unchanged need not read any of them again; row-level security does not hide
it, since it says nothing.
"""

from __future__ import annotations

from sqlalchemy import select, update

from andon.drivers.database import Tx
from andon.drivers.database.changes import directory


def revision(tx: Tx) -> int:
    """Read how many changes there were."""
    return int(tx.conn.execute(select(directory.c.revision)).scalar_one())


def note_change(tx: Tx) -> None:
    """Count a change, in the transaction that makes it."""
    tx.conn.execute(update(directory).values(revision=directory.c.revision + 1))
