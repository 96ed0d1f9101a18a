"""Tables of what erasure took away, and their walls."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from andon.drivers.database.tables import SUMS

TABLES = ("usage_erased_hourly", "usage_erased_daily", "usage_erasures")


def make_erased(in_scope: str) -> None:
    """Make the tables; `in_scope` is the condition of their row-level security."""
    _sums("usage_erased_hourly", _number("hour"), _number("integration"), _text("model"))
    _sums(
        "usage_erased_daily",
        _number("day"),
        _number("integration"),
        _text("agent_id"),
        _text("model"),
    )
    op.create_table(
        "usage_erasures",
        _number("slot"),
        _number("tenant"),
        sa.Column("block", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("seqs", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("slot", "tenant", "block"),
    )
    if op.get_bind().dialect.name == "postgresql":
        for table in TABLES:
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            op.execute(f"CREATE POLICY wall ON {table} USING ({in_scope})")


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), autoincrement=False, nullable=False)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _sums(table: str, *key: sa.Column[int] | sa.Column[str]) -> None:
    columns = [_number("slot"), _number("tenant"), *key, _number("shard")]
    op.create_table(
        table,
        *columns,
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in SUMS),
        sa.PrimaryKeyConstraint(*(column.name for column in columns)),
        sqlite_with_rowid=False,
    )
