"""Acknowledged means on the disk: the settings that promise it, and the syncs that keep it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine

from andon import errors
from andon.drivers.database import Database, open_database, opening
from andon.settings import Settings
from tests.durability.trace import NotAllowed, calls_of, traced, why_not_durable
from tests.servers.andon import AndonServer
from tests.servers.postgres import SERVICE, PostgresServer
from tests.servers.stores import PostgresStore, SqliteStore, Store
from tests.servers.tools import need

_FULL = 2
_SINGLES = 12
_ACCEPTED = '\\"status\\":\\"accepted\\"'


def _clock_us() -> int:
    return time.time_ns() // 1000


def _ask(engine: Engine, statement: str) -> object:
    with engine.connect() as connection:
        return connection.exec_driver_sql(statement).scalar_one()


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Database]:
    """Open the embedded store as the server does."""
    with closing(open_database(Settings(home=tmp_path / "home"), _clock_us)) as database:
        yield database


def test_the_writing_connection_syncs_every_commit(embedded: Database) -> None:
    assert _ask(embedded.writer, "PRAGMA synchronous") == _FULL
    assert _ask(embedded.writer, "PRAGMA journal_mode") == "wal"


def test_reading_connections_neither_write_nor_checkpoint(embedded: Database) -> None:
    assert _ask(embedded.reader, "PRAGMA query_only") == 1
    assert _ask(embedded.reader, "PRAGMA wal_autocheckpoint") == 0


@pytest.fixture(scope="module")
def migrated(
    postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PostgresStore]:
    """Give a database with Andon's schema, to be left as it is."""
    database = postgres_server.create_database()
    store = PostgresStore(tmp_path_factory.mktemp("migrated") / "home", database)
    store.prepare()
    yield store
    postgres_server.drop_database(database)


def _open(store: PostgresStore) -> Database:
    url = SecretStr(store.database.service_url)
    return open_database(Settings(home=store.home, database_url=url), _clock_us)


@pytest.mark.parametrize("setting", ["fsync", "synchronous_commit", "full_page_writes"])
def test_postgresql_syncs_every_commit(migrated: PostgresStore, setting: str) -> None:
    with closing(_open(migrated)) as database:
        assert _ask(database.writer, f"SHOW {setting}") == "on"


def test_no_table_is_unlogged(migrated: PostgresStore) -> None:
    with migrated.snapshot() as read:
        kinds = dict(read("SELECT relpersistence, count(*) FROM pg_class GROUP BY 1"))
    assert set(kinds) == {"p"}


def test_a_role_that_commits_without_sync_is_refused(migrated: PostgresStore) -> None:
    role = f"ALTER ROLE {SERVICE} IN DATABASE {migrated.database.name}"
    with psycopg.connect(migrated.database.admin_dsn, autocommit=True) as connection:
        connection.execute(f"{role} SET synchronous_commit = off".encode())
        try:
            with (
                closing(_open(migrated)) as database,
                pytest.raises(errors.StoreRefused, match="synchronous_commit=off"),
            ):
                opening.check_postgres(database, allow_owner=False)
        finally:
            connection.execute(f"{role} RESET synchronous_commit".encode())


@pytest.mark.skipif(sys.platform != "linux", reason="strace is a program of Linux")
def test_the_log_is_synced_between_arrival_and_answer(
    store: Store, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    strace, output = need("strace", "strace"), tmp_path / "trace"
    with AndonServer.start(store) as server:
        client, integration = server.client(), server.create_integration("traced")
        marks = [f"traced-call-{number:03d}" for number in range(_SINGLES)]
        try:
            with traced(strace, [server.pid, *_backends(store, request)], output):
                for mark in marks:
                    answer = client.post(
                        "/api/v1/telemetry/llm-usage", json=_call(mark, integration)
                    )
                    assert answer.json()["status"] == "accepted"
        except NotAllowed as fault:
            pytest.skip(f"this machine does not let strace attach: {fault}")
    calls = calls_of(output.read_text(errors="replace").splitlines())
    wrong = {mark: why_not_durable(calls, mark, _ACCEPTED) for mark in marks}
    assert wrong == dict.fromkeys(marks)


def _call(call_id: str, integration: str) -> dict[str, object]:
    return {
        "call_id": call_id,
        "integration_id": integration,
        "provider": "openai",
        "model": "gpt-4o",
        "tokens_in": 10,
        "tokens_out": 20,
    }


def _backends(store: Store, request: pytest.FixtureRequest) -> list[int]:
    """Name the processes of PostgreSQL: whichever of them syncs the log counts."""
    if isinstance(store, SqliteStore):
        return []
    server: PostgresServer = request.getfixturevalue("postgres_server")
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children")
    return [int(pid) for pid in children.read_text().split()]
