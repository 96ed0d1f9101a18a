"""Sums that are told from packed records are those that were made when they were recorded."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from andon.drivers.telemetry.overlays import Prices, pack_prices, unpack_prices
from andon.drivers.telemetry.packing import FIELDS, Packer, unpack
from andon.engines import pricing, telemetry
from andon.runtime.telemetry import again
from andon.runtime.telemetry.voiding import FOLDS

Columns = dict[str, list[Any]]

TENANT, DAY, HOUR = 7, 20_000, 480_000
PRICES = {
    ("acme", "cheap"): pricing.PriceRow("cheap", pricing.Rates(pricing.rates_per_mtok(1, 2))),
    ("acme", "dear"): pricing.PriceRow("dear", pricing.Rates(pricing.rates_per_mtok(3, 5))),
}
COUNTS = st.integers(0, 10**6)
NAMES = st.sampled_from(["cheap", "dear", "nowhere"])


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a record as it is packed, with what a price book may have said of it before."""
    cost, ref = draw(
        st.sampled_from([(None, None), (17, "old"), (0, None), (5, "stated"), (0, "old")])
    )
    return {
        **dict.fromkeys(FIELDS),
        "occurred_us": HOUR * telemetry.HOUR_US + draw(st.integers(0, 10**10)),
        "day": DAY + draw(st.integers(0, 2)),
        "integration": draw(st.integers(1, 2)),
        "agent_id": draw(st.sampled_from([None, "a", "b"])),
        "provider": draw(st.sampled_from(["acme", "other"])),
        "model": draw(NAMES),
        "tokens_in": draw(COUNTS),
        "tokens_out": draw(COUNTS),
        "cost_nanousd": cost,
        "price_ref": ref,
        "latency_ms": draw(st.none() | COUNTS),
        "policy_result": draw(st.sampled_from(["allowed", "blocked"])),
        "status_code": draw(st.sampled_from([None, 200, 500])),
        "marks": draw(st.none() | st.integers(1, 7)),
    }


def as_columns(rows: list[dict[str, Any]]) -> Columns:
    columns = {name: [row[name] for row in rows] for name in FIELDS}
    columns["seq"] = list(range(5, 5 + len(rows)))
    return unpack(Packer().pack(columns, 0, len(rows)))


def find(provider: str, model: str, _at_us: int) -> pricing.PriceRow | None:
    return PRICES.get((provider, model))


BLOCKS = st.lists(records(), min_size=1, max_size=12).map(as_columns)


@given(BLOCKS)
def test_sums_of_a_block_are_those_of_its_records(columns: Columns) -> None:
    whole = telemetry.recount(TENANT, columns, FOLDS)
    parts = telemetry.Rollups({}, {})
    for at in range(len(columns["seq"])):
        one = {name: values[at : at + 1] for name, values in columns.items()}
        telemetry.add_rollups(parts, telemetry.recount(TENANT, one, FOLDS))
    assert parts == whole
    telemetry.add_rollups(parts, whole, -1)
    assert not any(map(any, [*parts.hourly.values(), *parts.daily.values()]))


@given(BLOCKS)
def test_totals_are_plain_sums(columns: Columns) -> None:
    rollups = telemetry.recount(TENANT, columns, FOLDS)
    for rows in (rollups.hourly, rollups.daily):
        total = [sum(column) for column in zip(*rows.values(), strict=True)]
        costs = columns["cost_nanousd"]
        assert total[0] == len(costs)
        assert total[3] == sum(cost or 0 for cost in costs)
        assert total[6] == costs.count(None)


def _priced_again(columns: Columns, voided: set[int]) -> tuple[again.Again, Prices]:
    wanted = again.Wanted(DAY, DAY + 1)
    raw = {name: list(values) for name, values in columns.items()}
    places = wanted.places(columns, voided)
    found = again.price_again(columns, places, find, telemetry.HOUR_US)
    return found, again.overlay_of(raw, {}, found)


def _laid_over(columns: Columns, prices: Prices) -> Columns:
    changed = {name: list(values) for name, values in columns.items()}
    for place, seq in enumerate(columns["seq"]):
        if seq in prices:
            changed["cost_nanousd"][place], changed["price_ref"][place] = prices[seq]
    return changed


@given(BLOCKS, st.sets(st.integers(5, 16)))
def test_pricing_again_changes_the_sums_by_what_it_changes(
    columns: Columns, voided: set[int]
) -> None:
    found, overlay = _priced_again(columns, voided)
    sums = telemetry.recount(TENANT, columns, FOLDS)
    telemetry.add_rollups(sums, again.change_of_sums(TENANT, columns, found))
    after = _laid_over(columns, unpack_prices(pack_prices(overlay)))
    assert sums == telemetry.recount(TENANT, after, FOLDS)
    twice, _ = _priced_again(after, voided)
    assert twice.changed == []


@given(BLOCKS)
def test_each_call_costs_what_it_costs_alone(columns: Columns) -> None:
    found, _ = _priced_again(columns, set())
    for at, price in zip(found.places, found.after, strict=True):
        row = find(columns["provider"][at], columns["model"][at], 0)
        if row is None:
            assert price == (None, None)
            continue
        tokens = {name: columns[name][at] for name in ("tokens_in", "tokens_out")}
        assert price == (pricing.price(row.rates, **tokens), row.ref)


@given(BLOCKS)
def test_stated_costs_and_free_calls_are_left_alone(columns: Columns) -> None:
    found, _ = _priced_again(columns, set())
    for at in found.places:
        ref, cost = columns["price_ref"][at], columns["cost_nanousd"][at]
        assert ref != "stated"
        assert ref is not None or cost is None
        assert DAY <= columns["day"][at] <= DAY + 1


@given(BLOCKS)
def test_a_price_that_is_put_back_leaves_no_overlay(columns: Columns) -> None:
    raw = {name: list(values) for name, values in columns.items()}
    found, overlay = _priced_again(columns, set())
    now = _laid_over(columns, overlay)
    back = again.Again(found.places, found.after, found.before)
    assert again.overlay_of(raw, overlay, back) == {}
    assert now["seq"] == raw["seq"]
