"""SQL of imports: the ids under which calls older than the horizon are reported."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert, select

from andon.drivers.database import Tx
from andon.drivers.database.tables import imports

Row = dict[str, Any]


def insert_import(tx: Tx, row: Row) -> None:
    """Open an import."""
    tx.conn.execute(insert(imports).values(tenant=tx.tenant, created_us=tx.now_us, **row))


def read_import(tx: Tx, import_id: str) -> Row | None:
    """Read an import of the transaction's tenant."""
    found = tx.conn.execute(select(imports).where(tx.of(imports), imports.c.id == import_id))
    row = found.mappings().first()
    return dict(row) if row is not None else None


def list_imports(tx: Tx, after: str, limit: int) -> list[Row]:
    """List imports by id."""
    table = imports.c
    rows = tx.conn.execute(
        select(imports).where(tx.of(imports), table.id > after).order_by(table.id).limit(limit)
    )
    return [dict(row) for row in rows.mappings()]
