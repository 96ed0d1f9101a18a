"""The table that counts the changes of what every process remembers."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, Table

from andon.drivers.database.tables import metadata

directory = Table(
    "directory",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("revision", BigInteger, nullable=False),
)
