"""Which price a call goes by: the tenant's for its provider, the tenant's for any, the table's."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon import errors
from andon.engines.pricing import PriceRow, price
from andon.models.money import NANOUSD_PER_USD, round_half_even
from andon.runtime.pricing import PriceBook
from tests.unit.pricing.shelf import MINUTE_US, Shelf, Table, opened

AT = 100 * MINUTE_US
CALL = ("acme", "common")


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    with opened() as found:
        yield found


def read(
    shelf: Shelf, *, step_us: int = 15 * MINUTE_US, tenants: tuple[int, ...] = (1,)
) -> PriceBook:
    """Read what the shelf holds into a book."""
    book = PriceBook(Table(step_us))
    book.refresh(shelf.tx(tenants), tenants, 0.0)
    return book


def ref(row: PriceRow | None) -> str | None:
    return None if row is None else row.ref


def test_without_a_price_of_its_own_a_tenant_goes_by_the_table(shelf: Shelf) -> None:
    book = read(shelf)
    assert ref(book.find(1, *CALL, AT)) == "table"
    assert book.find(1, "acme", "unheard-of", AT) is None


def test_the_tenants_price_goes_before_the_table(shelf: Shelf) -> None:
    own = shelf.add()
    assert ref(read(shelf).find(1, *CALL, AT)) == own


def test_a_price_for_the_provider_goes_before_one_for_any(shelf: Shelf) -> None:
    anywhere, named = shelf.add(provider=None), shelf.add()
    book = read(shelf)
    assert ref(book.find(1, *CALL, AT)) == named
    assert ref(book.find(1, "other", "common", AT)) == anywhere


def test_where_the_providers_price_does_not_hold_the_one_for_any_does(shelf: Shelf) -> None:
    anywhere = shelf.add(provider=None)
    named = shelf.add(valid_until_us=AT)
    book = read(shelf)
    assert ref(book.find(1, *CALL, AT - 1)) == named
    assert ref(book.find(1, *CALL, AT)) == anywhere


def test_a_price_may_make_a_model_known(shelf: Shelf) -> None:
    own = shelf.add(model="in-house")
    assert ref(read(shelf).find(1, "acme", "in-house", AT)) == own


def test_names_are_taken_to_the_letter(shelf: Shelf) -> None:
    shelf.add(model="In-House")
    assert read(shelf).find(1, "acme", "in-house", AT) is None


def test_a_price_holds_from_its_first_minute_to_before_its_last(shelf: Shelf) -> None:
    first = shelf.add(valid_from_us=AT, valid_until_us=2 * AT)
    second = shelf.add(valid_from_us=2 * AT)
    book = read(shelf)
    found = [ref(book.find(1, *CALL, at)) for at in (AT - 1, AT, 2 * AT - 1, 2 * AT)]
    assert found == ["table", first, first, second]


def test_a_tenants_price_is_its_own(shelf: Shelf) -> None:
    own = shelf.add(tenant=2)
    book = read(shelf, tenants=(1, 2))
    assert ref(book.find(1, *CALL, AT)) == "table"
    assert ref(book.find(2, *CALL, AT)) == own


def test_a_deleted_price_does_not_hold(shelf: Shelf) -> None:
    shelf.add(deleted_us=5)
    assert ref(read(shelf).find(1, *CALL, AT)) == "table"


def test_a_tenant_that_was_never_read_is_an_error_and_not_the_table(shelf: Shelf) -> None:
    with pytest.raises(KeyError):
        PriceBook(Table()).find(1, *CALL, AT)


def test_a_change_is_seen_when_what_is_known_is_older_than_a_second(shelf: Shelf) -> None:
    book = read(shelf)
    own = shelf.add()
    book.refresh(shelf.tx(), [1], 1.0)
    assert ref(book.find(1, *CALL, AT)) == "table"
    book.refresh(shelf.tx(), [1], 1.1)
    assert ref(book.find(1, *CALL, AT)) == own
    shelf.change(own, valid_until_us=AT)
    book.refresh(shelf.tx(), [1], 2.2)
    assert ref(book.find(1, *CALL, AT)) == "table"
    shelf.change(own, valid_until_us=None)
    shelf.change(own, deleted_us=1)
    book.refresh(shelf.tx(), [1], 3.3)
    assert ref(book.find(1, *CALL, AT)) == "table"


def test_one_deleted_and_one_added_is_a_change(shelf: Shelf) -> None:
    first = shelf.add()
    book = read(shelf)
    shelf.change(first, deleted_us=1)
    second = shelf.add()
    book.refresh(shelf.tx(), [1], 2.0)
    assert ref(book.find(1, *CALL, AT)) == second


def test_many_tenants_are_read_in_one_query_and_a_change_in_one_more(shelf: Shelf) -> None:
    shelf.add(tenant=3)
    book = PriceBook(Table())
    for monotonic_s, change, queries in (
        (0.0, False, 3),
        (0.9, False, 0),
        (1.5, False, 1),
        (1.6, True, 0),
        (2.6, False, 3),
        (9.9, False, 1),
    ):
        if change:
            shelf.add(tenant=2)
        shelf.statements.clear()
        book.refresh(shelf.tx((1, 2, 3)), [1, 2, 3, 2], monotonic_s)
        assert len(shelf.statements) == queries, monotonic_s
    assert ref(book.find(2, *CALL, AT)) == "tenant:p2"


def test_tenants_that_the_transaction_does_not_span_are_refused(shelf: Shelf) -> None:
    with pytest.raises(errors.StoreRefused):
        PriceBook(Table()).refresh(shelf.tx((1,)), [1, 2], 0.0)


def test_the_step_is_the_tables_without_prices_of_tenants(shelf: Shelf) -> None:
    assert read(shelf, step_us=5 * MINUTE_US).step_us == 5 * MINUTE_US


def test_the_step_follows_the_prices_of_all_tenants(shelf: Shelf) -> None:
    shelf.add(tenant=1, valid_from_us=45 * MINUTE_US)
    fine = shelf.add(tenant=2, valid_until_us=110 * MINUTE_US)
    book = read(shelf, tenants=(1, 2))
    assert book.step_us == 5 * MINUTE_US
    shelf.change(fine, valid_until_us=111 * MINUTE_US)
    book.refresh(shelf.tx((2,)), [2], 2.0)
    assert book.step_us == 3 * MINUTE_US
    shelf.change(fine, deleted_us=1)
    book.refresh(shelf.tx((2,)), [2], 4.0)
    assert book.step_us == 15 * MINUTE_US


USD = st.decimals(0, 1_000_000, places=5).map(lambda usd: f"{usd.normalize():f}")
COUNT = st.integers(0, 10**9)


@given(
    rates=st.tuples(USD, USD, st.none() | USD, st.none() | USD, st.none() | USD, st.none() | USD),
    counts=st.tuples(COUNT, COUNT, COUNT, COUNT, COUNT),
)
def test_a_tenants_price_is_exact(
    rates: tuple[str | None, ...], counts: tuple[int, int, int, int, int]
) -> None:
    names = ("input", "output", "cache_read", "cache_write", "reasoning")
    fields: dict[str, Any] = {
        f"{name}_usd_per_mtok": rate for name, rate in zip(names, rates, strict=False)
    }
    with opened(1) as shelf:
        shelf.add(**fields, usd_per_request=rates[5])
        row = read(shelf).find(1, *CALL, AT)
    assert row is not None
    plain, answer, read_tokens, written, thought = counts
    cost = price(
        row.rates,
        tokens_in=plain + read_tokens + written,
        tokens_out=answer + thought,
        tokens_cache_read=read_tokens,
        tokens_cache_write=written,
        tokens_reasoning=thought,
    )
    assert cost == expected_nanousd(rates, counts)


def expected_nanousd(rates: tuple[str | None, ...], counts: tuple[int, int, int, int, int]) -> int:
    """Sum up by hand: what has no price of its own costs what its class does."""
    first, second, *others = (None if rate is None else Fraction(Decimal(rate)) for rate in rates)
    assert first is not None
    assert second is not None
    cached, written, thought, request = others
    per_token = (
        first,
        second,
        first if cached is None else cached,
        first if written is None else written,
        second if thought is None else thought,
    )
    parts = (rate * count for rate, count in zip(per_token, counts, strict=True))
    usd = sum(parts, Fraction(0)) / 1_000_000
    exact = (usd + (request or 0)) * NANOUSD_PER_USD
    return round_half_even(exact.numerator, exact.denominator)
