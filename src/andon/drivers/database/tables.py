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
    Column("erase_us", BigInteger),
    Column("erased_us", BigInteger),
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

prices = Table(
    "prices",
    metadata,
    Column("tenant", Integer, primary_key=True, autoincrement=False),
    Column("id", Text, primary_key=True),
    Column("provider", Text),
    Column("model", Text, nullable=False),
    Column("valid_from_us", BigInteger, nullable=False),
    Column("valid_until_us", BigInteger),
    Column("input_usd_per_mtok", Text, nullable=False),
    Column("output_usd_per_mtok", Text, nullable=False),
    Column("cache_read_usd_per_mtok", Text),
    Column("cache_write_usd_per_mtok", Text),
    Column("reasoning_usd_per_mtok", Text),
    Column("usd_per_request", Text),
    Column("note", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("updated_us", BigInteger, nullable=False),
    Column("deleted_us", BigInteger),
    Column("revision", Integer, nullable=False),
    Index(
        "prices_live",
        "tenant",
        "model",
        sqlite_where=text("deleted_us IS NULL"),
        postgresql_where=text("deleted_us IS NULL"),
    ),
    Index("prices_revision", "tenant", "revision", unique=True),
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
    # The key digests its tenant: in front of it the tenant's number would only widen the index.
    Column("slot", Integer, primary_key=True, autoincrement=False),
    Column("tenant", Integer, nullable=False),
    Column("key", LargeBinary, primary_key=True),
    Column("content", BigInteger, nullable=False),
    Column("cost_stated_nanousd", BigInteger),
    Column("id", LargeBinary, nullable=False),
    Column("generation", Integer, primary_key=True, autoincrement=False),
    info={"dialect": "postgresql"},
    postgresql_partition_by="LIST (generation)",
)

usage_key_log = Table(
    "usage_key_log",
    metadata,
    Column("slot", Integer, primary_key=True, autoincrement=False),
    Column("block", BigInteger, primary_key=True, autoincrement=False),
    Column("generation", Integer, primary_key=True, autoincrement=False),
    Column("keys", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    info={"dialect": "sqlite"},
)

usage_key_runs = Table(
    "usage_key_runs",
    metadata,
    Column("run", Integer, primary_key=True),
    Column("generation", Integer, nullable=False),
    Column("level", Integer, nullable=False),
    Column("state", Integer, nullable=False),
    Column("target", Integer),
    Column("keys", Integer, nullable=False),
    Column("pages", Integer, nullable=False),
    Column("parts", Integer, nullable=False),
    Column("words", Integer, nullable=False),
    Column("cursor", LargeBinary),
    info={"dialect": "sqlite"},
    sqlite_autoincrement=True,
)

usage_key_pages = Table(
    "usage_key_pages",
    metadata,
    Column("page", Integer, primary_key=True),
    Column("body", LargeBinary, nullable=False),
    info={"dialect": "sqlite"},
)

usage_key_parts = Table(
    "usage_key_parts",
    metadata,
    Column("part", Integer, primary_key=True),
    Column("word", Integer, nullable=False),
    Column("words", LargeBinary, nullable=False),
    Column("fences", LargeBinary, nullable=False),
    info={"dialect": "sqlite"},
)

usage = Table(
    "usage",
    metadata,
    *_hot(
        Column("block", BigInteger, primary_key=True, autoincrement=False),
        Column("month", Integer, primary_key=True, autoincrement=False),
        Column("received_us", BigInteger, nullable=False),
        Column("id", LargeBinary, nullable=False),
        Column("records", Integer, nullable=False),
        Column("body", LargeBinary, nullable=False),
    ),
    postgresql_partition_by="RANGE (month)",
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


def tables_of(dialect: str) -> list[Table]:
    """List the tables that a database of this kind has."""
    return [t for t in metadata.sorted_tables if t.info.get("dialect", dialect) == dialect]


UNSCOPED = frozenset({"directory", "meta", "slots", "blocks", "usage_generations"})
"""Tables without tenant data: no row-level security on them."""
