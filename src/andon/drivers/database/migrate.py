"""Bring a database's schema to this version: backup, lock, revisions, grants."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, insert, inspect, select, text
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError

from andon import errors
from andon.drivers.database import pieces, postgres, sqlite, tables
from andon.drivers.database.generations import GRANTED, OWNERS
from andon.settings import Settings

LEVEL = 1
"""Number of the newest revision that this code knows; revisions are named 0001, 0002, ..."""

_LOCK = 0x616E646F
_APPEND_ONLY = frozenset({"audit_changes", "blocks"})
_READ_ONLY = frozenset({"meta", "usage_generations"})
# What erasure needs: a block without some of its records, or without all of them.
_REWRITTEN = {"usage": "SELECT, INSERT, DELETE, UPDATE (records, body)"}


def config(connection: Connection | None = None) -> Config:
    """Point Alembic at the revisions inside the package."""
    made = Config()
    made.set_main_option("script_location", str(resources.files("andon.drivers") / "migrations"))
    made.attributes["connection"] = connection
    return made


def levels(connection: Connection) -> tuple[int, int]:
    """Read the schema's level and the oldest code level that may use it; 0, 0 when empty."""
    if not inspect(connection).has_table("meta"):
        return 0, 0
    rows = connection.execute(
        select(tables.meta.c.key, tables.meta.c.value).where(
            tables.meta.c.key.in_(["schema_level", "oldest_code_level"])
        )
    )
    found = {key: int(value) for key, value in rows}
    return found.get("schema_level", 0), found.get("oldest_code_level", 0)


def check_levels(schema_level: int, oldest_code_level: int, code_level: int = LEVEL) -> None:
    """Refuse a schema that this code cannot use; newer schemas that allow it are welcome."""
    if schema_level < code_level:
        raise errors.NeedsMigration
    if code_level < oldest_code_level:
        raise errors.CodeTooOld


def migrate_sqlite(engine: Engine, path: Path) -> Path | None:
    """Bring the embedded store up to date; return the backup that was made before, if any."""
    with engine.connect() as connection:
        level, oldest = levels(connection)
    if level >= LEVEL:
        check_levels(level, oldest)
        return None
    backup = None
    if level > 0:
        backup = path.with_name(f"{path.name}.before-{LEVEL:04d}")
        backup.unlink(missing_ok=True)
        sqlite.backup_into(engine, backup)
    with engine.begin() as connection:
        command.upgrade(config(connection), "head")
        seed(connection, slots=1)
    return backup


def migrate_postgres(settings: Settings) -> int:
    """Bring a PostgreSQL database up to date as its owner, one process at a time."""
    if settings.database_url is None:
        raise errors.StoreRefused("set ANDON_DATABASE_URL to the database to migrate")
    service_url = settings.database_url.get_secret_value()
    owner = (settings.migrate_url or settings.database_url).get_secret_value()
    engine = postgres.open_engine(owner, 2, 600.0)
    try:
        with _reachable(), _locked(engine), engine.begin() as connection:
            postgres.check_server(connection)
            level, oldest = levels(connection)
            if level > LEVEL:
                check_levels(level, oldest)
                return level
            command.upgrade(config(connection), "head")
            seed(connection, slots=settings.slots)
            pieces.prepare(connection)
            _grant_to_service(connection, service_url)
    finally:
        engine.dispose()
    return LEVEL


@contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except OperationalError as fault:
        raise errors.StoreUnavailable(
            f"The database cannot be reached ({type(fault.orig).__name__}); check host, port, "
            "user and password in ANDON_MIGRATE_URL or ANDON_DATABASE_URL"
        ) from None
    except ProgrammingError as fault:
        if type(fault.orig).__name__ != "InsufficientPrivilege":
            raise
        raise errors.StoreRefused(
            "This role may not make tables here; set ANDON_MIGRATE_URL to the URL of the "
            "database's owner"
        ) from None


@contextmanager
def _locked(engine: Engine) -> Iterator[None]:
    with engine.connect() as connection:
        connection.exec_driver_sql(f"SELECT pg_advisory_lock({_LOCK})")
        connection.commit()
        try:
            yield
        finally:
            connection.exec_driver_sql(f"SELECT pg_advisory_unlock({_LOCK})")
            connection.commit()


def seed(connection: Connection, *, slots: int) -> None:
    """Write what an empty store needs: its slots and the tenant `default`."""
    if connection.execute(select(tables.slots.c.slot).limit(1)).first() is not None:
        return
    connection.execute(insert(tables.slots), [{"slot": n, "block": 0} for n in range(slots)])
    connection.execute(insert(tables.meta).values(key="slots", value=str(slots)))
    now_us = _now_us(connection)
    connection.execute(
        insert(tables.tenants).values(
            id="default",
            slot=0,
            name="default",
            zones='[["UTC",0]]',
            settings="{}",
            status="active",
            created_us=now_us,
            updated_us=now_us,
            revision=1,
        )
    )


def _now_us(connection: Connection) -> int:
    if connection.dialect.name == "sqlite":
        days = "SELECT CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)"
        return int(connection.exec_driver_sql(days).scalar_one())
    now = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
    return int(connection.exec_driver_sql(now).scalar_one())


def _grant_to_service(connection: Connection, service_url: str) -> None:
    run = connection.exec_driver_sql
    for function in (*GRANTED, *OWNERS):
        run(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
    url = postgres.parse_url(service_url)
    role = url.username
    if not role or role == connection.exec_driver_sql("SELECT current_user").scalar_one():
        return
    quoted = connection.dialect.identifier_preparer.quote_identifier(role)
    _make_role(connection, role, quoted, url.password)
    schema = connection.dialect.identifier_preparer.quote_identifier(
        str(run("SELECT current_schema()").scalar_one())
    )
    run(f"GRANT USAGE ON SCHEMA {schema} TO {quoted}")
    run(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {quoted}")
    for table in tables.tables_of("postgresql"):
        run(f"GRANT {_rights(table.name)} ON {table.name} TO {quoted}")
    for function in GRANTED:
        run(f"GRANT EXECUTE ON FUNCTION {function} TO {quoted}")
    run(f"GRANT SELECT ON alembic_version TO {quoted}")


def _rights(table: str) -> str:
    if table in _READ_ONLY:
        return "SELECT"
    if table in _REWRITTEN:
        return _REWRITTEN[table]
    return "SELECT, INSERT" if table in _APPEND_ONLY else "SELECT, INSERT, UPDATE, DELETE"


def _make_role(connection: Connection, role: str, quoted: str, password: Any) -> None:
    exists = text("SELECT 1 FROM pg_roles WHERE rolname = :role")
    if connection.execute(exists, {"role": role}).first() is not None:
        return
    try:
        connection.exec_driver_sql(f"CREATE ROLE {quoted} LOGIN NOSUPERUSER NOBYPASSRLS")
        if password:
            _set_password(connection, quoted, str(password))
    except DBAPIError:
        raise errors.StoreRefused(
            f"The role {role} does not exist and this owner may not make it; make it with "
            "CREATE ROLE ... LOGIN and run `andon migrate` again"
        ) from None


def _set_password(connection: Connection, quoted: str, password: str) -> None:
    # Sent as a SCRAM verifier, so that no log of the server can show the password.
    raw = connection.connection.driver_connection
    role = quoted.strip('"').replace('""', '"')
    verifier = raw.pgconn.encrypt_password(  # type: ignore[union-attr]
        password.encode(), role.encode(), b"scram-sha-256"
    ).decode()
    connection.exec_driver_sql(f"ALTER ROLE {quoted} PASSWORD '{verifier}'")
