"""A tenant's blocks in the order of their commits, a bounded number of records at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func, select

from andon.drivers.database import Tx
from andon.drivers.database.tables import blocks, slots, usage
from andon.drivers.telemetry.packing import unpack

_READ_AHEAD = 8


class Held(NamedTuple):
    """The records of a tenant in one block, as they were written; `records` is what it says."""

    block: int
    month: int
    received_us: int
    id: bytes
    records: int
    columns: dict[str, list[Any]]


def last_block(tx: Tx, slot: int) -> int:
    """Number the slot's newest block; 0 while there is none."""
    found = tx.conn.execute(select(slots.c.block).where(slots.c.slot == slot))
    return int(found.scalar_one())


def block_before(tx: Tx, slot: int, since_us: int) -> int:
    """Number the last block before the first one of this time or later."""
    first = select(func.min(blocks.c.block)).where(
        blocks.c.slot == slot, blocks.c.committed_us >= since_us
    )
    found = tx.conn.execute(first).scalar_one_or_none()
    return last_block(tx, slot) if found is None else int(found) - 1


def read_after(tx: Tx, slot: int, after: int, last: int, most: int) -> list[Held]:
    """Read the tenant's blocks after one, up to and with `last`, until they hold `most` records."""
    return _read(tx, slot, most, (usage.c.block > after, usage.c.block <= last))


def read_these(tx: Tx, slot: int, wanted: Sequence[int]) -> list[Held]:
    """Read these blocks of the tenant, as far as they are there."""
    return _read(tx, slot, 1 << 62, (usage.c.block.in_(wanted),))


def _read(tx: Tx, slot: int, most: int, where: tuple[ColumnElement[bool], ...]) -> list[Held]:
    table = usage.c
    names = (table.block, table.month, table.received_us, table.id, table.records, table.body)
    statement = select(*names).where(table.slot == slot, tx.of(usage), *where)
    # Blocks hold a record at least, so that no more than `most` of them are wanted.
    statement = statement.order_by(table.block).limit(min(most, 1 << 31))
    held: list[Held] = []
    seen = 0
    with tx.conn.execute(statement.execution_options(yield_per=_READ_AHEAD)) as rows:
        for row in rows:
            columns = unpack(bytes(row.body))
            held.append(
                Held(row.block, row.month, row.received_us, bytes(row.id), row.records, columns)
            )
            seen += len(columns["seq"])
            if seen >= most:
                break
    return held
