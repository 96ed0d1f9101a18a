"""The product's store over simulated or real files, as it is before the first record."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, insert
from sqlalchemy.pool import StaticPool

from andon.drivers.database import Database, migrate, open_database, opening, sqlite, tables
from andon.settings import Settings
from tests.simulation import dbapi
from tests.simulation.disk import Images
from tests.simulation.vfs import NAME

FILE = "andon.db"
START_US = 1_790_000_000_000_000
"""When simulated time begins: in September 2026."""

INTEGRATIONS = ("chat", "batch")
ZONES = ("UTC", "Pacific/Auckland", "America/New_York")
"""Zones of the tenants 1, 2 and 3."""


@cache
def blank() -> bytes:
    """Give the file of a store with three tenants and no usage, made by the product's migration."""
    with tempfile.TemporaryDirectory(prefix="andon-blank-") as folder:
        path = Path(folder) / FILE
        settings = Settings(home=Path(folder))
        with closing(open_database(settings, lambda: START_US)) as database:
            migrate.migrate_sqlite(database.writer, path)
            with database.writer.begin() as connection:
                _populate(connection)
        return path.read_bytes()


def _populate(connection: Any) -> None:
    for number, zone in enumerate(ZONES, 1):
        if number > 1:
            connection.execute(insert(tables.tenants).values(**_tenant(number, zone)))
        for place, name in enumerate(INTEGRATIONS, 1):
            values = _integration(number, place, name)
            connection.execute(insert(tables.integrations).values(**values))


def _tenant(number: int, zone: str) -> dict[str, Any]:
    return {
        "tenant": number,
        "id": f"tenant-{number}",
        "slot": 0,
        "name": f"tenant {number}",
        "zones": f'[["{zone}",0]]',
        "settings": "{}",
        "status": "active",
        "created_us": START_US,
        "updated_us": START_US,
        "revision": 1,
    }


def _integration(tenant: int, place: int, name: str) -> dict[str, Any]:
    return {
        "tenant": tenant,
        "id": f"{name}-{tenant}",
        "no": place,
        "name": name,
        "provider_type": "openai",
        "status": "active",
        "config": "{}",
        "budget_limit_cents": 0,
        "token_limit_month": 0,
        "rate_limit_rpm": 0,
        "health_state": "unknown",
        "created_us": START_US,
        "updated_us": START_US,
        "revision": 1,
    }


@dataclass(frozen=True, slots=True)
class Durability:
    """How a connection on the simulated disk writes; None is what the product itself asks for.

    One that keeps its log goes on with it where it ended, instead of emptying it at the start.
    """

    synchronous: str | None = None
    psow: bool | None = None
    keeps_log: bool = False
    wal_autocheckpoint: int = 24
    journal_size_limit: int = 65_536

    def address(self, path: str) -> str:
        """Name the file as the product does, but for what is to differ."""
        address = sqlite.address(path, "rwc")
        return address if self.psow is None else address.replace("psow=0", f"psow={self.psow:d}")

    def pragmas(self) -> Sequence[str]:
        """List the product's pragmas, then those that differ."""
        differing = [
            f"PRAGMA wal_autocheckpoint = {self.wal_autocheckpoint}",
            f"PRAGMA journal_size_limit = {self.journal_size_limit}",
        ]
        if self.synchronous is not None:
            differing.append(f"PRAGMA synchronous = {self.synchronous}")
        own = [p for p in sqlite.WRITER if not (self.keeps_log and "wal_checkpoint(" in p)]
        return ["PRAGMA locking_mode = EXCLUSIVE", *own, *sqlite.EVERY, *differing]


def simulated(folder: str, durability: Durability, clock_us: Callable[[], int]) -> Database:
    """Open the store in a folder of the memory file system, by one connection for everything."""
    engine = _engine(f"{folder}{FILE}", durability)
    database = Database("sqlite", engine, engine, clock_us, 1.0)
    opening.check_sqlite(database)
    return database


def _engine(path: str, durability: Durability) -> Engine:
    def connect() -> dbapi.Connection:
        connection = dbapi.Connection(durability.address(path), NAME)
        for pragma in durability.pragmas():
            connection.execute(pragma)
        return connection

    engine = create_engine(
        "sqlite+pysqlite://", module=dbapi, creator=connect, poolclass=StaticPool
    )
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def blank_images() -> Images:
    """Give a simulated disk's files before the first record."""
    return {FILE: bytearray(blank())}


def real(folder: Path, clock_us: Callable[[], int]) -> Database:
    """Open the store in a real folder as the product does; it is made where it is missing."""
    path = folder / FILE
    if not path.exists():
        path.write_bytes(blank())
    writer, reader = sqlite.writer_engine(path, 1.0), sqlite.reader_engine(path, 2, 1.0)
    database = Database("sqlite", writer, reader, clock_us, 1.0)
    opening.check_sqlite(database)
    return database
