"""The schema: made once, the same as its model, guarded against code too old or too new."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine

from andon import app, errors
from andon.drivers.database import migrate as migrations
from andon.drivers.database import opening, postgres, sqlite, tables
from tests.integration.doors import Door
from tests.integration.records import report_all, usage
from tests.integration.serving import migrate, serving, settings_of
from tests.servers.postgres import PostgresDatabase, PostgresServer
from tests.servers.stores import PostgresStore, SqliteStore, Store


@contextmanager
def connected(store: Store) -> Iterator[Connection]:
    """Connect as whoever owns the tables."""
    engine: Engine
    if isinstance(store, PostgresStore):
        engine = postgres.open_engine(store.database.owner_url, 1, 10.0)
    else:
        assert isinstance(store, SqliteStore)
        engine = sqlite.writer_engine(store.path, 10.0)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def _everything(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    with connected(store) as connection:
        found = {
            table.name: [tuple(row) for row in connection.execute(table.select())]
            for table in tables.tables_of(store.kind)
        }
        version = connection.exec_driver_sql("SELECT version_num FROM alembic_version")
        return {**found, "alembic_version": [tuple(row) for row in version]}


def _set_levels(store: Store, schema_level: int, oldest_code_level: int) -> None:
    with connected(store) as connection:
        for key, value in (
            ("schema_level", schema_level),
            ("oldest_code_level", oldest_code_level),
        ):
            connection.exec_driver_sql(f"UPDATE meta SET value = '{value}' WHERE key = '{key}'")


def test_model_and_migration_agree(store: Store) -> None:
    migrate(store)
    with connected(store) as connection:
        ours = {table.name for table in tables.tables_of(store.kind)}
        opts = {
            "compare_type": True,
            "include_object": lambda _, name, kind, *__: kind != "table" or name in ours,
        }
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, tables.metadata) == []


def test_a_second_migration_changes_nothing(store: Store) -> None:
    migrate(store)
    before = _everything(store)
    assert [row[1] for row in before["tenants"]] == ["default"]
    assert before["alembic_version"] == [(f"{migrations.LEVEL:04d}",)]
    migrate(store)
    assert _everything(store) == before


def test_data_stays_over_a_migration(store: Store) -> None:
    migrate(store)
    with serving(store) as andon:
        tenant = andon.tenant()
        report_all(tenant.admin, [usage(tenant.integrate(), cost_cents=7)])
    migrate(store)
    with serving(store) as andon:
        door = Door(andon.http, tenant.admin.key)
        assert door.read("telemetry/usage-summary")["total_cost_cents"] == 7


def test_an_empty_postgresql_must_be_migrated_first(
    postgres_database: PostgresDatabase, tmp_path: Path
) -> None:
    store = PostgresStore(tmp_path, postgres_database)
    with pytest.raises(errors.NeedsMigration, match="andon migrate"):
        app.init(settings_of(store))


def test_an_embedded_store_is_migrated_by_whoever_opens_it(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "home")
    with serving(store) as andon:
        assert andon.root.read("tenants/default")["id"] == "default"


def test_code_that_is_too_old_is_refused(store: Store) -> None:
    migrate(store)
    _set_levels(store, migrations.LEVEL + 2, migrations.LEVEL + 1)
    before = _everything(store)
    with pytest.raises(errors.CodeTooOld, match="upgrade Andon"):
        app.init(settings_of(store))
    with pytest.raises(errors.CodeTooOld):
        migrate(store)
    assert _everything(store) == before


def test_a_newer_schema_that_allows_this_code_is_served(store: Store) -> None:
    migrate(store)
    _set_levels(store, migrations.LEVEL + 8, migrations.LEVEL)
    with serving(store) as andon:
        assert andon.tenant().admin.items("integrations") == []


def test_migrating_a_newer_schema_leaves_it_alone(store: Store) -> None:
    migrate(store)
    _set_levels(store, migrations.LEVEL + 8, migrations.LEVEL)
    with connected(store) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0009'")
    before = _everything(store)
    migrate(store)
    assert _everything(store) == before


@pytest.mark.parametrize(
    ("schema", "oldest", "code", "refusal"),
    [
        (1, 1, 1, None),
        (2, 1, 1, None),
        (9, 1, 1, None),
        (0, 0, 1, errors.NeedsMigration),
        (1, 1, 2, errors.NeedsMigration),
        (2, 2, 1, errors.CodeTooOld),
        (9, 3, 2, errors.CodeTooOld),
        (9, 3, 3, None),
    ],
)
def test_which_schema_which_code_may_use(
    schema: int, oldest: int, code: int, refusal: type[errors.AndonError] | None
) -> None:
    if refusal is None:
        migrations.check_levels(schema, oldest, code)
        return
    with pytest.raises(refusal):
        migrations.check_levels(schema, oldest, code)


def test_a_backup_is_made_before_an_embedded_store_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SqliteStore(tmp_path / "home")
    migrate(store)
    before = _everything(store)
    # As if this code knew one revision more than the store has.
    monkeypatch.setattr(migrations, "LEVEL", migrations.LEVEL + 1)
    engine = sqlite.writer_engine(store.path, 10.0)
    try:
        backup = migrations.migrate_sqlite(engine, store.path)
    finally:
        engine.dispose()
    assert backup is not None
    assert backup.stat().st_mode & 0o777 == 0o600
    kept = SqliteStore(tmp_path / "kept")
    kept.home.mkdir()
    backup.rename(kept.path)
    assert _everything(kept) == before


def test_two_migrations_at_once(postgres_server: PostgresServer, tmp_path: Path) -> None:
    database = postgres_server.create_database()
    store = PostgresStore(tmp_path, database)
    with ThreadPoolExecutor(3) as pool:
        # Each in a process of its own, as an operator's are.
        list(pool.map(lambda _: store.prepare(), range(3)))
    assert [row[1] for row in _everything(store)["tenants"]] == ["default"]
    with serving(store) as andon:
        assert andon.root.items("tenants")
    postgres_server.drop_database(database)


@pytest.mark.parametrize(
    ("version", "affected"),
    [
        ((3, 7, 0), True),
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 44, 9), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 52, 0), False),
        ((3, 53, 0), False),
        ((4, 0, 0), False),
    ],
)
def test_which_sqlite_loses_commits(version: tuple[int, int, int], affected: bool) -> None:
    assert sqlite.version_is_affected(version) is affected


def test_an_affected_sqlite_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "linked_version", lambda: (3, 40, 1))
    assert "only one of its connections ever writes" in sqlite.version_note()
    monkeypatch.setattr(sqlite, "linked_version", lambda: (3, 53, 0))
    assert "loses" not in sqlite.version_note()
    assert "can lose" not in sqlite.version_note()


def test_pragmas_of_the_writer_and_of_the_readers(tmp_path: Path) -> None:
    path = tmp_path / "home" / "andon.db"
    writer, reader = sqlite.writer_engine(path, 5.0), sqlite.reader_engine(path, 2, 5.0)
    try:
        wanted = {"journal_mode": "wal", "synchronous": 2, "query_only": 0}
        assert _pragmas(writer, wanted) == wanted
        wanted = {"journal_mode": "wal", "wal_autocheckpoint": 0, "query_only": 1}
        assert _pragmas(reader, wanted) == wanted
    finally:
        reader.dispose()
        writer.dispose()


def _pragmas(engine: Engine, names: dict[str, Any]) -> dict[str, Any]:
    with engine.connect() as connection:
        return {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names}


@pytest.fixture
def new_role(
    postgres_server: PostgresServer, postgres_database: PostgresDatabase
) -> Iterator[tuple[str, str]]:
    """Name a role that does not exist yet, and a password for it."""
    role = f"andon_{secrets.token_hex(4)}"
    yield role, secrets.token_urlsafe(18)
    if _is_role(postgres_database, role):
        with psycopg.connect(postgres_database.admin_dsn, autocommit=True) as admin:
            admin.execute(f"DROP OWNED BY {role}".encode())
            admin.execute(f"DROP ROLE {role}".encode())


def _is_role(database: PostgresDatabase, role: str) -> bool:
    with psycopg.connect(database.admin_dsn) as admin:
        found = admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
    return found is not None


def _url(database: PostgresDatabase, role: str, password: str) -> str:
    server = database.service_dsn.split("@")[1]
    return f"postgresql://{role}:{password}@{server}"


def test_an_absent_service_role_is_made(
    postgres_server: PostgresServer,
    postgres_database: PostgresDatabase,
    new_role: tuple[str, str],
    tmp_path: Path,
) -> None:
    role, password = new_role
    with psycopg.connect(postgres_database.admin_dsn, autocommit=True) as admin:
        # The server's log must not show the password, not even one that tells every statement.
        admin.execute(f"ALTER DATABASE {postgres_database.name} SET log_statement = 'all'".encode())
    store = PostgresStore(tmp_path, postgres_database)
    given = {
        "database_url": _url(postgres_database, role, password),
        "migrate_url": postgres_database.admin_url,
    }
    app.migrate(settings_of(store, **given))
    app.migrate(settings_of(store, **given))
    with serving(store, database_url=given["database_url"]) as andon:
        tenant = andon.tenant()
        report_all(tenant.admin, [usage(tenant.integrate())])
    log = postgres_server.log_text()
    assert f'ALTER ROLE "{role}"' in log or f"ALTER ROLE {role}" in log
    assert password not in log


def test_an_owner_that_may_not_make_a_role_is_told_so(
    postgres_database: PostgresDatabase, new_role: tuple[str, str], tmp_path: Path
) -> None:
    role, password = new_role
    settings = settings_of(
        PostgresStore(tmp_path, postgres_database),
        database_url=_url(postgres_database, role, password),
        migrate_url=postgres_database.owner_url,
    )
    with pytest.raises(errors.StoreRefused, match="CREATE ROLE") as fault:
        app.migrate(settings)
    assert password not in str(fault.value)
    assert not _is_role(postgres_database, role)


def test_a_role_that_may_not_make_tables_is_told_so(
    postgres_database: PostgresDatabase, tmp_path: Path
) -> None:
    settings = settings_of(PostgresStore(tmp_path, postgres_database))
    with pytest.raises(errors.StoreRefused, match="ANDON_MIGRATE_URL"):
        app.migrate(settings)


def test_a_server_that_acknowledges_too_early_is_refused(
    postgres_database: PostgresDatabase,
) -> None:
    engine = postgres.open_engine(postgres_database.owner_url, 1, 10.0)
    try:
        with engine.connect() as connection:
            postgres.check_server(connection)
            connection.exec_driver_sql("SET synchronous_commit = off")
            with pytest.raises(errors.StoreRefused, match="synchronous_commit=on"):
                postgres.check_server(connection)
    finally:
        engine.dispose()


def test_the_clock_of_an_embedded_store_never_goes_back(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "home")
    with serving(store) as andon:
        tenant = andon.tenant()
        report_all(tenant.admin, [usage(tenant.integrate())])
        last = andon.rows("SELECT max(committed_us) FROM blocks")[0][0]
    with app.opened(settings_of(store)) as database:
        opening.check_sqlite(database)
        assert database.now_us() >= last
        database._clock_us = lambda: last - 3_600_000_000
        assert database.now_us() >= last
