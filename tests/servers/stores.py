"""Empty stores for a real Andon to serve, and a way to look into them past the product."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import psycopg

from tests.servers.postgres import PostgresDatabase

Read = Callable[[str], list[tuple[Any, ...]]]
"""Runs one SQL statement and gives its rows."""

_MIGRATE = "from andon import app, settings; app.migrate(settings.Settings())"
_MIGRATE_SECONDS = 120.0


class Store(Protocol):
    """Where an Andon keeps what it is told."""

    @property
    def kind(self) -> str:
        """`sqlite` or `postgresql`."""

    @property
    def home(self) -> Path:
        """What ANDON_HOME is set to; made by the server."""

    def environment(self) -> dict[str, str]:
        """Give the ANDON_* variables of a server on this store."""

    def prepare(self) -> None:
        """Bring the schema to where a server can start."""

    def snapshot(self) -> AbstractContextManager[Read]:
        """Read past the product and its walls; all statements see one state."""


def clean_environment(variables: dict[str, str]) -> dict[str, str]:
    """Give this process's environment with these ANDON_* variables and no others."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANDON_")}
    return {**kept, "PYTHONUNBUFFERED": "1", **variables}


@dataclass(frozen=True, slots=True)
class SqliteStore:
    """The embedded store in a folder of its own."""

    home: Path
    kind: str = "sqlite"

    @property
    def path(self) -> Path:
        """The database file."""
        return self.home / "andon.db"

    def environment(self) -> dict[str, str]:
        """Name the folder; the database lies in it."""
        return {"ANDON_HOME": str(self.home)}

    def prepare(self) -> None:
        """Leave it to the server, which makes and migrates its embedded store itself."""

    @contextmanager
    def snapshot(self) -> Iterator[Read]:
        """Read with a read-only connection, which neither writes nor checkpoints."""
        address = f"file:{quote(str(self.path))}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, isolation_level=None)) as connection:
            connection.execute("BEGIN")
            yield lambda statement: connection.execute(statement).fetchall()


@dataclass(frozen=True, slots=True)
class PostgresStore:
    """A database of a PostgreSQL server, with one role that owns and one that serves."""

    home: Path
    database: PostgresDatabase
    kind: str = "postgresql"

    def environment(self) -> dict[str, str]:
        """Let the server log in as the role that owns nothing."""
        return {"ANDON_HOME": str(self.home), "ANDON_DATABASE_URL": self.database.service_url}

    def prepare(self) -> None:
        """Migrate as the owner, in a process of its own as an operator would."""
        variables = {**self.environment(), "ANDON_MIGRATE_URL": self.database.owner_url}
        done = subprocess.run(
            [sys.executable, "-c", _MIGRATE],
            env=clean_environment(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=_MIGRATE_SECONDS,
        )
        if done.returncode != 0:
            raise RuntimeError(f"the migration ended with {done.returncode}:\n{done.stdout}")

    @contextmanager
    def snapshot(self) -> Iterator[Read]:
        """Read as the superuser, whom row-level security does not hold."""
        with psycopg.connect(self.database.admin_dsn) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            yield lambda statement: connection.execute(statement.encode()).fetchall()
