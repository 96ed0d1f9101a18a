"""What is checked before a store is used: its schema, its durability, its role."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError, OperationalError

from andon import errors
from andon.drivers.database import migrate, postgres, tables
from andon.drivers.database.store import Database

log = logging.getLogger("andon.store")

SHARDS = 64
_SHARD_LOCKS = 0x616E


def check_sqlite(database: Database) -> None:
    """Refuse a schema that this code cannot use, and set the clock's floor."""
    with database.writer.connect() as connection:
        migrate.check_levels(*migrate.levels(connection))
        last = select(func.max(tables.blocks.c.committed_us)).where(
            tables.blocks.c.block == select(func.max(tables.blocks.c.block)).scalar_subquery()
        )
        database.raise_floor(connection.execute(last).scalar() or 0)


def check_postgres(database: Database, *, allow_owner: bool) -> None:
    """Refuse a server, a schema or a role that cannot keep what Andon promises."""
    try:
        with database.reader.connect() as connection:
            postgres.check_server(connection)
            migrate.check_levels(*migrate.levels(connection))
            is_owner = postgres.bypasses_row_security(connection)
    except OperationalError as fault:
        raise errors.StoreUnavailable(
            f"PostgreSQL cannot be reached ({type(fault.orig).__name__}); check host, port, user "
            "and password in ANDON_DATABASE_URL"
        ) from None
    if not is_owner:
        return
    if not allow_owner:
        raise errors.StoreRefused(
            "ANDON_DATABASE_URL logs in as a superuser or as the owner of the tables, which "
            "row-level security does not hold; use a role that owns nothing (`andon migrate` "
            "makes one), or set ANDON_ALLOW_OWNER=1 to go on without that wall"
        )
    log.warning("row-level security does not hold this role; tenants are kept apart by Andon alone")


@contextmanager
def shard_of(database: Database) -> Iterator[int]:
    """Take a shard of the rollups that no other process writes, for as long as this one lives."""
    with database.reader.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        number = 0
        for candidate in range(SHARDS):
            taken = f"SELECT pg_try_advisory_lock({_SHARD_LOCKS}, {candidate})"
            if connection.exec_driver_sql(taken).scalar_one():
                number = candidate
                break
        connection.detach()
        database.shard = number
        try:
            yield number
        finally:
            try:
                connection.close()
            except DBAPIError:
                log.warning("the shard's connection was lost before its end")
