"""Serve Andon inside the test's process, on either store, with any setting."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psycopg
from sqlalchemy import Connection, Engine

from andon import app
from andon.drivers.database import sqlite
from andon.settings import Settings
from tests.integration.doors import Door, Tenancy
from tests.servers.postgres import PostgresServer
from tests.servers.stores import PostgresStore, SqliteStore, Store

_READY_SECONDS = 30.0

SLOTS = int(os.environ.get("ANDON_TEST_SLOTS", "1"))
"""So many slots has a PostgreSQL database of the tests: the whole suite passes with any number."""


@dataclass(frozen=True, slots=True)
class Andon:
    """A running server, the store beneath it, and the key of this machine's command line."""

    url: str
    store: Store
    settings: Settings
    root: Door

    @property
    def http(self) -> httpx2.Client:
        """A client without any key."""
        return self.root.http

    def tenant(self, **fields: Any) -> Tenancy:
        """Make a tenant of the test's own."""
        return Tenancy.open(self.root, **fields)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Read past the product and its walls.

        The file is read through the server's own SQLite: two libraries in one process would
        drop each other's locks.
        """
        if not isinstance(self.store, SqliteStore):
            with self.store.snapshot() as read:
                return read(statement)
        with _engine(sqlite.reader_engine(self.store.path, 1, 10.0)) as connection:
            return [tuple(row) for row in connection.exec_driver_sql(statement)]

    def change(self, statement: str) -> None:
        """Change the store past the product, as nobody but its owner could."""
        if isinstance(self.store, PostgresStore):
            with psycopg.connect(self.store.database.admin_dsn) as server:
                server.execute(statement.encode())
        elif isinstance(self.store, SqliteStore):
            with _engine(sqlite.writer_engine(self.store.path, 10.0)) as connection:
                connection.exec_driver_sql(statement)

    def meter(self, name: str, **labels: str) -> float:
        """Read a metric; 0 before it was first counted."""
        wanted = f"{name}{_labels(labels)} "
        for line in self.http.get("/metrics").text.splitlines():
            if line.startswith(wanted):
                return float(line.rsplit(" ", 1)[1])
        return 0.0


@contextmanager
def _engine(engine: Engine) -> Iterator[Connection]:
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def _labels(labels: dict[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}"


def settings_of(store: Store, **given: Any) -> Settings:
    """Read the settings that a server on this store has."""
    named = {
        name.removeprefix("ANDON_").lower(): value for name, value in store.environment().items()
    }
    return Settings(**{**named, **given})


def migrate(store: Store, **given: Any) -> None:
    """Bring a store's schema up to date as its owner."""
    if isinstance(store, PostgresStore):
        given["migrate_url"] = store.database.owner_url
    app.migrate(settings_of(store, **given))


@contextmanager
def serving(store: Store, **given: Any) -> Iterator[Andon]:
    """Serve a store that is migrated already, for as long as the block runs."""
    settings = settings_of(store, **given)
    with (
        app.open_server(settings) as listening,
        httpx2.Client(base_url=listening.url, timeout=30.0, trust_env=False) as http,
    ):
        await_ready(http)
        yield Andon(listening.url, store, settings, Door(http, listening.token))


def await_ready(http: httpx2.Client) -> None:
    """Wait until a server says that it serves."""
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx2.TransportError):
            if http.get("/readyz").status_code == 200:
                return
        time.sleep(0.01)
    raise AssertionError("the server does not become ready")


@contextmanager
def fresh_store(
    kind: str, folder: Path, postgres: PostgresServer | None, slots: int = SLOTS
) -> Iterator[Store]:
    """Give a migrated store of this kind that nothing serves yet."""
    if postgres is None or kind == "sqlite":
        yield SqliteStore(folder / "home")
        return
    database = postgres.create_database()
    store = PostgresStore(folder / "home", database)
    migrate(store, slots=slots)
    yield store
    if postgres.running:
        postgres.drop_database(database)
