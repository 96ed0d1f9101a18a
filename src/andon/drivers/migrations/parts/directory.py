"""The table that counts changes of tenants, keys and prices."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


def make_directory() -> None:
    """Make the table and its one row."""
    made = op.create_table(
        "directory",
        sa.Column("one", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("one"),
    )
    op.bulk_insert(made, [{"one": 1, "revision": 0}])
