"""One door to the store: a transaction knows its tenants and the store's clock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from sqlalchemy import ColumnElement, Connection, Engine, Table
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from andon import errors
from andon.drivers.database import postgres, sqlite
from andon.settings import Settings


@dataclass(frozen=True, slots=True)
class Tx:
    """An open transaction, what it may see, and the store's time at its start."""

    conn: Connection
    now_us: int
    tenants: tuple[int, ...]
    dialect: str
    slots: list[int] = field(default_factory=list)

    def touch(self, slot: int) -> None:
        """Note that this transaction works in a slot; an error where it has worked in another.

        Slots may lie on different machines, so that no transaction may span two.
        """
        if self.slots and self.slots[0] != slot:
            raise errors.StoreRefused("a transaction works in one slot and no other")
        if not self.slots:
            self.slots.append(slot)

    @property
    def tenant(self) -> int:
        """The one tenant of this transaction; an error where it spans several or none."""
        if len(self.tenants) != 1:
            raise errors.StoreRefused("this statement needs a transaction of exactly one tenant")
        return self.tenants[0]

    def of(self, table: Table) -> ColumnElement[bool]:
        """Restrict a statement on this table to the transaction's tenant."""
        return table.c.tenant == self.tenant

    @contextmanager
    def erasing(self) -> Iterator[None]:
        """Overwrite in the file what SQLite deletes in this block."""
        if self.dialect != "sqlite":
            yield
            return
        self.raw.execute(sqlite.ERASING)
        try:
            yield
        finally:
            self.raw.execute(sqlite.ERASED)

    @property
    def raw(self) -> Any:
        """The driver's own connection, inside the same transaction."""
        return self.conn.connection.driver_connection


class Database:
    """Transactions on SQLite or PostgreSQL; the caller's thread is the one that waits."""

    def __init__(
        self,
        dialect: str,
        writer: Engine,
        reader: Engine,
        clock_us: Callable[[], int],
        timeout_seconds: float,
    ) -> None:
        self.dialect = dialect
        self.writer = writer
        self.reader = reader
        self.shard = 0
        self._clock_us = clock_us
        self._timeout_seconds = timeout_seconds
        self._floor_us = 0
        self._write_lock = threading.Lock()
        self._is_in_doubt = False
        self._offset_us = 0

    def now_us(self) -> int:
        """Estimate the store's clock without asking it: the last offset that was seen."""
        if self.dialect == "sqlite":
            return self._sqlite_now()
        return self._clock_us() + self._offset_us

    def raise_floor(self, seen_us: int) -> None:
        """Keep SQLite's clock from falling behind a time that is already stored."""
        self._floor_us = max(self._floor_us, seen_us)

    def _sqlite_now(self) -> int:
        self._floor_us = now = max(self._clock_us(), self._floor_us)
        return now

    @contextmanager
    def writing(
        self, *tenants: int, also: int | None = None, directory: bool = False
    ) -> Iterator[Tx]:
        """Open a transaction that commits at the end of the block and rolls back on an error.

        `also` is the tenant of an admin who acts for another: its audit may be written too.
        """
        if self.dialect == "sqlite" and not self._write_lock.acquire(timeout=self._timeout_seconds):
            raise errors.StoreUnavailable(retry_after_seconds=1)
        try:
            if self._is_in_doubt:
                self._settle()
            with _translated(), self.writer.begin() as conn, _raw_faults(conn):
                yield self._start(conn, tenants, directory, "", also)
        except errors.StoreUnavailable:
            self._is_in_doubt = self.dialect == "sqlite"
            raise
        finally:
            if self.dialect == "sqlite":
                self._write_lock.release()

    @contextmanager
    def reading(
        self,
        *tenants: int,
        directory: bool = False,
        key_prefix: str = "",
        snapshot: bool = False,
    ) -> Iterator[Tx]:
        """Open a transaction that only reads.

        As a snapshot all its statements see one state, which on SQLite they always do.
        """
        with _translated(), self.reader.begin() as conn:
            if snapshot and self.dialect != "sqlite":
                conn.exec_driver_sql(postgres.SNAPSHOT)
            yield self._start(conn, tenants, directory, key_prefix)

    def _start(
        self,
        conn: Connection,
        tenants: tuple[int, ...],
        directory: bool,
        key_prefix: str,
        also: int | None = None,
    ) -> Tx:
        if self.dialect == "sqlite":
            return Tx(conn, self._sqlite_now(), tenants, self.dialect)
        scope = "{" + ",".join(map(str, tenants if also is None else (*tenants, also))) + "}"
        row = conn.exec_driver_sql(
            postgres.SET_SCOPE, (scope, "on" if directory else "off", key_prefix)
        ).one()
        now_us = int(row[3])
        self._offset_us = now_us - self._clock_us()
        return Tx(conn, now_us, tenants, self.dialect)

    def empty_journal(self) -> None:
        """Let nothing that was erased stay in SQLite's journal, unless a reader is in the way."""
        if self.dialect != "sqlite":
            return
        with self._write_lock, closing(self.writer.raw_connection()) as conn:
            raw: Any = conn.driver_connection
            raw.execute("PRAGMA busy_timeout = 200")
            try:
                raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                raw.execute(f"PRAGMA busy_timeout = {int(self._timeout_seconds * 1000)}")

    def _settle(self) -> None:
        """Begin with an empty log after a failure.

        A system may drop what it could not sync and say nothing of it when it is asked again;
        then there is a hole in the log, and no recovery reads the commits that come after it.
        """
        with closing(self.writer.raw_connection()) as conn:
            raw: Any = conn.driver_connection
            try:
                is_busy = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            except sqlite.OperationalError as fault:
                raise _unavailable(fault) from None
        if is_busy:
            raise errors.StoreUnavailable(retry_after_seconds=1)
        self._is_in_doubt = False

    def close(self) -> None:
        """Close every connection, the writer last, so that only it can checkpoint."""
        self.reader.dispose()
        self.writer.dispose()


