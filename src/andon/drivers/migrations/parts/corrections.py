"""Voids, prices found again, and the log of both, with their walls."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

TABLES = ("usage_voids", "usage_repriced", "usage_corrections")


def make_corrections(in_scope: str) -> None:
    """Make the tables; `in_scope` is the condition of their row-level security."""
    _voids()
    _repriced()
    _log()
    if op.get_bind().dialect.name == "postgresql":
        for table in TABLES:
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            op.execute(f"CREATE POLICY wall ON {table} USING ({in_scope})")


def _voids() -> None:
    op.create_table(
        "usage_voids",
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("voided_by", sa.Text(), nullable=False),
        sa.Column("voided_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("slot", "tenant", "id"),
    )
    op.create_index("usage_voids_block", "usage_voids", ["slot", "tenant", "block"], unique=False)


def _repriced() -> None:
    op.create_table(
        "usage_repriced",
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("block", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("repriced_us", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("slot", "tenant", "block"),
    )


def _log() -> None:
    op.create_table(
        "usage_corrections",
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("slot", "tenant", "no"),
    )
