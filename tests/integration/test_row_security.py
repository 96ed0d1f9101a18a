"""Row-level security holds the service's role, with every check of the product switched off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from andon import app, errors
from andon.drivers.database import tables
from tests.integration.doors import Tenancy, unique
from tests.integration.prices import new_price
from tests.integration.records import USAGE, report_all, usage
from tests.integration.serving import Andon, fresh_store, serving, settings_of
from tests.servers.postgres import PostgresServer
from tests.servers.stores import PostgresStore

TABLES = {table.name: table for table in tables.tables_of("postgresql")}
SCOPED = sorted(set(TABLES) - tables.UNSCOPED)
APPEND_ONLY = ["audit_changes", "blocks"]


@pytest.fixture(scope="module")
def postgres_store(
    postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PostgresStore]:
    folder = tmp_path_factory.mktemp("walls")
    with fresh_store("postgresql", folder, postgres_server) as store:
        assert isinstance(store, PostgresStore)
        yield store


@pytest.fixture(scope="module")
def served(postgres_store: PostgresStore) -> Iterator[Andon]:
    with serving(postgres_store) as andon:
        yield andon


@pytest.fixture(scope="module")
def both(served: Andon) -> tuple[Tenancy, Tenancy]:
    """Fill every table that belongs to a tenant, for two tenants."""
    made = (served.tenant(), served.tenant())
    for tenant in made:
        integration_id = tenant.integrate()
        model = unique("model")
        calls = [usage(integration_id, agent_id="a", error_message="it failed")]
        report_all(tenant.admin, [usage(integration_id, end_user="Ada")])
        tenant.admin.make("end-users/erase", {"end_user": "Ada"})
        report_all(tenant.admin, [*calls, usage(integration_id, provider="acme", model=model)])
        tenant.admin.make("imports")
        new_price(tenant.admin, model=model)
        tenant.admin.make("telemetry/reprice")
        (priced,) = tenant.admin.items(USAGE, model=model)
        tenant.admin.make(f"{USAGE}/{priced['id']}/void", {"reason": "wrong"})
        body = {"kind": "person", "name": "Ada"}
        tenant.admin.make("principals", body, headers={"Idempotency-Key": "once"})
    return made


@contextmanager
def as_service(store: PostgresStore, *tenants: int) -> Iterator[psycopg.Connection[Any]]:
    """Log in as the service; without tenants the setting is not even made."""
    with psycopg.connect(store.database.service_dsn) as connection:
        if tenants:
            scope = "{" + ",".join(map(str, tenants)) + "}"
            connection.execute("SELECT set_config('andon.tenants', %s, true)", (scope,))
        yield connection
        connection.rollback()


def _count(connection: psycopg.Connection[Any], table: str, where: str = "true") -> int:
    row = connection.execute(f"SELECT count(*) FROM {table} WHERE {where}".encode()).fetchone()
    assert row is not None
    return int(row[0])


def _numbers(store: PostgresStore, both: tuple[Tenancy, Tenancy]) -> tuple[int, int]:
    with store.snapshot() as read:
        found = dict(read("SELECT id, tenant FROM tenants"))
    return found[both[0].id], found[both[1].id]


def test_every_table_of_tenants_has_a_wall(postgres_store: PostgresStore) -> None:
    with postgres_store.snapshot() as read:
        found = read(
            "SELECT c.relname, c.relrowsecurity, count(p.polname) FROM pg_class c "
            "JOIN pg_namespace n ON n.oid = c.relnamespace "
            "LEFT JOIN pg_policy p ON p.polrelid = c.oid "
            "WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition "
            "GROUP BY 1, 2"
        )
    walls = {name: (has, count) for name, has, count in found}
    assert set(walls) == set(TABLES) | {"alembic_version"}
    for name in SCOPED:
        has, count = walls[name]
        assert has, f"{name} has no row-level security"
        assert count >= 1, f"{name} has no policy"
    assert {name for name, (has, _) in walls.items() if not has} == {
        *tables.UNSCOPED,
        "alembic_version",
    }


def test_a_table_without_a_wall_holds_nothing_of_a_tenant() -> None:
    for name in tables.UNSCOPED:
        assert "tenant" not in TABLES[name].c, name


def test_no_tenant_no_rows(postgres_store: PostgresStore, both: tuple[Tenancy, Tenancy]) -> None:
    with as_service(postgres_store) as service:
        for name in SCOPED:
            assert _count(service, name) == 0, name
        service.execute("SELECT set_config('andon.tenants', '', true)")
        for name in SCOPED:
            assert _count(service, name) == 0, name


def test_a_tenants_rows_are_its_own(
    postgres_store: PostgresStore, both: tuple[Tenancy, Tenancy]
) -> None:
    first, second = _numbers(postgres_store, both)
    for name in SCOPED:
        with as_service(postgres_store, first) as service:
            own = _count(service, name)
            assert own > 0, f"{name} was not filled by the test"
            assert _count(service, name, f"tenant <> {first}") == 0, name
        with as_service(postgres_store, first, second) as service:
            assert _count(service, name) > own, name
            assert _count(service, name, f"tenant NOT IN ({first}, {second})") == 0, name


def test_a_scope_ends_with_its_transaction(
    postgres_store: PostgresStore, both: tuple[Tenancy, Tenancy]
) -> None:
    first, _ = _numbers(postgres_store, both)
    with psycopg.connect(postgres_store.database.service_dsn) as service:
        service.execute("SELECT set_config('andon.tenants', %s, true)", (f"{{{first}}}",))
        assert _count(service, "integrations") == 1
        service.commit()
        assert _count(service, "integrations") == 0


@pytest.mark.parametrize("table", SCOPED)
def test_nothing_is_written_into_another_tenant(
    postgres_store: PostgresStore, both: tuple[Tenancy, Tenancy], table: str
) -> None:
    first, second = _numbers(postgres_store, both)
    names = [column.name for column in TABLES[table].columns]
    kept = ", ".join(names)
    moved = ", ".join(str(second) if name == "tenant" else name for name in names)
    with (
        as_service(postgres_store, first) as service,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"),
    ):
        service.execute(f"INSERT INTO {table} ({kept}) SELECT {moved} FROM {table}".encode())


@pytest.mark.parametrize("table", [name for name in SCOPED if name not in {*APPEND_ONLY, "usage"}])
def test_no_row_is_changed_in_or_moved_to_another_tenant(
    postgres_store: PostgresStore, both: tuple[Tenancy, Tenancy], table: str
) -> None:
    first, second = _numbers(postgres_store, both)
    with as_service(postgres_store, first) as service:
        done = service.execute(
            f"UPDATE {table} SET tenant = tenant WHERE tenant = {second}".encode()
        )
        assert done.rowcount == 0
        done = service.execute(f"DELETE FROM {table} WHERE tenant = {second}".encode())
        assert done.rowcount == 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            service.execute(f"UPDATE {table} SET tenant = {second}".encode())


def _pieces(store: PostgresStore) -> list[str]:
    with store.snapshot() as read:
        found = read("SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'")
    return [str(name) for (name,) in found]


def test_a_piece_of_a_table_is_reached_through_the_whole_alone(
    postgres_store: PostgresStore, both: tuple[Tenancy, Tenancy]
) -> None:
    first, _ = _numbers(postgres_store, both)
    pieces = _pieces(postgres_store)
    assert {name.split("_2")[0] for name in pieces} >= {"usage", "usage_keys", "usage_keys_kept"}
    for name in pieces:
        for statement in (f"SELECT * FROM {name}", f"DELETE FROM {name}", f"DROP TABLE {name}"):
            with (
                as_service(postgres_store, first) as service,
                pytest.raises(psycopg.errors.InsufficientPrivilege),
            ):
                service.execute(statement.encode())


def test_a_piece_shows_nothing_even_to_whoever_is_let_in(
    postgres_store: PostgresStore, both: tuple[Tenancy, Tenancy]
) -> None:
    first, _ = _numbers(postgres_store, both)
    for name in _pieces(postgres_store):
        grant = f"GRANT SELECT ON {name} TO andon_service"
        with psycopg.connect(postgres_store.database.owner_dsn) as owner:
            owner.execute(grant.encode())
        try:
            with as_service(postgres_store, first) as service:
                assert _count(service, name) == 0, name
        finally:
            with psycopg.connect(postgres_store.database.owner_dsn) as owner:
                owner.execute(f"REVOKE SELECT ON {name} FROM andon_service".encode())


@pytest.mark.parametrize("column", ["slot", "tenant", "block", "month", "received_us", "id"])
def test_of_a_block_nothing_changes_but_its_records(
    postgres_store: PostgresStore, both: tuple[Tenancy, Tenancy], column: str
) -> None:
    first, _ = _numbers(postgres_store, both)
    with (
        as_service(postgres_store, first) as service,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"),
    ):
        service.execute(f"UPDATE usage SET {column} = {column}".encode())


def test_another_tenants_blocks_are_neither_rewritten_nor_deleted(
    postgres_store: PostgresStore, both: tuple[Tenancy, Tenancy]
) -> None:
    first, second = _numbers(postgres_store, both)
    with as_service(postgres_store, first) as service:
        assert service.execute("UPDATE usage SET records = 0").rowcount > 0
        for change in ("UPDATE usage SET records = 0", "DELETE FROM usage"):
            done = service.execute(f"{change} WHERE tenant = {second}".encode())
            assert done.rowcount == 0, change


def test_the_audit_is_emptied_for_erased_tenants_alone(
    postgres_store: PostgresStore, both: tuple[Tenancy, Tenancy]
) -> None:
    first, _ = _numbers(postgres_store, both)
    with (
        as_service(postgres_store, first) as service,
        pytest.raises(psycopg.errors.RaiseException, match="being erased"),
    ):
        service.execute("SELECT andon_empty_audit(%s, 10)", (first,))


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "UPDATE {} SET {} = {}", "TRUNCATE {}"])
def test_what_is_append_only(postgres_store: PostgresStore, table: str, statement: str) -> None:
    column = next(iter(TABLES[table].columns)).name
    with (
        as_service(postgres_store) as service,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"),
    ):
        service.execute(statement.format(table, column, column).encode())


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE usage DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE usage ADD COLUMN mine text",
        "DROP TABLE usage",
        "DROP POLICY wall ON usage",
        "CREATE TABLE mine (id integer)",
        "TRUNCATE usage_daily",
        "UPDATE meta SET value = '0'",
        "INSERT INTO meta VALUES ('mine', '1')",
        "SET ROLE andon_owner",
        "CREATE ROLE mine SUPERUSER",
        "ALTER ROLE andon_service BYPASSRLS",
    ],
)
def test_what_the_service_may_not(postgres_store: PostgresStore, statement: str) -> None:
    with as_service(postgres_store) as service, pytest.raises(psycopg.Error) as fault:
        service.execute(statement.encode())
    assert fault.value.sqlstate == "42501"


def test_the_service_owns_nothing(postgres_store: PostgresStore) -> None:
    with as_service(postgres_store) as service:
        row = service.execute(
            "SELECT count(*) FROM pg_class WHERE pg_has_role(relowner, 'USAGE') "
            "AND relpersistence <> 't'"
        ).fetchone()
        rights = service.execute(
            "SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
    assert row == (0,)
    assert rights == (False, False)


def test_a_key_is_found_by_its_prefix_alone(
    postgres_store: PostgresStore, both: tuple[Tenancy, Tenancy]
) -> None:
    prefix = both[0].admin.key.split("_")[1]
    with as_service(postgres_store) as service:
        service.execute("SELECT set_config('andon.key_prefix', %s, true)", (prefix,))
        assert _count(service, "api_keys") == 1
        assert _count(service, "principals") == 0
        done = service.execute("UPDATE api_keys SET role = 'admin'")
        assert done.rowcount == 0


def test_the_directory_shows_tenants_and_no_more(
    postgres_store: PostgresStore, both: tuple[Tenancy, Tenancy]
) -> None:
    with as_service(postgres_store) as service:
        service.execute("SELECT set_config('andon.directory', 'on', true)")
        assert _count(service, "tenants") >= 3
        for name in set(SCOPED) - {"tenants"}:
            assert _count(service, name) == 0, name


@pytest.mark.parametrize("text", ["{1,2", "1", "{x}", "{1} OR true", "{99999999999}"])
def test_a_scope_that_is_none_shows_nothing(postgres_store: PostgresStore, text: str) -> None:
    with as_service(postgres_store) as service:
        service.execute("SELECT set_config('andon.tenants', %s, true)", (text,))
        with pytest.raises(psycopg.DataError):
            _count(service, "integrations")


def test_serving_as_the_owner_is_refused(postgres_store: PostgresStore) -> None:
    database = postgres_store.database
    for url in (database.owner_url, database.admin_url):
        settings = settings_of(postgres_store, database_url=url)
        with pytest.raises(errors.StoreRefused, match="ANDON_ALLOW_OWNER=1"):
            app.init(settings)


def test_serving_as_the_owner_is_a_choice(
    postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("owner")
    with fresh_store("postgresql", folder, postgres_server) as store:
        assert isinstance(store, PostgresStore)
        url = store.database.owner_url
        with serving(store, database_url=url, allow_owner=True) as andon:
            tenant = andon.tenant()
            report_all(tenant.admin, [usage(tenant.integrate())])
            # The walls of the product itself still stand.
            assert andon.tenant().admin.items("integrations") == []


def test_no_password_is_in_what_is_told(postgres_store: PostgresStore) -> None:
    database = postgres_store.database
    password = database.service_dsn.split(":")[2].split("@")[0]
    wrong = database.service_url.replace(password, "wr0ng-passw0rd")
    with pytest.raises(errors.StoreUnavailable) as fault:
        app.init(settings_of(postgres_store, database_url=wrong))
    assert "wr0ng" not in str(fault.value)
    assert password not in repr(settings_of(postgres_store))
