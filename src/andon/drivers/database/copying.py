"""Copies of the embedded store: one state of it, in one file that needs nothing beside it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, create_engine, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from andon import errors
from andon.drivers import files
from andon.drivers.database import migrate, sqlite, tables

_driver: Any = sqlite.sqlite_module  # type: ignore[attr-defined]

_PAGES_A_STEP = 1024
_WAL_BYTES = 1 << 30
_SPARE_BYTES = 64 << 20
_STAMP = "backup_us"
_MAGIC = b"SQLite format 3\0"
_MARK = "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)"
_GROWN = (
    "So much was written while the backup was made that the journal outgrew its bound, and the "
    "backup was given up; make it at a quieter time, or on a faster disk"
)


@dataclass(frozen=True, slots=True)
class Contents:
    """What a copy holds; `at_us` is None where nothing in it tells how old it is."""

    at_us: int | None
    level: int
    records: int
    tenants: int


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy that is complete, checked and on the disk."""

    path: Path
    size: int
    sha256: str
    contents: Contents


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Hold the folder of copies; a second backup meanwhile is refused."""
    sqlite.make_home(folder)
    try:
        held = FileLock(folder / "lock", mode=0o600).acquire(timeout=0)
    except Timeout:
        raise errors.BackupRunning from None
    with held:
        yield


def sweep(folder: Path, before_seconds: int) -> None:
    """Remove what a broken backup left, and copies that nobody fetched before this time."""
    for found in folder.glob("andon-*.db*"):
        if found.suffix != ".db" or found.stat().st_mtime < before_seconds:
            found.unlink(missing_ok=True)


def make_copy(
    path: Path,
    target: Path,
    timeout_seconds: float,
    now_us: Callable[[], int],
    may_go_on: Callable[[], bool],
) -> Copy:
    """Copy a store in use to a new file, which gets its name once it is checked and synced."""
    draft = target.with_name(f"{target.name}.part")
    try:
        _copy_pages(path, draft, timeout_seconds, now_us, may_go_on)
        contents = look_into(draft)
        size, sha256 = sync_file(draft)
        draft.replace(target)
        sync_folder(target.parent)
    except errors.NotABackup as fault:
        problem = f"The copy is not sound, so the store may be damaged: {fault.detail}"
        raise errors.BackupFailed(problem) from None
    except OSError as fault:
        raise errors.BackupFailed(_reason(fault.strerror or type(fault).__name__)) from None
    finally:
        draft.unlink(missing_ok=True)
    return Copy(target, size, sha256, contents)


def _copy_pages(
    path: Path,
    draft: Path,
    timeout_seconds: float,
    now_us: Callable[[], int],
    may_go_on: Callable[[], bool],
) -> None:
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    reader = sqlite.reader_engine(path, 1, timeout_seconds)
    try:
        with reader.begin() as connection, closing(_open_draft(draft)) as copy:
            room = _pin(connection)
            at_us = now_us()
            if files.free_bytes(draft.parent) < room + _SPARE_BYTES:
                raise errors.BackupFailed(_reason("the disk has no room for a copy"))
            watch = _watch(path, max(_WAL_BYTES, room), may_go_on)
            raw: Any = connection.connection.driver_connection
            raw.backup(copy, pages=_PAGES_A_STEP, progress=watch)
            # The pages say that a journal lies beside them; in the copy none does.
            copy.execute("PRAGMA journal_mode = DELETE")
            copy.execute(_MARK, (_STAMP, str(at_us)))
    except (DBAPIError, _driver.Error) as fault:
        reason = getattr(fault, "orig", None) or fault
        raise errors.BackupFailed(_reason(str(reason))) from None
    finally:
        reader.dispose()


def _open_draft(draft: Path) -> Any:
    # A draft that a crash meets is thrown away, so only its end must reach the disk.
    copy = _driver.connect(str(draft), isolation_level=None)
    copy.execute("PRAGMA journal_mode = OFF")
    copy.execute("PRAGMA synchronous = OFF")
    return copy


def _pin(connection: Connection) -> int:
    """Fix the state that this transaction reads, whatever is committed from now on; its size."""
    connection.execute(select(tables.meta.c.key).limit(1)).first()
    pages = int(connection.exec_driver_sql("PRAGMA page_count").scalar_one())
    return pages * int(connection.exec_driver_sql("PRAGMA page_size").scalar_one())


def _watch(path: Path, bound: int, may_go_on: Callable[[], bool]) -> Callable[..., None]:
    """End a copy that a stopping server waits for, or during which the journal grows too far.

    A pinned state keeps the journal from being written from its beginning again.
    """
    journal = path.with_name(f"{path.name}-wal")

    def watch(*_: int) -> None:
        if not may_go_on():
            raise errors.StoreUnavailable("The server is stopping; no backup was made.")
        if journal.exists() and journal.stat().st_size > bound:
            raise errors.BackupFailed(_GROWN)

    return watch


def _reason(text: str) -> str:
    return f"No backup was made: {text}. The store itself goes on; make room or mend it, and repeat"


def look_into(path: Path) -> Contents:
    """Check a copy that no process uses, page by page, and tell what it holds."""
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise errors.NotABackup
    engine = _immutable(path)
    try:
        with engine.connect() as connection:
            _require_sound(connection)
            return _contents(connection)
    except DBAPIError as fault:
        raise errors.NotABackup(f"The file cannot be read as Andon's ({fault.orig})") from None
    finally:
        engine.dispose()


def _immutable(path: Path) -> Engine:
    # Immutable: read as it is, without a lock or a journal beside it.
    uri = f"file:{quote(str(path))}?mode=ro&immutable=1"
    return create_engine(
        "sqlite+pysqlite://",
        module=_driver,
        creator=lambda: _driver.connect(uri, uri=True),
        poolclass=NullPool,
        hide_parameters=True,
    )


def _require_sound(connection: Connection) -> None:
    found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    if found != "ok":
        raise errors.NotABackup("The file is damaged (quick_check fails); take another backup")


def _contents(connection: Connection) -> Contents:
    level, oldest = migrate.levels(connection)
    if level == 0:
        raise errors.NotABackup
    if oldest > migrate.LEVEL:
        raise errors.CodeTooOld
    mark = select(tables.meta.c.value).where(tables.meta.c.key == _STAMP)
    blocks = tables.blocks.c
    last, records = connection.execute(
        select(func.max(blocks.committed_us), func.coalesce(func.sum(blocks.records), 0))
    ).one()
    marked = connection.execute(mark).scalar()
    known = [int(at) for at in (last, marked) if at is not None]
    tenants = connection.execute(select(func.count()).select_from(tables.tenants)).scalar_one()
    return Contents(max(known, default=None), level, int(records), int(tenants))


def sync_file(path: Path) -> tuple[int, str]:
    """Bring a file to the disk; gives its size in bytes and its SHA-256."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return file.tell(), sha256


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
