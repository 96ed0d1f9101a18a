"""SQL of the outbox: events that leave in the transaction that made them true."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert

from andon.drivers.database import Tx
from andon.drivers.database.tables import outbox


def append_event(tx: Tx, tenant: int, row: dict[str, Any]) -> None:
    """Add one event; its position in the feed is given after the commit, by one relay."""
    tx.conn.execute(insert(outbox).values(tenant=tenant, at_us=tx.now_us, **row))
