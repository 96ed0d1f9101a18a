"""A look at the store from outside, which a running server is not disturbed by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from andon import errors
from andon.drivers.database import migrate, postgres, sqlite
from andon.settings import Settings

_CHECKED_BYTES = 256 << 20
"""Largest store that is read through: a check takes about a second for it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of the store."""

    ok: bool
    detail: str
    clock_offset_us: int | None = None


def inspect_store(settings: Settings, clock_us: Callable[[], int]) -> Seen:
    """Look at the store without writing; an AndonError says why it cannot be used."""
    path = settings.sqlite_path
    if path is None:
        return _postgres(settings, clock_us)
    if not path.exists():
        return Seen(True, f"{path} does not exist yet; `andon serve` makes it")
    engine = sqlite.reader_engine(path, 1, settings.store_timeout_seconds)
    try:
        with engine.connect() as connection:
            level, oldest = migrate.levels(connection)
            size = path.stat().st_size
            check = _quick_check(connection) if size <= _CHECKED_BYTES else "left out (large)"
    except OperationalError as fault:
        raise errors.StoreUnavailable(f"{path} cannot be read ({fault.orig})") from None
    finally:
        engine.dispose()
    told = f"SQLite {path}, {size / (1 << 20):.1f} MiB, schema {level}, quick_check {check}"
    sound = check == "ok" or size > _CHECKED_BYTES
    return Seen(sound and _usable(level, oldest), told)


def _quick_check(connection: Connection) -> str:
    return str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one())


def _usable(level: int, oldest: int) -> bool:
    return level == 0 or oldest <= migrate.LEVEL


def _postgres(settings: Settings, clock_us: Callable[[], int]) -> Seen:
    assert settings.database_url is not None
    url = settings.database_url.get_secret_value()
    engine = postgres.open_engine(url, 1, settings.store_timeout_seconds)
    try:
        with engine.connect() as connection:
            return _look(connection, clock_us)
    except OperationalError as fault:
        raise errors.StoreUnavailable(
            f"PostgreSQL cannot be reached ({type(fault.orig).__name__}); check host, port, user "
            "and password in ANDON_DATABASE_URL"
        ) from None
    finally:
        engine.dispose()


def _look(connection: Connection, clock_us: Callable[[], int]) -> Seen:
    postgres.check_server(connection)
    version = connection.exec_driver_sql("SHOW server_version").scalar_one()
    level, oldest = migrate.levels(connection)
    now = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
    offset_us = int(connection.exec_driver_sql(now).scalar_one()) - clock_us()
    told = f"PostgreSQL {version}, schema {level}, fsync and synchronous_commit on"
    if level < migrate.LEVEL:
        return Seen(False, f"{told}; run `andon migrate`", offset_us)
    if postgres.bypasses_row_security(connection):
        told += "; the role bypasses row-level security"
        return Seen(False, told, offset_us)
    return Seen(_usable(level, oldest), told, offset_us)
