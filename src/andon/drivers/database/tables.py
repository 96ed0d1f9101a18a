"""The tables as SQLAlchemy Core sees them; the migrations are what makes them.

Times are integer microseconds since 1970 in UTC (`*_us`), money is integer nano-dollars. Every key
begins with the tenant's number, hot keys with the slot before it; `docs/decisions` says why.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    text,
)

metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

slots = Table(
    "slots",
    metadata,
    Column("slot", Integer, primary_key=True, autoincrement=False),
    Column("block", BigInteger, nullable=False),
)

tenants = Table(
    "tenants",
    metadata,
    Column("tenant", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("slot", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("zones", Text, nullable=False),
    Column("settings", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("updated_us", BigInteger, nullable=False),
    Column("revision", Integer, nullable=False),
)

principals = Table(
    "principals",
    metadata,
    Column("tenant", Integer, primary_key=True, autoincrement=False),
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("tenant", Integer, primary_key=True, autoincrement=False),
    Column("id", Text, primary_key=True),
    Column("principal_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("prefix", Text, nullable=False, unique=True),
    Column("digest", LargeBinary, nullable=False),
    Column("origin", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("revoked_us", BigInteger),
    Column("last_used_us", BigInteger),
)

integrations = Table(
    "integrations",
    metadata,
    Column("tenant", Integer, primary_key=True, autoincrement=False),
    Column("id", Text, primary_key=True),
    Column("no", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("provider_type", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("credential_ref", Text),
    Column("config", Text, nullable=False),
    Column("default_model", Text),
    Column("budget_limit_cents", BigInteger, nullable=False),
    Column("token_limit_month", BigInteger, nullable=False),
    Column("rate_limit_rpm", BigInteger, nullable=False),
    Column("health_state", Text, nullable=False),
    Column("health_checked_us", BigInteger),
    Column("health_message", Text),
    Column("health_latency_ms", BigInteger),
    Column("created_us", BigInteger, nullable=False),
    Column("updated_us", BigInteger, nullable=False),
    Column("created_by", Text),
    Column("deleted_us", BigInteger),
    Column("revision", Integer, nullable=False),
    Index(
        "integrations_live_name",
        "tenant",
        "name",
        unique=True,
        sqlite_where=text("deleted_us IS NULL"),
        postgresql_where=text("deleted_us IS NULL"),
    ),
    Index("integrations_no", "tenant", "no", unique=True),
)

audit_changes = Table(
    "audit_changes",
    metadata,
    Column("tenant", Integer, primary_key=True, autoincrement=False),
    Column("id", Text, primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    Column("actor_tenant_id", Text, nullable=False),
    Column("principal_id", Text, nullable=False),
    Column("key_id", Text),
    Column("request_id", Text),
    Column("action", Text, nullable=False),
    Column("object_kind", Text, nullable=False),
    Column("object_id", Text, nullable=False),
    Column("before", Text),
    Column("after", Text),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("tenant", Integer, primary_key=True, autoincrement=False),
    Column("principal_id", Text, primary_key=True),
    Column("route", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_digest", LargeBinary, nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Index("idempotency_created", "tenant", "created_us"),
)

imports = Table(
    "imports",
    metadata,
    Column("tenant", Integer, primary_key=True, autoincrement=False),
    Column("id", Text, primary_key=True),
    Column("note", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("tenant", Integer, primary_key=True, autoincrement=False),
    Column("id", Text, primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("position", BigInteger),
    Index(
        "outbox_unnumbered",
        "id",
        sqlite_where=text("position IS NULL"),
        postgresql_where=text("position IS NULL"),
    ),
)

blocks = Table(
    "blocks",
    metadata,
    Column("slot", Integer, primary_key=True, autoincrement=False),
    Column("block", BigInteger, primary_key=True, autoincrement=False),
    Column("committed_us", BigInteger, nullable=False),
    Column("records", Integer, nullable=False),
    Column("tenants", Text, nullable=False),
    Index("blocks_committed", "slot", "committed_us"),
)


def _hot(*columns: Column[object]) -> list[Column[object]]:
    slot: Column[object] = Column("slot", Integer, primary_key=True, autoincrement=False)
    tenant: Column[object] = Column("tenant", Integer, primary_key=True, autoincrement=False)
    return [slot, tenant, *columns]


usage_keys = Table(
    "usage_keys",
    metadata,
    *_hot(
        Column("key", LargeBinary, primary_key=True),
        Column("content", LargeBinary, nullable=False),
        Column("cost_stated_nanousd", BigInteger),
        Column("id", LargeBinary, nullable=False),
        Column("received_day", Integer, nullable=False),
        Column("backfill_month", Integer),
    ),
    sqlite_with_rowid=False,
)

usage = Table(
    "usage",
    metadata,
    *_hot(
        Column("block", BigInteger, primary_key=True, autoincrement=False),
        Column("seq", Integer, primary_key=True, autoincrement=False),
        Column("id", LargeBinary, nullable=False),
        Column("received_us", BigInteger, nullable=False),
        Column("occurred_us", BigInteger, nullable=False),
        Column("day", Integer, nullable=False),
        Column("integration", Integer, nullable=False),
        Column("call_id", Text, nullable=False),
        Column("session_id", Text),
        Column("agent_id", Text),
        Column("provider", Text, nullable=False),
        Column("model", Text, nullable=False),
        Column("tokens_in", BigInteger, nullable=False),
        Column("tokens_out", BigInteger, nullable=False),
        Column("tokens_cache_read", BigInteger),
        Column("tokens_cache_write", BigInteger),
        Column("tokens_reasoning", BigInteger),
        Column("cost_nanousd", BigInteger),
        Column("price_ref", Text),
        Column("usage_source", Text, nullable=False),
        Column("latency_ms", BigInteger),
        Column("policy_result", Text, nullable=False),
        Column("policy_id", Text),
        Column("status_code", SmallInteger),
        Column("error_code", Text),
        Column("error_class", Text),
        Column("end_user", Text),
        Column("import_id", Text),
        Column("metadata", Text),
        Column("request", Text),
        Column("labels", Text),
    ),
)

usage_errors = Table(
    "usage_errors",
    metadata,
    *_hot(
        Column("block", BigInteger, primary_key=True, autoincrement=False),
        Column("seq", Integer, primary_key=True, autoincrement=False),
        Column("received_us", BigInteger, nullable=False),
        Column("message", Text, nullable=False),
    ),
    Index("usage_errors_age", "slot", "tenant", "received_us"),
)

SUMS = (
    "calls",
    "tokens_in",
    "tokens_out",
    "cost_nanousd",
    "errors",
    "blocked",
    "unpriced",
    "latency_ms",
    "latency_calls",
)


def _sums() -> list[Column[object]]:
    return [Column(name, BigInteger, nullable=False) for name in SUMS]


usage_hourly = Table(
    "usage_hourly",
    metadata,
    *_hot(
        Column("hour", Integer, primary_key=True, autoincrement=False),
        Column("integration", Integer, primary_key=True, autoincrement=False),
        Column("model", Text, primary_key=True),
        Column("shard", Integer, primary_key=True, autoincrement=False),
        *_sums(),
    ),
    sqlite_with_rowid=False,
)

usage_daily = Table(
    "usage_daily",
    metadata,
    *_hot(
        Column("day", Integer, primary_key=True, autoincrement=False),
        Column("integration", Integer, primary_key=True, autoincrement=False),
        Column("agent_id", Text, primary_key=True),
        Column("model", Text, primary_key=True),
        Column("shard", Integer, primary_key=True, autoincrement=False),
        *_sums(),
    ),
    sqlite_with_rowid=False,
)

usage_recent = Table(
    "usage_recent",
    metadata,
    *_hot(
        Column("integration", Integer, primary_key=True, autoincrement=False),
        Column("second", BigInteger, primary_key=True, autoincrement=False),
        Column("shard", Integer, primary_key=True, autoincrement=False),
        Column("calls", BigInteger, nullable=False),
    ),
    sqlite_with_rowid=False,
)

usage_names = Table(
    "usage_names",
    metadata,
    *_hot(
        Column("day", Integer, primary_key=True, autoincrement=False),
        Column("kind", Text, primary_key=True),
        Column("name", Text, primary_key=True),
    ),
    sqlite_with_rowid=False,
)

UNSCOPED = frozenset({"meta", "slots", "blocks"})
"""Tables without tenant data: no row-level security on them."""
