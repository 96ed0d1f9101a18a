"""What verification compares with the records: sums, dedupe keys, blocks, and what erasure took."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Table, func, select

from andon.drivers.database import Tx
from andon.drivers.database.erased import (
    usage_erased_daily,
    usage_erased_hourly,
    usage_erasures,
)
from andon.drivers.database.tables import (
    SUMS,
    blocks,
    usage,
    usage_daily,
    usage_hourly,
    usage_keys,
)
from andon.drivers.telemetry.columns import NO_COST
from andon.drivers.telemetry.keyindex import snapshot
from andon.drivers.telemetry.keyindex.entries import ENTRY, Entries, pack

Row = tuple[tuple[Any, ...], list[int]]
"""The key of a row of sums, without slot and shard, and its sums."""

HOURLY = ("usage_hourly", "usage_erased_hourly")
DAILY = ("usage_daily", "usage_erased_daily")
_TABLES: dict[str, Table] = {
    table.name: table
    for table in (usage_hourly, usage_daily, usage_erased_hourly, usage_erased_daily)
}
_AT_ONCE = 10_000


def names_of(table: str) -> list[str]:
    """Name the columns of a key, as rows of this table have it."""
    return [
        column.name for column in _TABLES[table].primary_key if column.name not in {"slot", "shard"}
    ]


def sums_in(tx: Tx, slot: int, table: str) -> Iterator[Row]:
    """Read the transaction's tenant's sums, one row a shard."""
    found = _TABLES[table]
    names = names_of(table)
    statement = select(*(found.c[name] for name in (*names, *SUMS))).where(
        found.c.slot == slot, tx.of(found)
    )
    with tx.conn.execute(statement.execution_options(yield_per=_AT_ONCE)) as rows:
        for row in rows:
            yield tuple(row[: len(names)]), list(row[len(names) :])


def sums_at(tx: Tx, slot: int, table: str, key: Sequence[Any]) -> list[int]:
    """Sum one row over its shards."""
    found = _TABLES[table]
    where = [found.c[name] == value for name, value in zip(names_of(table), key, strict=True)]
    totals = (func.coalesce(func.sum(found.c[name]), 0) for name in SUMS)
    row = tx.conn.execute(select(*totals).where(found.c.slot == slot, *where)).one()
    return [int(value) for value in row]


def erased_so_far(tx: Tx, slot: int) -> tuple[int, int]:
    """Tell how far erasure has come in the transaction's tenants: blocks, and bytes of places."""
    table = usage_erasures.c
    counts = select(func.count(), func.coalesce(func.sum(func.length(table.seqs)), 0)).where(
        table.slot == slot, table.tenant.in_(tx.tenants)
    )
    row = tx.conn.execute(counts).one()
    return int(row[0]), int(row[1])


def erased_heads(tx: Tx, slot: int) -> list[bytes]:
    """Give the ids of the blocks that erasure took records out of."""
    table = usage_erasures.c
    statement = select(table.id).where(table.slot == slot, table.tenant.in_(tx.tenants))
    return [bytes(row[0]) for row in tx.conn.execute(statement)]


def keys_in(tx: Tx, slot: int, since_id: bytes) -> Iterator[Entries]:
    """Read the dedupe keys: those of the transaction's tenants, on SQLite of all.

    On PostgreSQL those of records before `since_id` are left out, on SQLite they are given too.
    """
    if tx.dialect == "sqlite":
        yield from snapshot.entries(tx.raw)
        return
    table = usage_keys.c
    statement = select(table.key, table.content, table.cost_stated_nanousd, table.id).where(
        table.slot == slot, table.tenant.in_(tx.tenants), table.id >= since_id
    )
    with tx.conn.execute(statement.execution_options(yield_per=_AT_ONCE)) as rows:
        for part in rows.partitions(_AT_ONCE):
            keys, contents, costs, ids = zip(*part, strict=True)
            yield packed(
                [bytes(key) for key in keys],
                np.array(contents, np.int64),
                [NO_COST if cost is None else cost for cost in costs],
                [bytes(id_) for id_ in ids],
            )


def packed(
    keys: Sequence[bytes], contents: Any, costs: Sequence[int], ids: Sequence[bytes]
) -> Entries:
    """Pack what is known of some calls as the dedupe index does."""
    if not keys:
        return np.zeros(0, ENTRY)
    return pack(keys, contents, np.array(costs, np.int64), ids)


class Numbered(NamedTuple):
    """A block as it is numbered: when, how many records, and of which tenants."""

    block: int
    committed_us: int
    records: int
    tenants: frozenset[int]


def numbered(tx: Tx, slot: int, after: int, last: int) -> list[Numbered]:
    """Read the slot's blocks after one, up to and with `last`."""
    table = blocks.c
    statement = (
        select(table.block, table.committed_us, table.records, table.tenants)
        .where(table.slot == slot, table.block > after, table.block <= last)
        .order_by(table.block)
    )
    return [
        Numbered(row[0], row[1], row[2], frozenset(int(no) for no in row[3].split(",") if no))
        for row in tx.conn.execute(statement)
    ]


def highest_block(tx: Tx, slot: int) -> int:
    """Give the highest number that a block of the slot has; 0 where there is none."""
    highest = select(func.coalesce(func.max(blocks.c.block), 0)).where(blocks.c.slot == slot)
    return int(tx.conn.execute(highest).scalar_one())


def held_in(tx: Tx, slot: int, after: int, last: int) -> dict[int, dict[int, int]]:
    """Count the records of blocks by block and tenant, those that were erased included."""
    counts: dict[int, dict[int, int]] = {}
    table, erased = usage.c, usage_erasures.c
    stored = select(table.block, table.tenant, table.records).where(
        table.slot == slot, table.tenant.in_(tx.tenants), table.block > after, table.block <= last
    )
    taken = select(erased.block, erased.tenant, func.length(erased.seqs) / 2).where(
        erased.slot == slot,
        erased.tenant.in_(tx.tenants),
        erased.block > after,
        erased.block <= last,
    )
    for statement in (stored, taken):
        for block, tenant, records in tx.conn.execute(statement):
            of_block = counts.setdefault(block, {})
            of_block[tenant] = of_block.get(tenant, 0) + int(records)
    return counts
