"""SQL of tenants, principals and keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import and_, insert, select, update
from sqlalchemy.exc import IntegrityError

from andon.drivers.database import Tx
from andon.drivers.database.tables import api_keys, idempotency, principals, slots, tenants
from andon.drivers.directory import note_change

Row = dict[str, Any]


def _all(tx: Tx, statement: Any) -> list[Row]:
    return [dict(row) for row in tx.conn.execute(statement).mappings()]


def _one(tx: Tx, statement: Any) -> Row | None:
    row = tx.conn.execute(statement).mappings().first()
    return dict(row) if row is not None else None


def tenant_by_number(tx: Tx, number: int) -> Row | None:
    """Read a tenant by its number in the store."""
    return _one(tx, select(tenants).where(tenants.c.tenant == number))


def tenant_by_id(tx: Tx, tenant_id: str) -> Row | None:
    """Read a tenant by its id; the transaction must see the directory or that tenant."""
    return _one(tx, select(tenants).where(tenants.c.id == tenant_id))


def lock_tenant(tx: Tx) -> None:
    """Let others that lock the transaction's tenant wait until it ends."""
    lock = select(tenants.c.tenant).where(tenants.c.tenant == tx.tenant).with_for_update()
    tx.conn.execute(lock)


def list_tenants(tx: Tx, after: str, limit: int) -> list[Row]:
    """List tenants by id, from the one after `after`."""
    return _all(tx, select(tenants).where(tenants.c.id > after).order_by(tenants.c.id).limit(limit))


def every_tenant(tx: Tx) -> list[Row]:
    """List all tenants, for housekeeping."""
    return _all(tx, select(tenants).order_by(tenants.c.tenant))


def insert_tenant(tx: Tx, row: Row) -> int:
    """Add a tenant; its number is given by the store and its slot follows from the number."""
    count = len(tx.conn.execute(select(slots.c.slot)).all())
    number = tx.conn.execute(
        insert(tenants).values(**row, slot=0).returning(tenants.c.tenant)
    ).scalar_one()
    if count > 1:
        move = update(tenants).where(tenants.c.tenant == number)
        tx.conn.execute(move.values(slot=number % count))
    note_change(tx)
    return int(number)


def update_tenant(tx: Tx, number: int, revision: int, values: Row) -> bool:
    """Change a tenant if it still has this revision; its revision goes up by one."""
    done = tx.conn.execute(
        update(tenants)
        .where(and_(tenants.c.tenant == number, tenants.c.revision == revision))
        .values(**values, revision=revision + 1)
    )
    note_change(tx)
    return done.rowcount == 1


def insert_principal(tx: Tx, row: Row) -> None:
    """Add a person or a service."""
    tx.conn.execute(insert(principals).values(tenant=tx.tenant, **row))


def principal(tx: Tx, principal_id: str) -> Row | None:
    """Read a principal of the transaction's tenant."""
    return _one(tx, select(principals).where(tx.of(principals), principals.c.id == principal_id))


def principal_by_name(tx: Tx, kind: str, name: str) -> Row | None:
    """Find the oldest principal of this kind and name."""
    table = principals.c
    return _one(
        tx,
        select(principals)
        .where(tx.of(principals), table.kind == kind, table.name == name)
        .order_by(table.id)
        .limit(1),
    )


def list_principals(tx: Tx, after: str, limit: int) -> list[Row]:
    """List principals by id."""
    table = principals.c
    return _all(
        tx,
        select(principals)
        .where(tx.of(principals), table.id > after)
        .order_by(table.id)
        .limit(limit),
    )


def insert_key(tx: Tx, row: Row) -> None:
    """Add a key: its prefix and its hash, never the key."""
    tx.conn.execute(insert(api_keys).values(tenant=tx.tenant, **row))
    note_change(tx)


def key_by_prefix(tx: Tx, prefix: str) -> Row | None:
    """Find a key of any tenant by its public prefix; the transaction must carry the prefix."""
    return _one(tx, select(api_keys).where(api_keys.c.prefix == prefix))


