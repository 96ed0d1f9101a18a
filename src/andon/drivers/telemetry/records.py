"""Single usage records, unpacked from the blocks that hold them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, Select, select, tuple_
from sqlalchemy import Row as SqlRow

from andon.drivers.database import Tx
from andon.drivers.database.tables import blocks, usage, usage_errors
from andon.drivers.telemetry.overlays import Overlays
from andon.drivers.telemetry.packing import unpack
from andon.models.ids import time_of

Row = dict[str, Any]
PAGE_SCANS = 20_000
"""Most single records that one page of a filtered list looks at."""

_READ_AHEAD = 8
_ID_HEAD = 14

Position = tuple[int, int]
"""Block and place in the block: where a record stands in its slot."""


def record_id(block_id: bytes, seq: int) -> bytes:
    """Make the id of a record from that of its block and its place in it."""
    return block_id[:_ID_HEAD] + seq.to_bytes(2)


def blocks_of_id(tx: Tx, slot: int, id_: bytes) -> list[int]:
    """Name the blocks that may hold a record: its id carries the time of its block."""
    committed_us = time_of(UUID(bytes=id_))
    near = select(blocks.c.block).where(
        blocks.c.slot == slot, blocks.c.committed_us.between(committed_us - 2, committed_us + 2)
    )
    return [int(row[0]) for row in tx.conn.execute(near)]


def records(
    tx: Tx, slot: int, filters: Row, before: Position | None, limit: int
) -> tuple[list[Row], Position | None]:
    """List records, the newest first; looks at PAGE_SCANS records at most.

    `filters` are equalities of columns, `block` a list of blocks; None asks for rows without a
    value.

    Returns the records and the position to go on from, None at the end.
    """
    wanted = dict(filters)
    statement = _newest_first(tx, slot, wanted.pop("block", None), before)
    overlays = Overlays(tx, slot)
    page: list[Row] = []
    seen = 0
    last: Position | None = None
    with _streamed(tx, statement) as chunks:
        for chunk in chunks:
            columns = unpack(bytes(chunk.body))
            overlays.lay_over(chunk.block, columns)
            for place in reversed(_matching(columns, wanted, chunk.block, before)):
                if len(page) == limit:
                    last = (page[-1]["block"], page[-1]["seq"])
                    return _with_texts(tx, slot, page), last
                page.append(_row(chunk, columns, place, overlays))
            seen += chunk.records
            last = (chunk.block, 0)
            if seen >= PAGE_SCANS:
                return _with_texts(tx, slot, page), last
    return _with_texts(tx, slot, page), None


def _streamed(tx: Tx, statement: Select[Any]) -> CursorResult[Any]:
    return tx.conn.execute(statement.execution_options(yield_per=_READ_AHEAD))


def _newest_first(
    tx: Tx, slot: int, only: Sequence[int] | None, before: Position | None
) -> Select[Any]:
    columns = (usage.c.block, usage.c.received_us, usage.c.id, usage.c.records, usage.c.body)
    statement = select(*columns).where(usage.c.slot == slot, tx.of(usage))
    if before is not None:
        statement = statement.where(usage.c.block <= before[0])
    if only is not None:
        statement = statement.where(usage.c.block.in_(only))
    return statement.order_by(usage.c.block.desc())


def _matching(
    columns: dict[str, list[Any]], wanted: Row, block: int, before: Position | None
) -> list[int]:
    places = range(len(columns["seq"]))
    found = [
        place
        for place in places
        if all(columns[name][place] == value for name, value in wanted.items())
    ]
    if before is None or block != before[0]:
        return found
    return [place for place in found if columns["seq"][place] < before[1]]


def _row(chunk: SqlRow[Any], columns: dict[str, list[Any]], place: int, overlays: Overlays) -> Row:
    row = {name: values[place] for name, values in columns.items()}
    row["void"] = overlays.voids(chunk.block).get(row["seq"])
    row["block"] = chunk.block
    row["received_us"] = chunk.received_us
    row["id"] = record_id(bytes(chunk.id), row["seq"])
    return row


def _with_texts(tx: Tx, slot: int, page: list[Row]) -> list[Row]:
    table = usage_errors.c
    found: dict[Position, str] = {}
    if page:
        places = [(row["block"], row["seq"]) for row in page]
        texts = select(table.block, table.seq, table.message).where(
            table.slot == slot, tx.of(usage_errors), tuple_(table.block, table.seq).in_(places)
        )
        found = {(row.block, row.seq): row.message for row in tx.conn.execute(texts)}
    for row in page:
        row["message"] = found.get((row["block"], row["seq"]))
    return page


def find_record(tx: Tx, slot: int, id_: bytes) -> Row | None:
    """Find a record of the transaction's tenant by its id, as it was corrected so far."""
    near = blocks_of_id(tx, slot, id_)
    if not near:
        return None
    overlays, seq = Overlays(tx, slot), int.from_bytes(id_[_ID_HEAD:])
    with _streamed(tx, _newest_first(tx, slot, near, None)) as chunks:
        for chunk in chunks:
            if bytes(chunk.id)[:_ID_HEAD] != id_[:_ID_HEAD]:
                continue
            columns = unpack(bytes(chunk.body))
            if seq in columns["seq"]:
                overlays.lay_over(chunk.block, columns)
                return _row(chunk, columns, columns["seq"].index(seq), overlays)
    return None
