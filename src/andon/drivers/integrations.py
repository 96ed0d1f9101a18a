"""SQL of integrations; a deleted one stays as a tombstone for its usage."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from andon.drivers.database import Tx
from andon.drivers.database.tables import integrations
from andon.drivers.tenants import lock_tenant

Row = dict[str, Any]


def insert_integration(tx: Tx, row: Row) -> bool:
    """Add an integration; False when a live one has its name.

    The tenant's row is locked first, so that two makers do not take the same number.
    """
    lock_tenant(tx)
    number = select(func.coalesce(func.max(integrations.c.no), 0) + 1).where(tx.of(integrations))
    values = {**row, "tenant": tx.tenant, "no": tx.conn.execute(number).scalar_one()}
    try:
        with tx.conn.begin_nested():
            tx.conn.execute(insert(integrations).values(**values))
    except IntegrityError:
        return False
    return True


def integration(tx: Tx, integration_id: str) -> Row | None:
    """Read a live integration of the transaction's tenant."""
    table = integrations.c
    row = tx.conn.execute(
        select(integrations).where(
            tx.of(integrations), table.id == integration_id, table.deleted_us.is_(None)
        )
    )
    found = row.mappings().first()
    return dict(found) if found is not None else None


def number_of(tx: Tx, integration_id: str, deleted_after_us: int) -> int | None:
    """Number an integration for its usage; one deleted lately still has its number."""
    table = integrations.c
    found = tx.conn.execute(
        select(table.no).where(
            tx.of(integrations),
            table.id == integration_id,
            table.deleted_us.is_(None) | (table.deleted_us > deleted_after_us),
        )
    ).first()
    return int(found[0]) if found is not None else None


def list_integrations(tx: Tx, after: str, limit: int, filters: Row) -> list[Row]:
    """List live integrations by id; `filters` are equalities of columns."""
    table = integrations.c
    statement = select(integrations).where(
        tx.of(integrations), table.deleted_us.is_(None), table.id > after
    )
    for name, value in filters.items():
        statement = statement.where(table[name] == value)
    rows = tx.conn.execute(statement.order_by(table.id).limit(limit))
    return [dict(row) for row in rows.mappings()]


def every_integration(tx: Tx) -> list[Row]:
    """List all integrations with their numbers, deleted ones too, to name rows of usage."""
    rows = tx.conn.execute(select(integrations).where(tx.of(integrations)))
    return [dict(row) for row in rows.mappings()]


def update_integration(tx: Tx, integration_id: str, revision: int, values: Row) -> bool | None:
    """Change a live integration that still has this revision, which goes up by one.

    False when the revision has moved on, None when another live integration has the new name.
    """
    table = integrations.c
    statement = (
        update(integrations)
        .where(
            and_(
                tx.of(integrations),
                table.id == integration_id,
                table.revision == revision,
                table.deleted_us.is_(None),
            )
        )
        .values(**values, revision=revision + 1)
    )
    try:
        with tx.conn.begin_nested():
            done = tx.conn.execute(statement)
    except IntegrityError:
        return None
    return done.rowcount == 1
