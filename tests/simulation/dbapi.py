"""SQLite by way of apsw, with as much of Python's database interface as the product uses.

Errors are those of the module that the product itself uses, so that it cannot tell the difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import apsw

from andon.drivers.database import sqlite

Row = tuple[Any, ...]

sqlite_module: Any = vars(sqlite)["sqlite_module"]
"""What the product opens its own connections with."""

paramstyle = "qmark"
threadsafety = 1
sqlite_version_info = tuple(map(int, apsw.sqlite_lib_version().split(".")))
sqlite_version = apsw.sqlite_lib_version()


def __getattr__(name: str) -> Any:
    return getattr(sqlite_module, name)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except apsw.ConstraintError as fault:
        raise sqlite_module.IntegrityError(str(fault)) from None
    except apsw.Error as fault:
        raise sqlite_module.OperationalError(f"{type(fault).__name__}: {fault}") from None


class Cursor:
    """Runs a statement at once and gives its rows from memory."""

    arraysize = 1

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.description: list[Row] | None = None
        self.rowcount = -1
        self.lastrowid = 0
        self._rows: Iterator[Row] = iter(())

    def execute(self, statement: str, bindings: Sequence[Any] = ()) -> Cursor:
        return self._run(lambda cursor: cursor.execute(statement, bindings))

    def executemany(self, statement: str, rows: Iterable[Sequence[Any]]) -> Cursor:
        return self._run(lambda cursor: cursor.executemany(statement, rows))

    def _run(self, act: Callable[[Any], Any]) -> Cursor:
        plain = self.connection.plain
        with _translated():
            before = plain.total_changes()
            cursor = plain.cursor()
            cursor.exec_trace = self._describe
            self.description = None
            rows = list(act(cursor))
            cursor.close()
        self._rows = iter(rows)
        self.rowcount = plain.total_changes() - before
        self.lastrowid = plain.last_insert_rowid()
        return self

    def _describe(self, cursor: Any, _statement: str, _bindings: Any) -> bool:
        columns = cursor.get_description()
        self.description = [(name, *[None] * 6) for name, _type in columns] or None
        return True

    def __iter__(self) -> Iterator[Row]:
        return self._rows

    def fetchone(self) -> Row | None:
        return next(self._rows, None)

    def fetchmany(self, size: int = 1) -> list[Row]:
        return [row for row, _ in zip(self._rows, range(size), strict=False)]

    def fetchall(self) -> list[Row]:
        return list(self._rows)

    def close(self) -> None:
        self._rows = iter(())


class Connection:
    """An open database; `plain` is apsw's own connection."""

    def __init__(self, address: str, vfs: str) -> None:
        flags = apsw.SQLITE_OPEN_URI | apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
        self.isolation_level: str | None = None
        with _translated():
            self.plain = apsw.Connection(address, flags=flags, vfs=vfs)

    @property
    def in_transaction(self) -> bool:
        return bool(self.plain.in_transaction)

    @property
    def total_changes(self) -> int:
        return int(self.plain.total_changes())

    def cursor(self) -> Cursor:
        return Cursor(self)

    def execute(self, statement: str, bindings: Sequence[Any] = ()) -> Cursor:
        return self.cursor().execute(statement, bindings)

    def executemany(self, statement: str, rows: Iterable[Sequence[Any]]) -> Cursor:
        return self.cursor().executemany(statement, rows)

    def create_function(self, name: str, count: int, act: Any, *, deterministic: bool) -> None:
        self.plain.create_scalar_function(name, act, count, deterministic=deterministic)

    def commit(self) -> None:
        if self.in_transaction:
            self.execute("COMMIT")

    def rollback(self) -> None:
        if self.in_transaction:
            self.execute("ROLLBACK")

    def close(self) -> None:
        with _translated():
            self.plain.close()
