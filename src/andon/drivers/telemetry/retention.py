"""Raw usage past its time: counted by its blocks, deleted a bounded number of blocks at a time."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import delete, func, select

from andon.drivers.database import Tx
from andon.drivers.database.corrections import usage_repriced, usage_voids
from andon.drivers.database.tables import blocks, usage
from andon.drivers.telemetry import corrections


class Dropped(NamedTuple):
    """How much one step dropped, and whether there may be more."""

    blocks: int
    records: int
    is_more: bool


def count_between(tx: Tx, from_us: int, until_us: int) -> int:
    """Count the records of all tenants that were received in a time."""
    committed = blocks.c.committed_us
    total = select(func.coalesce(func.sum(blocks.c.records), 0)).where(
        committed >= from_us, committed < until_us
    )
    return int(tx.conn.execute(total).scalar_one())


def drop_oldest(tx: Tx, slot: int, before_month: int, most: int) -> Dropped:
    """Delete the oldest blocks of the transaction's tenant that were received before a month.

    Their corrections go with them; numbers of blocks, sums and dedupe keys stay.
    """
    table = usage.c
    oldest = select(table.block, table.month, table.records).where(table.slot == slot, tx.of(usage))
    rows = tx.conn.execute(oldest.order_by(table.block).limit(most)).all()
    # Blocks follow their receipt, so that those past their time stand at the beginning.
    gone = [row for row in rows if row.month < before_month]
    numbers = [row.block for row in gone]
    if numbers:
        where = (table.slot == slot, tx.of(usage), table.block.in_(numbers))
        tx.conn.execute(delete(usage).where(*where))
        corrections.forget(tx, slot, numbers)
    return Dropped(len(gone), sum(row.records for row in gone), len(gone) == most)


def forget_corrections(tx: Tx, slot: int) -> None:
    """Drop the corrections of the tenant's blocks that came before the oldest one it still has."""
    oldest = select(func.min(usage.c.block)).where(usage.c.slot == slot, tx.of(usage))
    first = tx.conn.execute(oldest).scalar_one_or_none()
    for table in (usage_voids, usage_repriced):
        where = [table.c.slot == slot, tx.of(table)]
        if first is not None:
            where.append(table.c.block < first)
        tx.conn.execute(delete(table).where(*where))
