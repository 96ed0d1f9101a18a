"""SQL of corrections: a correction, what it does to the sums, and its row in the log are one.

Corrections of a tenant go one after the other, so that their numbers follow their commits and
each sees what the one before it did.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import delete, func, insert, select

from andon.drivers import tenants
from andon.drivers.database import Tx
from andon.drivers.database.corrections import usage_corrections, usage_repriced, usage_voids
from andon.drivers.telemetry.columns import DAILY_KEY, HOURLY_KEY, SUMS, upsert
from andon.drivers.telemetry.overlays import Prices, Void, pack_prices

Sums = Mapping[tuple[Any, ...], list[int]]
"""Sums by the key of a rollup row, without slot and shard."""

_Logged = list[tuple[tuple[int | str, ...], list[int]]]
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[_Logged, _Logged]).decode


class Correction(NamedTuple):
    """A row of the log: the block that was corrected, and what that did to the sums."""

    no: int
    block: int
    hourly: dict[tuple[Any, ...], list[int]]
    daily: dict[tuple[Any, ...], list[int]]


def begin(tx: Tx) -> None:
    """Let other corrections of the transaction's tenant wait until this one ends."""
    tenants.lock_tenant(tx)


def insert_void(tx: Tx, slot: int, id_: bytes, block: int, void: Void) -> None:
    """Take a record out; `voids` tells beforehand whether it was."""
    tx.conn.execute(
        insert(usage_voids).values(
            slot=slot,
            tenant=tx.tenant,
            id=id_,
            block=block,
            seq=void.seq,
            reason=void.reason,
            voided_by=void.voided_by,
            voided_us=void.voided_us,
        )
    )


def put_prices(tx: Tx, slot: int, block: int, run: str, prices: Prices) -> None:
    """Keep what was priced again in a block, in place of what was kept before."""
    table = usage_repriced.c
    where = (table.slot == slot, tx.of(usage_repriced), table.block == block)
    tx.conn.execute(delete(usage_repriced).where(*where))
    if prices:
        tx.conn.execute(
            insert(usage_repriced).values(
                slot=slot,
                tenant=tx.tenant,
                block=block,
                run=run,
                repriced_us=tx.now_us,
                body=pack_prices(prices),
            )
        )


def apply(tx: Tx, slot: int, shard: int, block: int, kind: str, hourly: Sums, daily: Sums) -> None:
    """Change the sums by what a correction of a block changes, and log it."""
    mark = "?" if tx.dialect == "sqlite" else "%s"
    _add(tx, upsert("usage_hourly", HOURLY_KEY, SUMS, mark), slot, shard, hourly)
    _add(tx, upsert("usage_daily", DAILY_KEY, SUMS, mark), slot, shard, daily)
    tx.conn.execute(
        insert(usage_corrections).values(
            slot=slot,
            tenant=tx.tenant,
            no=latest(tx, slot) + 1,
            block=block,
            kind=kind,
            at_us=tx.now_us,
            body=_encode((list(hourly.items()), list(daily.items()))),
        )
    )


def _add(tx: Tx, statement: str, slot: int, shard: int, sums: Sums) -> None:
    # In one order, as ingest does, so that two transactions on the same rows never deadlock.
    rows = [(slot, *key, shard, *values) for key, values in sorted(sums.items())]
    if not rows:
        return
    cursor = tx.raw.cursor()
    try:
        cursor.executemany(statement, rows)
    finally:
        cursor.close()


def latest(tx: Tx, slot: int) -> int:
    """Number the last correction of the transaction's tenant; 0 where there is none."""
    table = usage_corrections.c
    where = (table.slot == slot, tx.of(usage_corrections))
    found = tx.conn.execute(select(func.coalesce(func.max(table.no), 0)).where(*where))
    return int(found.scalar_one())


def corrections_after(tx: Tx, slot: int, no: int) -> Iterator[Correction]:
    """Read the log of the transaction's tenant from the correction after this one."""
    table = usage_corrections.c
    statement = (
        select(table.no, table.block, table.body)
        .where(table.slot == slot, tx.of(usage_corrections), table.no > no)
        .order_by(table.no)
    )
    for row in tx.conn.execute(statement.execution_options(yield_per=100)):
        hourly, daily = _decode(bytes(row.body))
        yield Correction(row.no, row.block, _keyed(hourly), _keyed(daily))


def forget_log(tx: Tx, slot: int, before_us: int) -> None:
    """Drop what is older from the log, never the last row: numbers go on from it."""
    table = usage_corrections.c
    where = (table.slot == slot, tx.of(usage_corrections), table.at_us < before_us)
    last = latest(tx, slot)
    if last:
        tx.conn.execute(delete(usage_corrections).where(*where, table.no < last))


def _keyed(logged: _Logged) -> dict[tuple[Any, ...], list[int]]:
    return {tuple(key): values for key, values in logged}


def forget(tx: Tx, slot: int, blocks: Iterable[int]) -> None:
    """Drop the corrections of blocks that are dropped themselves; the log stays."""
    gone = list(blocks)
    for table in (usage_voids, usage_repriced):
        where = (table.c.slot == slot, tx.of(table), table.c.block.in_(gone))
        tx.conn.execute(delete(table).where(*where))
