"""The dedupe index of the embedded store."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


def make_key_index() -> None:
    """Make the tables; their entries carry digests only, of all tenants."""
    op.create_table(
        "usage_key_log",
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("block", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("generation", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("keys", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("slot", "block", "generation"),
    )
    op.create_table(
        "usage_key_runs",
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("target", sa.Integer(), nullable=True),
        sa.Column("keys", sa.Integer(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("words", sa.Integer(), nullable=False),
        sa.Column("cursor", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("run"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "usage_key_pages",
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("page"),
    )
    op.create_table(
        "usage_key_parts",
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("word", sa.Integer(), nullable=False),
        sa.Column("words", sa.LargeBinary(), nullable=False),
        sa.Column("fences", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("part"),
    )
