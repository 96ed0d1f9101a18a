"""A change of prices at one replica is seen by the book of another one, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import event

from andon import app
from andon.adapters.pricing import bundled_table
from andon.drivers.database import Database, open_database
from andon.runtime.pricing import PriceBook
from tests.integration.doors import Tenancy
from tests.integration.prices import PRICES, new_price
from tests.integration.serving import Andon

MODEL = "gpt-4o"
MINUTE_US = 60_000_000
JUNE_US = 1_780_272_000_000_000
JUNE = "2026-06-01T00:00:00Z"

Number = Callable[[Tenancy], int]


@pytest.fixture(scope="module")
def replica(andon: Andon) -> Iterator[Database]:
    """Open the store a second time, as another process would."""
    database = open_database(andon.settings, app.clock_us)
    yield database
    database.close()


@pytest.fixture
def number(andon: Andon) -> Number:
    """Find a tenant's number in the store."""
    return lambda one: int(andon.rows(f"SELECT tenant FROM tenants WHERE id = '{one.id}'")[0][0])


def _refresh(book: PriceBook, replica: Database, *numbers: int, at_s: float) -> None:
    with replica.reading(*numbers) as tx:
        book.refresh(tx, numbers, at_s)


def _ref(book: PriceBook, number: int, at_us: int) -> str:
    row = book.find(number, "openai", MODEL, at_us)
    assert row is not None
    return row.ref


def test_a_change_is_seen_by_another_replica(
    tenant: Tenancy, replica: Database, number: Number
) -> None:
    no, book = number(tenant), PriceBook(bundled_table())
    _refresh(book, replica, no, at_s=0.0)
    assert _ref(book, no, JUNE_US).startswith("genai-prices")
    made = new_price(tenant.admin, provider="openai", model=MODEL)
    _refresh(book, replica, no, at_s=1.5)
    assert _ref(book, no, JUNE_US) == f"tenant:{made}"
    tenant.admin.ask("PATCH", f"{PRICES}/{made}", json={"valid_until": JUNE})
    _refresh(book, replica, no, at_s=3.0)
    assert _ref(book, no, JUNE_US - 1) == f"tenant:{made}"
    assert _ref(book, no, JUNE_US).startswith("genai-prices")
    tenant.admin.ask("DELETE", f"{PRICES}/{made}")
    _refresh(book, replica, no, at_s=4.5)
    assert _ref(book, no, JUNE_US - 1).startswith("genai-prices")


def test_a_group_of_tenants_is_read_at_once(
    andon: Andon, replica: Database, number: Number
) -> None:
    tenants = [andon.tenant() for _ in range(4)]
    made = [new_price(one.admin, provider=None, model=MODEL) for one in tenants]
    numbers = [number(one) for one in tenants]
    book = PriceBook(bundled_table())
    asked: list[str] = []
    with replica.reading(*numbers) as tx:
        event.listen(tx.conn, "before_cursor_execute", lambda *given: asked.append(str(given[2])))
        book.refresh(tx, numbers, 0.0)
        book.refresh(tx, numbers, 2.0)
    assert len(asked) == 4
    found = [_ref(book, no, JUNE_US) for no in numbers]
    assert found == [f"tenant:{one}" for one in made]


def test_the_step_follows_what_tenants_have_set(
    tenant: Tenancy, replica: Database, number: Number
) -> None:
    no, book = number(tenant), PriceBook(bundled_table())
    _refresh(book, replica, no, at_s=0.0)
    assert book.step_us == bundled_table().step_us
    new_price(tenant.admin, valid_until="2026-06-01T00:01:00Z")
    _refresh(book, replica, no, at_s=1.5)
    assert book.step_us == MINUTE_US
