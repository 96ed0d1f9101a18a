"""Andon servers under load, with the tenants that report to them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from bench import machine
from bench.requests import Account
from tests.servers.andon import AndonServer
from tests.servers.postgres import PostgresServer
from tests.servers.stores import PostgresStore, SqliteStore

TENANTS = 50


@dataclass(frozen=True, slots=True)
class Fleet:
    """Servers on one store, and a key and an integration of each tenant."""

    servers: list[AndonServer]
    accounts: list[Account]
    home: Path

    @property
    def ports(self) -> list[int]:
        """Where the servers listen."""
        return [urlsplit(server.url).port or 0 for server in self.servers]

    def cpu_seconds(self) -> float:
        """Give the processor time of all servers (PostgreSQL's own is not in it)."""
        return sum(machine.cpu_seconds(server.pid) for server in self.servers)

    def rss_mib(self) -> float:
        """Give the resident memory of the largest server process."""
        return max(machine.rss_mib(server.pid) for server in self.servers)


@contextmanager
def serving(postgres: PostgresServer | None, tenants: int = TENANTS) -> Iterator[Fleet]:
    """Serve an empty store: SQLite by one process, PostgreSQL by two."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="andon-bench-")))
        servers = []
        if postgres is None:
            store = SqliteStore(folder / "home")
            servers.append(stack.enter_context(AndonServer.start(store)))
        else:
            database = postgres.create_database()
            stack.callback(postgres.drop_database, database)
            for number in (1, 2):
                server = AndonServer(PostgresStore(folder / f"home-{number}", database))
                server.store.prepare()
                server.key = servers[0].key if servers else server.key
                servers.append(stack.enter_context(server))
                server.launch()
        yield Fleet(servers, list(_accounts(servers[0], tenants)), folder / "home")


def _accounts(server: AndonServer, tenants: int) -> Iterator[Account]:
    client = server.client()
    for number in range(tenants):
        tenant_id = _made(client, "tenants", {"name": f"tenant {number}"})["id"]
        admin = {"name": "admin", "role": "admin", "tenant_id": tenant_id}
        reporter = {"name": "reporter", "role": "ingest", "tenant_id": tenant_id}
        integration = server.create_integration("llm", key=_made(client, "keys", admin)["key"])
        yield _made(client, "keys", reporter)["key"], integration


def _made(client: httpx2.Client, what: str, body: dict[str, str]) -> dict[str, str]:
    answer = client.post(f"/api/v1/{what}", json=body)
    answer.raise_for_status()
    made: dict[str, str] = answer.json()
    return made
