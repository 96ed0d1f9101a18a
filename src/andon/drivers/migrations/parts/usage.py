"""Usage records and their dedupe keys; on PostgreSQL both are kept in pieces."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


def make_usage() -> None:
    """Make the table of packed records, in pieces by the month of receipt on PostgreSQL."""
    op.create_table(
        "usage",
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("block", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("month", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("slot", "tenant", "block", "month"),
        postgresql_partition_by="RANGE (month)",
    )
    if op.get_bind().dialect.name == "postgresql":
        # A body is compressed already.
        op.execute("ALTER TABLE usage ALTER COLUMN body SET STORAGE EXTERNAL")


def make_keys() -> None:
    """Make PostgreSQL's table of dedupe keys, in pieces by the time that they were taken in."""
    op.create_table(
        "usage_keys",
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.BigInteger(), nullable=False),
        sa.Column("cost_stated_nanousd", sa.BigInteger(), nullable=True),
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("generation", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("slot", "key", "generation"),
        postgresql_partition_by="LIST (generation)",
    )
    op.create_table(
        "usage_generations",
        sa.Column("generation", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("generation"),
    )
