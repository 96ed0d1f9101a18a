"""SQL of erasure: records are taken out of their blocks, their sums are kept apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Table, and_, delete, insert, select, update

from andon.drivers.database import Tx
from andon.drivers.database.corrections import usage_corrections, usage_repriced, usage_voids
from andon.drivers.database.erased import usage_erasures
from andon.drivers.database.tables import usage, usage_errors
from andon.drivers.telemetry import corrections
from andon.drivers.telemetry.columns import DAILY_KEY, HOURLY_KEY, SUMS, upsert
from andon.drivers.telemetry.overlays import Overlays, pack_prices
from andon.drivers.telemetry.packing import FIELDS, Packer
from andon.drivers.telemetry.walking import Held

Sums = Mapping[tuple[Any, ...], list[int]]
KIND = "erase"

_encode = msgspec.msgpack.Encoder().encode


def take_out(tx: Tx, slot: int, held: Held, taken: Sequence[int]) -> None:
    """Rewrite a block without the records at these places, and all that hangs on them."""
    seqs = [held.columns["seq"][at] for at in taken]
    gone = set(taken)
    stay = [at for at in range(len(held.columns["seq"])) if at not in gone]
    where = _block(tx, usage, slot, held.block)
    if stay:
        left = {name: [held.columns[name][at] for at in stay] for name in FIELDS}
        body = Packer().pack(left, 0, len(stay))
        tx.conn.execute(update(usage).where(where).values(records=len(stay), body=body))
    else:
        tx.conn.execute(delete(usage).where(where))
    _forget_corrections(tx, slot, held.block, seqs)
    texts = and_(_block(tx, usage_errors, slot, held.block), usage_errors.c.seq.in_(seqs))
    tx.conn.execute(delete(usage_errors).where(texts))
    _note_places(tx, slot, held, seqs)


def _block(tx: Tx, table: Table, slot: int, block: int) -> Any:
    return and_(table.c.slot == slot, tx.of(table), table.c.block == block)


def _forget_corrections(tx: Tx, slot: int, block: int, seqs: Sequence[int]) -> None:
    voids = and_(_block(tx, usage_voids, slot, block), usage_voids.c.seq.in_(seqs))
    tx.conn.execute(delete(usage_voids).where(voids))
    prices = dict(Overlays(tx, slot).prices(block))
    if not prices.keys() & set(seqs):
        return
    left = {seq: price for seq, price in prices.items() if seq not in set(seqs)}
    where = _block(tx, usage_repriced, slot, block)
    if left:
        tx.conn.execute(update(usage_repriced).where(where).values(body=pack_prices(left)))
    else:
        tx.conn.execute(delete(usage_repriced).where(where))


def _note_places(tx: Tx, slot: int, held: Held, seqs: Sequence[int]) -> None:
    where = _block(tx, usage_erasures, slot, held.block)
    before = tx.conn.execute(select(usage_erasures.c.seqs).where(where)).scalar_one_or_none()
    packed = (bytes(before) if before else b"") + b"".join(seq.to_bytes(2) for seq in seqs)
    if before is None:
        row = {"slot": slot, "tenant": tx.tenant, "block": held.block, "id": held.id}
        tx.conn.execute(insert(usage_erasures).values(**row, seqs=packed))
    else:
        tx.conn.execute(update(usage_erasures).where(where).values(seqs=packed))


def erased_places(tx: Tx, slot: int, after: int, last: int) -> dict[int, tuple[bytes, list[int]]]:
    """Read the id of each block after one, up to `last`, and the places that were erased in it."""
    table = usage_erasures.c
    statement = select(table.block, table.id, table.seqs).where(
        table.slot == slot, tx.of(usage_erasures), table.block > after, table.block <= last
    )
    return {
        row.block: (bytes(row.id), list(_numbers(bytes(row.seqs))))
        for row in tx.conn.execute(statement)
    }


def _numbers(packed: bytes) -> list[int]:
    return [int.from_bytes(packed[at : at + 2]) for at in range(0, len(packed), 2)]


def keep_sums(tx: Tx, slot: int, shard: int, block: int, hourly: Sums, daily: Sums) -> None:
    """Keep what erased records of a block are in the sums, and log that the block has changed.

    The log says what the records left in the block sum to less than before.
    """
    mark = "?" if tx.dialect == "sqlite" else "%s"
    _add(tx, upsert("usage_erased_hourly", HOURLY_KEY, SUMS, mark), slot, shard, hourly)
    _add(tx, upsert("usage_erased_daily", DAILY_KEY, SUMS, mark), slot, shard, daily)
    tx.conn.execute(
        insert(usage_corrections).values(
            slot=slot,
            tenant=tx.tenant,
            no=corrections.latest(tx, slot) + 1,
            block=block,
            kind=KIND,
            at_us=tx.now_us,
            body=_encode((_less(hourly), _less(daily))),
        )
    )


def _less(sums: Sums) -> list[tuple[tuple[Any, ...], list[int]]]:
    return [(key, [-value for value in values]) for key, values in sums.items()]


def _add(tx: Tx, statement: str, slot: int, shard: int, sums: Sums) -> None:
    cursor = tx.raw.cursor()
    try:
        for key, values in sorted(sums.items()):
            cursor.execute(statement, (slot, *key, shard, *values))
    finally:
        cursor.close()
