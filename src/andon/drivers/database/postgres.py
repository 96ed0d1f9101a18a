"""PostgreSQL as the production store: the service's own role, checked before it is used."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

from andon import errors

OLDEST = 150000
"""Oldest server version that Andon runs on, as `server_version_num` writes it."""


def parse_url(text: str) -> URL:
    """Read a PostgreSQL URL in any spelling and name the driver that Andon uses."""
    try:
        url = make_url(text)
    except ArgumentError:
        raise errors.StoreRefused(
            "ANDON_DATABASE_URL is no database URL; write sqlite:////absolute/file.db or "
            "postgresql://user:password@host:5432/name"
        ) from None
    if url.get_backend_name() not in {"postgresql", "postgres"}:
        raise errors.StoreRefused(
            "ANDON_DATABASE_URL must begin with sqlite:/// or postgresql://; "
            f"{url.get_backend_name()} is not supported"
        )
    return url.set(drivername="postgresql+psycopg")


def open_engine(text: str, size: int, timeout_seconds: float) -> Engine:
    """Open a bounded pool of connections whose statements have a time limit."""
    engine = create_engine(
        parse_url(text),
        pool_size=size,
        max_overflow=0,
        pool_timeout=timeout_seconds,
        pool_pre_ping=False,
        pool_recycle=1800,
        hide_parameters=True,
        connect_args={
            "connect_timeout": max(2, int(timeout_seconds)),
            "application_name": "andon",
            "options": f"-c statement_timeout={int(timeout_seconds * 1000)}"
            # A table that is young has no statistics yet: a plan that was made for its first rows
            # must not scan it when it has millions.
            " -c enable_seqscan=off -c jit=off"
            " -c timezone=UTC -c lock_timeout=10000"
            " -c idle_in_transaction_session_timeout=60000",
        },
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.prepare_threshold = 2

    return engine


def check_server(connection: Connection) -> None:
    """Refuse a server that is too old or that acknowledges before it is durable."""
    version = int(connection.exec_driver_sql("SHOW server_version_num").scalar_one())
    if version < OLDEST:
        raise errors.StoreRefused(
            f"PostgreSQL {version // 10000} is too old; Andon needs 15 or newer"
        )
    for name in ("fsync", "synchronous_commit"):
        value = connection.exec_driver_sql(f"SHOW {name}").scalar_one()
        if value == "off":
            raise errors.StoreRefused(
                f"PostgreSQL runs with {name}=off, so an acknowledged record could be lost; "
                f"set {name}=on"
            )


_OWNS = """
SELECT r.rolsuper OR r.rolbypassrls OR EXISTS (
    SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p')
      AND pg_has_role(c.relowner, 'USAGE')
) FROM pg_roles r WHERE r.rolname = current_user
"""


def bypasses_row_security(connection: Connection) -> bool:
    """Tell whether this login is a superuser or owns tables, so that RLS would not hold it."""
    return bool(connection.exec_driver_sql(_OWNS).scalar_one())


SET_SCOPE = (
    "SELECT set_config('andon.tenants', %s, true), set_config('andon.directory', %s, true),"
    " set_config('andon.key_prefix', %s, true),"
    " (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
)
"""Set what row-level security goes by, for this transaction only, and read the store's clock."""

SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
"""Let all statements of this transaction see one state; must be its first statement."""
