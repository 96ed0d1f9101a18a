"""One group commit: dedupe, rollups, and the block that numbers the rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import delete, select

from andon.drivers.database import Tx
from andon.drivers.database.tables import usage_errors, usage_names, usage_recent
from andon.drivers.telemetry import postgres, sqlite
from andon.drivers.telemetry.columns import Known, NewKey, Written


def commit_group(
    tx: Tx, slot: int, keys: Sequence[NewKey], build: Callable[[Known], Written]
) -> int | None:
    """Claim the keys, let `build` make rows for those that are new, write them as one block.

    Returns the block's number, or None when nothing was new. Keys are claimed in one order, so
    that two groups with the same keys wait for each other and never deadlock.
    """
    dialect = sqlite if tx.dialect == "sqlite" else postgres
    ordered = sorted(keys, key=lambda key: (key.tenant, key.key))
    rows = build(dialect.claim(tx, slot, ordered) if ordered else {})
    return dialect.write(tx, slot, rows) if rows.usage else None


def names_of(tx: Tx, slot: int, tenant: int, day: int) -> list[tuple[str, str]]:
    """List the (kind, name) pairs that a tenant's day has been summed under."""
    table = usage_names.c
    statement = select(table.kind, table.name).where(
        table.slot == slot, table.tenant == tenant, table.day == day
    )
    return [(row.kind, row.name) for row in tx.conn.execute(statement)]


def forget_recent(tx: Tx, slot: int, before_second: int) -> int:
    """Drop per-second counts that no window reaches any more."""
    table = usage_recent.c
    done = tx.conn.execute(
        delete(usage_recent).where(
            table.slot == slot, table.tenant.in_(tx.tenants), table.second < before_second
        )
    )
    return done.rowcount


def forget_error_texts(tx: Tx, slot: int, before_us: int) -> int:
    """Drop error texts received before this time."""
    table = usage_errors.c
    done = tx.conn.execute(
        delete(usage_errors).where(
            table.slot == slot, table.tenant.in_(tx.tenants), table.received_us < before_us
        )
    )
    return done.rowcount
