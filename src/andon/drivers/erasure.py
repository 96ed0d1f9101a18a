"""SQL of the erasure of a tenant: texts and records go, ids and sums stay; a few rows a step."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table, delete, func, select, text, tuple_, update

from andon.drivers import tenants as directory
from andon.drivers.database import Tx
from andon.drivers.database.corrections import usage_corrections, usage_repriced, usage_voids
from andon.drivers.database.erased import usage_erasures
from andon.drivers.database.tables import (
    api_keys,
    idempotency,
    imports,
    integrations,
    prices,
    principals,
    tenants,
    usage,
    usage_errors,
    usage_names,
    usage_recent,
)

ERASED = "(erased)"

_IN_SLOT = (
    usage,
    usage_errors,
    usage_names,
    usage_recent,
    usage_corrections,
    usage_voids,
    usage_repriced,
    usage_erasures,
)
_EMPTY_AUDIT = "SELECT andon_empty_audit(%s, %s)"
# The tenant `default` has a row of each change that its admins made in another tenant.
_EMPTY_AUDIT_HERE = """
UPDATE audit_changes SET before = NULL, after = NULL WHERE rowid IN (
    SELECT rowid FROM audit_changes
    WHERE (before IS NOT NULL OR after IS NOT NULL) AND (
        tenant = :erased
        OR tenant = (SELECT tenant FROM tenants WHERE id = 'default') AND (
            object_id = (SELECT id FROM tenants WHERE tenant = :erased)
            OR object_id IN (SELECT object_id FROM audit_changes WHERE tenant = :erased)))
    LIMIT :most)
"""


def begin(tx: Tx, number: int) -> None:
    """Note that a tenant is to be erased."""
    directory.change_erasure(tx, number, {"erase_us": tx.now_us})


def end(tx: Tx, number: int) -> None:
    """Note that a tenant is erased, and forget its name and what it had decided."""
    values = {"erased_us": tx.now_us, "name": ERASED, "settings": "{}"}
    directory.change_erasure(tx, number, values)


def delete_some(tx: Tx, slot: int, most: int) -> int:
    """Delete some of the tenant's rows about single calls; 0 where none is left."""
    for table in _IN_SLOT:
        deleted = _delete(tx, table, most, table.c.slot == slot)
        if deleted:
            return deleted
    return _delete(tx, idempotency, most)


def _delete(tx: Tx, table: Table, most: int, *where: Any) -> int:
    key = list(table.primary_key)
    # A list and not a subselect: PostgreSQL would walk through the whole table for one.
    rows = tx.conn.execute(select(*key).where(*where, tx.of(table)).limit(most)).all()
    if not rows:
        return 0
    chosen = tuple_(*key).in_([tuple(row) for row in rows])
    done = tx.conn.execute(delete(table).where(*where, tx.of(table), chosen))
    return done.rowcount


def has_usage(tx: Tx, slot: int) -> bool:
    """Tell whether the tenant has records that a late report brought."""
    found = select(usage.c.block).where(usage.c.slot == slot, tx.of(usage)).limit(1)
    return tx.conn.execute(found).first() is not None


def blank_texts(tx: Tx) -> None:
    """Put nothing in the place of every text of the tenant; keys are revoked."""
    revoked = func.coalesce(api_keys.c.revoked_us, tx.now_us)
    _blank(tx, api_keys, name=ERASED, revoked_us=revoked)
    _blank(tx, principals, name=ERASED)
    _blank(tx, imports, note="")
    _blank(tx, prices, note="")
    _blank(
        tx,
        integrations,
        # Live names differ from each other; those of tombstones need not.
        name=ERASED,
        config="{}",
        credential_ref=None,
        default_model=None,
        health_message=None,
        deleted_us=func.coalesce(integrations.c.deleted_us, tx.now_us),
    )


def _blank(tx: Tx, table: Table, **values: Any) -> None:
    tx.conn.execute(update(table).where(tx.of(table)).values(**values))


def empty_audit(tx: Tx, most: int) -> int:
    """Empty before and after of some audit rows of the tenant; ids, times and actors stay."""
    if tx.dialect == "sqlite":
        asked = {"erased": tx.tenant, "most": most}
        return int(tx.conn.execute(text(_EMPTY_AUDIT_HERE), asked).rowcount)
    return int(tx.conn.exec_driver_sql(_EMPTY_AUDIT, (tx.tenant, most)).scalar_one())


def pending(tx: Tx) -> list[dict[str, Any]]:
    """List the tenants that are erased or to be erased."""
    rows = tx.conn.execute(select(tenants).where(tenants.c.erase_us.is_not(None)))
    return [dict(row) for row in rows.mappings()]
