"""The PostgreSQL that the tests use is as durable and as strict as a production one."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import textwrap

import psycopg
import pytest

from tests.servers.postgres import SERVICE, PostgresDatabase, PostgresServer


def _one(dsn: str, statement: bytes) -> object:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(statement).fetchone()
    assert row is not None
    return row[0]


def test_version_is_supported(postgres_server: PostgresServer) -> None:
    oldest = 150000
    assert postgres_server.version >= oldest
    if os.environ.get("ANDON_TEST_POSTGRES") == "debian":
        assert postgres_server.version // 10000 == 15


@pytest.mark.parametrize("setting", ["fsync", "synchronous_commit", "full_page_writes"])
def test_commits_are_durable(postgres_database: PostgresDatabase, setting: str) -> None:
    assert _one(postgres_database.service_dsn, f"SHOW {setting}".encode()) == "on"


def test_service_role_owns_nothing_and_bypasses_nothing(
    postgres_database: PostgresDatabase,
) -> None:
    with psycopg.connect(postgres_database.service_dsn) as connection:
        rights = connection.execute(
            "SELECT rolsuper, rolbypassrls, rolcreatedb, rolcreaterole FROM pg_roles "
            "WHERE rolname = current_user"
        ).fetchone()
        owned = connection.execute(
            "SELECT count(*) FROM pg_shdepend d JOIN pg_roles r ON r.oid = d.refobjid "
            "JOIN pg_database b ON b.oid = d.dbid AND b.datname = current_database() "
            "WHERE r.rolname = current_user AND d.deptype = 'o'"
        ).fetchone()
    assert rights == (False, False, False, False)
    assert owned == (0,)


def test_service_role_may_not_make_tables(postgres_database: PostgresDatabase) -> None:
    with (
        psycopg.connect(postgres_database.service_dsn) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("CREATE TABLE mine (id integer)")


def test_owner_owns_its_database_only(postgres_database: PostgresDatabase) -> None:
    with psycopg.connect(postgres_database.owner_dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE mine (id integer)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE DATABASE another")


def test_wrong_password_is_refused(postgres_server: PostgresServer) -> None:
    wrong = f"postgresql://{SERVICE}:wrong@127.0.0.1:{postgres_server.port}/postgres"
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_passwords_stay_out_of_the_log(postgres_server: PostgresServer) -> None:
    text = postgres_server.log_text()
    assert "database system is ready" in text
    for role in ("postgres", "andon_owner", "andon_service"):
        password = postgres_server.dsn(role).split(":")[2].split("@")[0]
        assert password not in text


def test_a_committed_row_survives_an_immediate_stop() -> None:
    with PostgresServer.start("pip") as server:
        database = server.create_database()
        with psycopg.connect(database.owner_dsn) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
        first = server.pid
        server.restart("immediate")
        assert server.pid != first
        assert _one(database.owner_dsn, b"SELECT n FROM kept") == 7
        root = server.root
    assert not root.exists()


_STARTER = """
    import sys
    from tests.servers.postgres import PostgresServer
    server = PostgresServer.start("pip")
    print(server.pid, server._process.pid, server.root, flush=True)
    sys.stdin.read()
"""


def test_server_ends_when_its_starter_is_killed() -> None:
    starter = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_STARTER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with starter:
        assert starter.stdout is not None
        server_pid, watchdog_pid, root = starter.stdout.readline().split()
        gone = [os.pidfd_open(int(pid)) for pid in (server_pid, watchdog_pid)]
        try:
            starter.send_signal(signal.SIGKILL)
            for descriptor in gone:
                _wait_for_end(descriptor)
        finally:
            for descriptor in gone:
                os.close(descriptor)
    assert not os.path.exists(root)


def _wait_for_end(descriptor: int) -> None:
    waiter = select.poll()
    waiter.register(descriptor, select.POLLIN)
    assert waiter.poll(30_000), "the process still runs 30 s after its starter was killed"


def test_oldest_supported_server_is_postgresql_15(
    oldest_postgres_server: PostgresServer, oldest_postgres_database: PostgresDatabase
) -> None:
    assert oldest_postgres_server.version // 10000 == 15
    assert _one(oldest_postgres_database.service_dsn, b"SHOW fsync") == "on"
