"""Tables of what erasure took away: sums, so that the books still balance, and places."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Table, Text

from andon.drivers.database.tables import SUMS, metadata


def _key(*columns: Column[object]) -> list[Column[object]]:
    slot: Column[object] = Column("slot", Integer, primary_key=True, autoincrement=False)
    tenant: Column[object] = Column("tenant", Integer, primary_key=True, autoincrement=False)
    return [slot, tenant, *columns]


def _number(name: str) -> Column[object]:
    return Column(name, Integer, primary_key=True, autoincrement=False)


def _sums() -> list[Column[object]]:
    return [Column(name, BigInteger, nullable=False) for name in SUMS]


usage_erased_hourly = Table(
    "usage_erased_hourly",
    metadata,
    *_key(
        _number("hour"),
        _number("integration"),
        Column("model", Text, primary_key=True),
        _number("shard"),
        *_sums(),
    ),
    sqlite_with_rowid=False,
)

usage_erased_daily = Table(
    "usage_erased_daily",
    metadata,
    *_key(
        _number("day"),
        _number("integration"),
        Column("agent_id", Text, primary_key=True),
        Column("model", Text, primary_key=True),
        _number("shard"),
        *_sums(),
    ),
    sqlite_with_rowid=False,
)

usage_erasures = Table(
    "usage_erasures",
    metadata,
    *_key(
        Column("block", BigInteger, primary_key=True, autoincrement=False),
        Column("id", LargeBinary, nullable=False),
        Column("seqs", LargeBinary, nullable=False),
    ),
)
"""The id of a block and the places of the records that were taken out of it, 2 bytes each."""
