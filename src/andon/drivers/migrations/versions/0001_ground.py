"""The ground: tenants, keys, integrations, usage, rollups, audit, outbox.

Kind: expand
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from andon.drivers.migrations.parts.corrections import make_corrections
from andon.drivers.migrations.parts.directory import make_directory
from andon.drivers.migrations.parts.erased import make_erased
from andon.drivers.migrations.parts.key_index import make_key_index
from andon.drivers.migrations.parts.pieces import make_pieces
from andon.drivers.migrations.parts.usage import make_keys, make_usage

revision = "0001"
down_revision = None
KIND = "expand"

TENANT_TABLES = (
    "principals",
    "integrations",
    "audit_changes",
    "idempotency",
    "imports",
    "outbox",
    "prices",
    "usage_keys",
    "usage",
    "usage_errors",
    "usage_hourly",
    "usage_daily",
    "usage_recent",
    "usage_names",
)

# A subselect, so that the setting is read once a statement and not once a row.
IN_SCOPE = (
    "tenant = ANY ((SELECT coalesce(nullif(current_setting('andon.tenants', true), ''), '{}'))"
    "::int[])"
)
DIRECTORY = "current_setting('andon.directory', true) = 'on'"
BY_PREFIX = "prefix = nullif(current_setting('andon.key_prefix', true), '')"


def upgrade() -> None:
    """Make the tables, and on PostgreSQL the walls between tenants."""
    _tables()
    make_usage()
    make_directory()
    make_corrections(IN_SCOPE)
    make_erased(IN_SCOPE)
    if op.get_bind().dialect.name == "postgresql":
        make_keys()
    else:
        make_key_index()
    op.bulk_insert(
        sa.table("meta", sa.column("key", sa.Text), sa.column("value", sa.Text)),
        [
            {"key": "schema_level", "value": "1"},
            {"key": "oldest_code_level", "value": "1"},
        ],
    )
    if op.get_bind().dialect.name == "postgresql":
        _walls()
        make_pieces()


def _walls() -> None:
    for table in TENANT_TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY wall ON {table} USING ({IN_SCOPE})")
    op.execute("ALTER TABLE tenants ENABLE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY wall ON tenants USING ({IN_SCOPE} OR {DIRECTORY})")
    op.execute("ALTER TABLE api_keys ENABLE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY wall ON api_keys USING ({IN_SCOPE})")
    op.execute(f"CREATE POLICY by_prefix ON api_keys FOR SELECT USING ({BY_PREFIX})")


def _tables() -> None:
    op.create_table(
        "api_keys",
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("principal_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("revoked_us", sa.BigInteger(), nullable=True),
        sa.Column("last_used_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "id"),
        sa.UniqueConstraint("prefix"),
    )
    op.create_table(
        "audit_changes",
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("actor_tenant_id", sa.Text(), nullable=False),
        sa.Column("principal_id", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("object_kind", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "id"),
    )
    op.create_table(
        "blocks",
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("block", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("committed_us", sa.BigInteger(), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("tenants", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("slot", "block"),
    )
    op.create_index("blocks_committed", "blocks", ["slot", "committed_us"], unique=False)
    op.create_table(
        "idempotency",
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("principal_id", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_digest", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "principal_id", "route", "key"),
    )
    op.create_index("idempotency_created", "idempotency", ["tenant", "created_us"], unique=False)
    op.create_table(
        "imports",
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id"),
    )
    op.create_table(
        "integrations",
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("no", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("provider_type", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("credential_ref", sa.Text(), nullable=True),
        sa.Column("config", sa.Text(), nullable=False),
        sa.Column("default_model", sa.Text(), nullable=True),
        sa.Column("budget_limit_cents", sa.BigInteger(), nullable=False),
        sa.Column("token_limit_month", sa.BigInteger(), nullable=False),
        sa.Column("rate_limit_rpm", sa.BigInteger(), nullable=False),
        sa.Column("health_state", sa.Text(), nullable=False),
        sa.Column("health_checked_us", sa.BigInteger(), nullable=True),
        sa.Column("health_message", sa.Text(), nullable=True),
        sa.Column("health_latency_ms", sa.BigInteger(), nullable=True),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("updated_us", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=True),
        sa.Column("deleted_us", sa.BigInteger(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id"),
    )
    op.create_index(
        "integrations_live_name",
        "integrations",
        ["tenant", "name"],
        unique=True,
        sqlite_where=sa.text("deleted_us IS NULL"),
        postgresql_where=sa.text("deleted_us IS NULL"),
    )
    op.create_index("integrations_no", "integrations", ["tenant", "no"], unique=True)
    op.create_table(
        "meta",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "outbox",
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "id"),
    )
    op.create_index(
        "outbox_unnumbered",
        "outbox",
        ["id"],
        unique=False,
        sqlite_where=sa.text("position IS NULL"),
        postgresql_where=sa.text("position IS NULL"),
    )
    op.create_table(
        "prices",
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("valid_from_us", sa.BigInteger(), nullable=False),
        sa.Column("valid_until_us", sa.BigInteger(), nullable=True),
        sa.Column("input_usd_per_mtok", sa.Text(), nullable=False),
        sa.Column("output_usd_per_mtok", sa.Text(), nullable=False),
        sa.Column("cache_read_usd_per_mtok", sa.Text(), nullable=True),
        sa.Column("cache_write_usd_per_mtok", sa.Text(), nullable=True),
        sa.Column("reasoning_usd_per_mtok", sa.Text(), nullable=True),
        sa.Column("usd_per_request", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("updated_us", sa.BigInteger(), nullable=False),
        sa.Column("deleted_us", sa.BigInteger(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id"),
    )
    live = sa.text("deleted_us IS NULL")
    op.create_index(
        "prices_live", "prices", ["tenant", "model"], sqlite_where=live, postgresql_where=live
    )
    op.create_index("prices_revision", "prices", ["tenant", "revision"], unique=True)
    op.create_table(
        "principals",
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id"),
    )
    op.create_table(
        "slots",
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("slot"),
    )
    op.create_table(
        "tenants",
        sa.Column("tenant", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("zones", sa.Text(), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("updated_us", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("erase_us", sa.BigInteger(), nullable=True),
        sa.Column("erased_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant"),
        sa.UniqueConstraint("id"),
    )
    op.create_table(
        "usage_daily",
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("integration", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("agent_id", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("shard", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("tokens_in", sa.BigInteger(), nullable=False),
        sa.Column("tokens_out", sa.BigInteger(), nullable=False),
        sa.Column("cost_nanousd", sa.BigInteger(), nullable=False),
        sa.Column("errors", sa.BigInteger(), nullable=False),
        sa.Column("blocked", sa.BigInteger(), nullable=False),
        sa.Column("unpriced", sa.BigInteger(), nullable=False),
        sa.Column("latency_ms", sa.BigInteger(), nullable=False),
        sa.Column("latency_calls", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "slot", "tenant", "day", "integration", "agent_id", "model", "shard"
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "usage_errors",
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("block", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("slot", "tenant", "block", "seq"),
    )
    op.create_index(
        "usage_errors_age", "usage_errors", ["slot", "tenant", "received_us"], unique=False
    )
    op.create_table(
        "usage_hourly",
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("hour", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("integration", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("shard", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("tokens_in", sa.BigInteger(), nullable=False),
        sa.Column("tokens_out", sa.BigInteger(), nullable=False),
        sa.Column("cost_nanousd", sa.BigInteger(), nullable=False),
        sa.Column("errors", sa.BigInteger(), nullable=False),
        sa.Column("blocked", sa.BigInteger(), nullable=False),
        sa.Column("unpriced", sa.BigInteger(), nullable=False),
        sa.Column("latency_ms", sa.BigInteger(), nullable=False),
        sa.Column("latency_calls", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("slot", "tenant", "hour", "integration", "model", "shard"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "usage_names",
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("slot", "tenant", "day", "kind", "name"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "usage_recent",
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("integration", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("second", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("shard", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("slot", "tenant", "integration", "second", "shard"),
        sqlite_with_rowid=False,
    )
