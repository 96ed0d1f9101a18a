"""SQLite as the embedded store: one connection writes and checkpoints, the others only read."""

from __future__ import annotations

import os
import platform
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from filelock import FileLock, Timeout
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool, StaticPool

from andon import errors

try:
    import pysqlite3.dbapi2 as sqlite_module
except ImportError:  # no wheel for this platform: Python's own, under the one-connection rule
    import sqlite3 as sqlite_module

OperationalError: type[Exception] = sqlite_module.OperationalError

# Two connections that write or checkpoint at once can lose committed pages without a crash
# (https://sqlite.org/wal.html, "the WAL-reset bug"): 3.7.0 to 3.51.2, mended in these releases.
_MENDED = ((3, 44, 6), (3, 50, 7), (3, 51, 3))


def linked_version() -> tuple[int, int, int]:
    """Tell the version of the SQLite library that is linked, not of its Python wrapper."""
    major, minor, patch = sqlite_module.sqlite_version_info[:3]
    return (major, minor, patch)


def version_is_affected(version: tuple[int, int, int]) -> bool:
    """Tell whether this SQLite has the race of two writing connections."""
    if version >= _MENDED[-1]:
        return False
    return not any(version[:2] == fix[:2] and version >= fix for fix in _MENDED)


def version_note() -> str:
    """Say in one line which SQLite is linked and what follows from it."""
    version = linked_version()
    text = f"SQLite {'.'.join(map(str, version))} on Python {platform.python_version()}"
    if not version_is_affected(version):
        return text
    return (
        f"{text}: this version can lose commits when two connections write at once; "
        "Andon goes on because only one of its connections ever writes or checkpoints"
    )


def make_home(path: Path) -> None:
    """Make the folder of the store with mode 0700, and its parents if they are missing."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


WRITER = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA wal_autocheckpoint = 4000",
    "PRAGMA journal_size_limit = 67108864",
    # Zeroes what is deleted where the page is written anyway; ERASING goes further.
    "PRAGMA secure_delete = FAST",
    # What a cut of power left of the log may end in a sector that is not filled up, so that the
    # next write could tear an acknowledged commit: begin with an empty log.
    "PRAGMA wal_checkpoint(TRUNCATE)",
)
_READER = (
    "PRAGMA query_only = ON",
    "PRAGMA wal_autocheckpoint = 0",
    "PRAGMA mmap_size = 268435456",
)
EVERY = (
    "PRAGMA foreign_keys = ON",
    "PRAGMA cache_size = -8192",
    "PRAGMA temp_store = MEMORY",
)


ERASING = "PRAGMA secure_delete = ON"
ERASED = "PRAGMA secure_delete = FAST"
"""Let what is deleted be overwritten in the file, whatever that costs; and as before again."""


def held(path: Path, advice: str | None = None) -> AbstractContextManager[Any]:
    """Take the lock of an embedded store; a second process is refused, with this advice."""
    make_home(path.parent)
    try:
        return FileLock(f"{path}.lock", mode=0o600).acquire(timeout=0)
    except Timeout:
        raise (errors.HomeInUse(advice) if advice else errors.HomeInUse()) from None


def address(path: str, mode: str) -> str:
    """Write the URI of a database file."""
    # psow=0: without powersafe overwrite a torn sector of the WAL cannot lose acknowledged rows.
    return f"file:{quote(path)}?mode={mode}&psow=0"


def _connect(path: Path, mode: str, timeout_seconds: float) -> Any:
    connection = sqlite_module.connect(
        address(str(path), mode),
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=timeout_seconds,
    )
    cursor = connection.cursor()
    for pragma in (*(_READER if mode == "ro" else WRITER), *EVERY):
        cursor.execute(pragma)
    cursor.close()
    return connection


def _begins_with(engine: Engine, statement: str) -> None:
    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql(statement)


def writer_engine(path: Path, timeout_seconds: float) -> Engine:
    """Open the one connection that writes and checkpoints; the file is made with mode 0600."""
    before = os.umask(0o077)
    try:
        make_home(path.parent)
        if not path.exists():
            path.touch(mode=0o600)
        engine = create_engine(
            "sqlite+pysqlite://",
            module=sqlite_module,
            creator=lambda: _connect(path, "rwc", timeout_seconds),
            poolclass=StaticPool,
            hide_parameters=True,
        )
        _begins_with(engine, "BEGIN IMMEDIATE")
        with engine.connect():
            pass
    except (sqlite_module.DatabaseError, DBAPIError) as fault:
        told = fault.orig if isinstance(fault, DBAPIError) else fault
        raise errors.StoreRefused(
            f"{path} cannot be opened as a SQLite database ({told}); check that the file is "
            "Andon's and that its folder can be written"
        ) from None
    finally:
        os.umask(before)
    return engine


def reader_engine(path: Path, size: int, timeout_seconds: float) -> Engine:
    """Open read-only connections that never checkpoint."""
    engine = create_engine(
        "sqlite+pysqlite://",
        module=sqlite_module,
        creator=lambda: _connect(path, "ro", timeout_seconds),
        poolclass=QueuePool,
        pool_size=size,
        max_overflow=0,
        pool_timeout=timeout_seconds,
        hide_parameters=True,
    )
    _begins_with(engine, "BEGIN")
    return engine


def backup_into(engine: Engine, target: Path) -> None:
    """Copy the whole database to a new file beside it, as one consistent state."""
    before = os.umask(0o077)
    try:
        with engine.connect() as connection:
            source = connection.connection.driver_connection
            copy = sqlite_module.connect(str(target))
            try:
                source.backup(copy)  # type: ignore[union-attr]
            finally:
                copy.close()
    finally:
        os.umask(before)