def key(tx: Tx, key_id: str) -> Row | None:
    """Read a key of the transaction's tenant."""
    return _one(tx, select(api_keys).where(tx.of(api_keys), api_keys.c.id == key_id))


def list_keys(tx: Tx, after: str, limit: int) -> list[Row]:
    """List the keys of the transaction's tenant by id, revoked ones too."""
    table = api_keys.c
    return _all(
        tx,
        select(api_keys).where(tx.of(api_keys), table.id > after).order_by(table.id).limit(limit),
    )


def keys_of_origin(tx: Tx, origin: str) -> list[Row]:
    """List the live keys that came from this source."""
    table = api_keys.c
    return _all(
        tx,
        select(api_keys).where(tx.of(api_keys), table.origin == origin, table.revoked_us.is_(None)),
    )


def has_keys(tx: Tx) -> bool:
    """Tell whether the transaction's tenant ever had a key."""
    return (
        tx.conn.execute(select(api_keys.c.id).where(tx.of(api_keys)).limit(1)).first() is not None
    )


def revoke_key(tx: Tx, key_id: str) -> bool:
    """Mark a key as revoked now; False when it was before."""
    table = api_keys.c
    done = tx.conn.execute(
        update(api_keys)
        .where(tx.of(api_keys), table.id == key_id, table.revoked_us.is_(None))
        .values(revoked_us=tx.now_us)
    )
    note_change(tx)
    return done.rowcount == 1


def touch_keys(tx: Tx, used: Iterable[tuple[str, int]]) -> None:
    """Note when keys of the transaction's tenant were last used."""
    table = api_keys.c
    for key_id, used_us in used:
        tx.conn.execute(
            update(api_keys).where(tx.of(api_keys), table.id == key_id).values(last_used_us=used_us)
        )


def remembered(tx: Tx, principal_id: str, route: str, key_text: str) -> Row | None:
    """Find the answer that was given under an Idempotency-Key."""
    return _one(tx, select(idempotency).where(_answer(tx, principal_id, route, key_text)))


def _answer(tx: Tx, principal_id: str, route: str, key_text: str) -> Any:
    table = idempotency.c
    return and_(
        tx.of(idempotency),
        table.principal_id == principal_id,
        table.route == route,
        table.key == key_text,
    )


def reserve_answer(
    tx: Tx, principal_id: str, route: str, key_text: str, request_digest: bytes
) -> bool:
    """Take an Idempotency-Key for a request that begins; False when it was taken before."""
    values = {
        "tenant": tx.tenant,
        "principal_id": principal_id,
        "route": route,
        "key": key_text,
        "request_digest": request_digest,
        "status": 0,
        "body": "",
        "created_us": tx.now_us,
    }
    try:
        with tx.conn.begin_nested():
            tx.conn.execute(insert(idempotency).values(**values))
    except IntegrityError:
        return False
    return True


def keep_answer(
    tx: Tx, principal_id: str, route: str, key_text: str, status: int, body: str
) -> None:
    """Keep the answer that an Idempotency-Key's request had."""
    where = _answer(tx, principal_id, route, key_text)
    tx.conn.execute(update(idempotency).where(where).values(status=status, body=body))


def release_answer(tx: Tx, principal_id: str, route: str, key_text: str) -> None:
    """Give an Idempotency-Key back whose request had no effect."""
    tx.conn.execute(idempotency.delete().where(_answer(tx, principal_id, route, key_text)))


def forget_answers(tx: Tx, before_us: int) -> None:
    """Drop answers kept under an Idempotency-Key before this time."""
    table = idempotency.c
    tx.conn.execute(idempotency.delete().where(tx.of(idempotency), table.created_us < before_us))


def change_erasure(tx: Tx, number: int, values: Row) -> None:
    """Note how far the erasure of a tenant is."""
    changed = {**values, "updated_us": tx.now_us, "revision": tenants.c.revision + 1}
    tx.conn.execute(update(tenants).where(tenants.c.tenant == number).values(**changed))
    note_change(tx)
