"""Tables of what was corrected in usage records, which are never changed themselves."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text

from andon.drivers.database.tables import metadata


def _key(*columns: Column[object]) -> list[Column[object]]:
    slot: Column[object] = Column("slot", Integer, primary_key=True, autoincrement=False)
    tenant: Column[object] = Column("tenant", Integer, primary_key=True, autoincrement=False)
    return [slot, tenant, *columns]


usage_voids = Table(
    "usage_voids",
    metadata,
    *_key(
        Column("id", LargeBinary, primary_key=True),
        Column("block", BigInteger, nullable=False),
        Column("seq", Integer, nullable=False),
        Column("reason", Text, nullable=False),
        Column("voided_by", Text, nullable=False),
        Column("voided_us", BigInteger, nullable=False),
    ),
    Index("usage_voids_block", "slot", "tenant", "block"),
)

usage_repriced = Table(
    "usage_repriced",
    metadata,
    *_key(
        Column("block", BigInteger, primary_key=True, autoincrement=False),
        Column("run", Text, nullable=False),
        Column("repriced_us", BigInteger, nullable=False),
        Column("body", LargeBinary, nullable=False),
    ),
)

usage_corrections = Table(
    "usage_corrections",
    metadata,
    *_key(
        Column("no", BigInteger, primary_key=True, autoincrement=False),
        Column("block", BigInteger, nullable=False),
        Column("kind", Text, nullable=False),
        Column("at_us", BigInteger, nullable=False),
        Column("body", LargeBinary, nullable=False),
    ),
)
