"""A store of prices in memory, and a table beneath it, for the book that reads both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, create_engine, event, insert, update

from andon.drivers.database import Tx
from andon.drivers.database.changes import directory
from andon.drivers.database.tables import metadata, prices, tenants
from andon.engines.pricing import MAX_STEP_US, PriceRow, Rates, rates_per_mtok

MINUTE_US = 60_000_000
TABLE_ROW = PriceRow("table", Rates(rates_per_mtok(1, 1)))


@dataclass
class Table:
    """A price table that knows one model at one price."""

    step_us: int = MAX_STEP_US
    version: str = "table 1"

    def find(self, provider: str, model: str, at_us: int) -> PriceRow | None:
        """Know `acme/common`, at any time."""
        return TABLE_ROW if (provider, model) == ("acme", "common") else None


@dataclass
class Shelf:
    """The prices of tenants as rows of a store."""

    conn: Connection
    statements: list[str] = field(default_factory=list)
    made: int = 0

    def add(self, tenant: int = 1, **fields: Any) -> str:
        """Add a price of `acme/common` that always holds, with the given differences."""
        self.made += 1
        row = {
            "tenant": tenant,
            "id": f"p{self.made}",
            "provider": "acme",
            "model": "common",
            "valid_from_us": 0,
            "input_usd_per_mtok": "2",
            "output_usd_per_mtok": "3",
            "note": "",
            "created_us": 0,
            "created_by": "ada",
            "updated_us": 0,
            "revision": self.made,
            **fields,
        }
        self.conn.execute(insert(prices).values(**row))
        self.conn.execute(update(directory).values(revision=directory.c.revision + 1))
        return f"tenant:{row['id']}"

    def change(self, ref: str, **fields: Any) -> None:
        """Change a price, as the next change of its tenant."""
        self.made += 1
        self.conn.execute(
            update(prices)
            .where(prices.c.id == ref.removeprefix("tenant:"))
            .values(**fields, revision=self.made)
        )
        self.conn.execute(update(directory).values(revision=directory.c.revision + 1))

    def tx(self, tenant_numbers: Iterable[int] = (1,)) -> Tx:
        """Read in a transaction of these tenants."""
        return Tx(self.conn, 0, tuple(tenant_numbers), "sqlite")


@contextmanager
def opened(tenant_count: int = 3) -> Iterator[Shelf]:
    """Open a store of this many tenants without prices."""
    engine = create_engine("sqlite://")
    with engine.connect() as conn:
        metadata.create_all(conn, [directory, tenants, prices])
        conn.execute(insert(directory).values(one=1, revision=0))
        for number in range(1, tenant_count + 1):
            conn.execute(
                insert(tenants).values(
                    tenant=number,
                    id=f"t{number}",
                    slot=0,
                    name="",
                    zones="[]",
                    settings="{}",
                    status="active",
                    created_us=0,
                    updated_us=0,
                    revision=1,
                )
            )
        shelf = Shelf(conn)

        def note(*asked: Any) -> None:
            shelf.statements.append(str(asked[2]))

        event.listen(conn, "before_cursor_execute", note)
        yield shelf
    engine.dispose()
