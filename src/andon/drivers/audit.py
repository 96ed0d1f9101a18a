"""SQL of the audit of management changes; rows are only ever added."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert, select

from andon.drivers.database import Tx
from andon.drivers.database.tables import audit_changes


def append_change(tx: Tx, tenant: int, row: dict[str, Any]) -> None:
    """Add one change to a tenant's audit; the transaction must cover that tenant."""
    tx.conn.execute(insert(audit_changes).values(tenant=tenant, at_us=tx.now_us, **row))


def list_changes(tx: Tx, before: str | None, limit: int) -> list[dict[str, Any]]:
    """List changes, the newest first, from the one before `before`."""
    table = audit_changes.c
    statement = select(audit_changes).where(tx.of(audit_changes))
    if before is not None:
        statement = statement.where(table.id < before)
    rows = tx.conn.execute(statement.order_by(table.id.desc()).limit(limit))
    return [dict(row) for row in rows.mappings()]