@contextmanager
def _translated() -> Iterator[None]:
    """Turn a lost or refused connection into StoreUnavailable, without its parameters."""
    try:
        yield
    except PoolTimeout:
        raise errors.StoreUnavailable(retry_after_seconds=1) from None
    except OperationalError as fault:
        raise _unavailable(fault.orig or fault) from None
    except DBAPIError as fault:
        if fault.connection_invalidated:
            raise _unavailable(fault.orig or fault) from None
        raise


@contextmanager
def _raw_faults(conn: Connection) -> Iterator[None]:
    """Translate what the hot path's raw driver raises; a broken connection leaves the pool."""
    try:
        yield
    except (psycopg.OperationalError, psycopg.InterfaceError) as fault:
        if conn.connection.driver_connection.closed:  # type: ignore[union-attr]
            conn.invalidate()
        raise _unavailable(fault) from None
    except sqlite.OperationalError as fault:
        raise _unavailable(fault) from None


def _unavailable(fault: BaseException) -> errors.StoreUnavailable:
    return errors.StoreUnavailable(
        f"The database does not answer ({type(fault).__name__}); nothing was acknowledged. Send it "
        "again with the same ids.",
        retry_after_seconds=1,
    )


def open_database(settings: Settings, clock_us: Callable[[], int]) -> Database:
    """Open the store that the settings name, without checking or migrating its schema."""
    timeout = settings.store_timeout_seconds
    path = settings.sqlite_path
    if path is not None:
        writer = sqlite.writer_engine(path, timeout)
        reader = sqlite.reader_engine(path, settings.read_connections, timeout)
        return Database("sqlite", writer, reader, clock_us, timeout)
    assert settings.database_url is not None
    url = settings.database_url.get_secret_value()
    return Database(
        "postgresql",
        postgres.open_engine(url, settings.write_connections, timeout),
        postgres.open_engine(url, settings.read_connections, timeout),
        clock_us,
        timeout,
    )
