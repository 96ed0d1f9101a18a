"""One group commit: dedupe, rollups, and the block that numbers the rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from sqlalchemy import delete, select

from andon.drivers.database import Tx
from andon.drivers.database.tables import usage_errors, usage_names, usage_recent
from andon.drivers.telemetry.columns import Claim, Existing, Expired, Known, Written
from andon.drivers.telemetry.postgres import PostgresLedger
from andon.drivers.telemetry.sqlite import SqliteLedger


class Ledger(Protocol):
    """Where usage is written exactly once."""

    @property
    def has_work(self) -> bool:
        """Tell whether the dedupe index wants a step of upkeep."""
        ...

    def claim(self, tx: Tx, slot: int, claim: Claim) -> Known:
        """Tell which calls came before; the others are this transaction's."""
        ...

    def write(self, tx: Tx, slot: int, claim: Claim, fresh: Sequence[bool], rows: Written) -> int:
        """Write the rows and the fresh ones of the claimed keys; return the block's number."""
        ...

    def keep(self) -> None:
        """Remember what was written, now that it is committed."""
        ...

    def doubt(self) -> None:
        """Read again what is remembered: nobody knows whether the last commit was made."""
        ...

    def tend(self, tx: Tx) -> Callable[[], None]:
        """Take one bounded step of upkeep; call what it returns once the step is committed."""
        ...

    def expire(self, tx: Tx, last_day: int) -> Expired:
        """Drop keys that came on this day or before; call its `keep` after the commit."""
        ...

    def look_up(self, tx: Tx, slot: int, key: bytes) -> Existing | None:
        """Find a call of the transaction's tenant by its key."""
        ...


def open_ledger(dialect: str, generation_days: int = 9) -> Ledger:
    """Choose the ledger of a database; a piece of its dedupe keys takes keys for so many days."""
    return SqliteLedger(generation_days) if dialect == "sqlite" else PostgresLedger()


def names_of(tx: Tx, slot: int, tenant: int, day: int) -> list[tuple[str, str]]:
    """List the (kind, name) pairs that a tenant's day has been summed under."""
    tx.touch(slot)
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
