"""Texts of errors for many records at once, as an export reads them."""

from __future__ import annotations

from sqlalchemy import select

from andon.drivers.database import Tx
from andon.drivers.database.tables import usage_errors


def messages_between(tx: Tx, slot: int, first: int, last: int) -> dict[tuple[int, int], str]:
    """Read what texts there are still in some blocks, by block and place in it."""
    table = usage_errors.c
    texts = select(table.block, table.seq, table.message).where(
        table.slot == slot, tx.of(usage_errors), table.block.between(first, last)
    )
    return {(row.block, row.seq): row.message for row in tx.conn.execute(texts)}
