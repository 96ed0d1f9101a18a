"""SQL of a tenant's own prices; a deleted one stays, since calls refer to it.

`revision` counts the changes of all prices of a tenant, so that its largest tells whether any has
changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, insert, or_, select, update

from andon import errors
from andon.drivers.database import Tx
from andon.drivers.database.tables import prices, tenants
from andon.drivers.directory import note_change
from andon.drivers.tenants import lock_tenant

Row = dict[str, Any]


def next_revision(tx: Tx) -> int:
    """Number the next change of the tenant's prices; other changes wait until this one is done."""
    lock_tenant(tx)
    latest = select(func.coalesce(func.max(prices.c.revision), 0)).where(tx.of(prices))
    return int(tx.conn.execute(latest).scalar_one()) + 1


def insert_price(tx: Tx, row: Row) -> None:
    """Add a price."""
    tx.conn.execute(insert(prices).values(tenant=tx.tenant, **row))
    note_change(tx)


def update_price(tx: Tx, price_id: str, values: Row) -> None:
    """Change a price; whoever has its next revision is alone."""
    tx.conn.execute(update(prices).where(tx.of(prices), prices.c.id == price_id).values(**values))
    note_change(tx)


def price(tx: Tx, price_id: str) -> Row | None:
    """Read a price of the transaction's tenant, a deleted one too."""
    statement = select(prices).where(tx.of(prices), prices.c.id == price_id)
    found = tx.conn.execute(statement).mappings().first()
    return dict(found) if found is not None else None


def list_prices(
    tx: Tx, after: str, limit: int, filters: Row, at_us: int | None = None
) -> list[Row]:
    """List live prices by id: those of equal columns, and those that hold at an instant."""
    table = prices.c
    statement = select(prices).where(tx.of(prices), table.deleted_us.is_(None), table.id > after)
    for name, value in filters.items():
        statement = statement.where(table[name] == value)
    if at_us is not None:
        open_ended = or_(table.valid_until_us.is_(None), table.valid_until_us > at_us)
        statement = statement.where(table.valid_from_us <= at_us, open_ended)
    rows = tx.conn.execute(statement.order_by(table.id).limit(limit))
    return [dict(row) for row in rows.mappings()]


def prices_beside(tx: Tx, price_id: str, provider: str | None, model: str) -> list[Row]:
    """List the other live prices of the same provider and model, by the time they begin."""
    table = prices.c
    statement = select(prices).where(
        tx.of(prices),
        table.deleted_us.is_(None),
        table.model == model,
        table.provider.is_not_distinct_from(provider),
        table.id != price_id,
    )
    rows = tx.conn.execute(statement.order_by(table.valid_from_us))
    return [dict(row) for row in rows.mappings()]


def count_prices(tx: Tx) -> int:
    """Count the tenant's live prices."""
    count = select(func.count()).where(tx.of(prices), prices.c.deleted_us.is_(None))
    return int(tx.conn.execute(count).scalar_one())


def latest_revisions(tx: Tx, numbers: Sequence[int]) -> dict[int, int]:
    """Tell the latest change of each tenant's prices; a tenant that never had one has none."""
    _check_scope(tx, numbers)
    latest = (
        select(func.max(prices.c.revision))
        .where(prices.c.tenant == tenants.c.tenant)
        .scalar_subquery()
    )
    found = tx.conn.execute(select(tenants.c.tenant, latest).where(tenants.c.tenant.in_(numbers)))
    return {number: revision for number, revision in found if revision is not None}


def prices_of(tx: Tx, numbers: Sequence[int]) -> list[Row]:
    """Read all live prices of these tenants."""
    _check_scope(tx, numbers)
    rows = tx.conn.execute(
        select(prices).where(prices.c.tenant.in_(numbers), prices.c.deleted_us.is_(None))
    )
    return [dict(row) for row in rows.mappings()]


def _check_scope(tx: Tx, numbers: Sequence[int]) -> None:
    # Row-level security would hide the others' rows, and they would pass for tenants without any.
    if not set(numbers) <= set(tx.tenants):
        raise errors.StoreRefused("prices are read in a transaction of their tenants")
