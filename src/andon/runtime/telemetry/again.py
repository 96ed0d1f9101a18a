"""Price the records of a block again: which of them, by what, and what that does to the sums."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from andon.drivers.telemetry.overlays import Prices
from andon.engines import pricing, telemetry
from andon.runtime.telemetry.costs import STATED
from andon.runtime.telemetry.voiding import FOLDS
from andon.schemas.cus.money import MAX_CALL_NANOUSD

Columns = Mapping[str, Sequence[Any]]
Price = tuple[int | None, str | None]
Find = Callable[[str, str, int], pricing.PriceRow | None]
"""Finds the price of a provider's model at an instant (us, UTC)."""

_TOKENS = ("tokens_in", "tokens_out", "tokens_cache_read", "tokens_cache_write", "tokens_reasoning")


class Wanted(NamedTuple):
    """Which calls are priced again: those of some days of the tenant, both included, and of one
    integration, provider and model where these are given."""

    first: int
    last: int
    integration: int | None = None
    provider: str | None = None
    model: str | None = None

    def places(self, columns: Columns, voided: Container[int]) -> list[int]:
        """Find the calls whose cost is not what their reporter stated, and that count at all."""
        chosen = zip(
            columns["day"],
            columns["integration"],
            columns["provider"],
            columns["model"],
            columns["price_ref"],
            columns["cost_nanousd"],
            columns["seq"],
            strict=True,
        )
        return [
            place
            for place, (day, integration, provider, model, ref, cost, seq) in enumerate(chosen)
            if self.first <= day <= self.last
            and self.integration in {None, integration}
            and self.provider in {None, provider}
            and self.model in {None, model}
            and ref != STATED
            # A blocked call that used nothing is free, whatever its model costs.
            and not (ref is None and cost is not None)
            and seq not in voided
        ]


def prices_of(columns: Columns, places: Sequence[int], find: Find, step_us: int) -> list[Price]:
    """Price calls by what holds now for the time of each."""
    found: list[Price] = [(None, None)] * len(places)
    groups: dict[tuple[str, str, int], list[int]] = {}
    for number, at in enumerate(places):
        step = columns["occurred_us"][at] // step_us
        spot = (columns["provider"][at], columns["model"][at], step)
        groups.setdefault(spot, []).append(number)
    for (provider, model, step), numbers in groups.items():
        row = find(provider, model, step * step_us)
        if row is None:
            continue
        tokens = pricing.Tokens(*(_numbers(columns[name], places, numbers) for name in _TOKENS))
        costs = np.minimum(pricing.price_all(row.rates, tokens), MAX_CALL_NANOUSD)
        for number, cost in zip(numbers, costs.tolist(), strict=True):
            found[number] = (cost, row.ref)
    return found


def _numbers(
    values: Sequence[int | None], places: Sequence[int], numbers: Sequence[int]
) -> pricing.Integers:
    return np.array([values[places[number]] or 0 for number in numbers], np.int64)


class Again(NamedTuple):
    """What pricing a block again found: the calls, their prices before and after."""

    places: list[int]
    before: list[Price]
    after: list[Price]

    @property
    def changed(self) -> list[int]:
        """Number the calls whose cost or price is another one now."""
        pairs = enumerate(zip(self.before, self.after, strict=True))
        return [number for number, (before, after) in pairs if before != after]


def price_again(columns: Columns, places: list[int], find: Find, step_us: int) -> Again:
    """Price these calls of a block, whose columns hold what they cost by now."""
    costs, refs = columns["cost_nanousd"], columns["price_ref"]
    before = [(costs[at], refs[at]) for at in places]
    return Again(places, before, prices_of(columns, places, find, step_us))


def overlay_of(raw: Columns, present: Prices, again: Again) -> dict[int, Price]:
    """Give all that differs from the block as it was written, after pricing it again."""
    overlay = dict(present)
    for number in again.changed:
        at, price = again.places[number], again.after[number]
        if price == (raw["cost_nanousd"][at], raw["price_ref"][at]):
            overlay.pop(raw["seq"][at], None)
        else:
            overlay[raw["seq"][at]] = price
    return overlay


def change_of_sums(tenant: int, columns: Columns, again: Again) -> telemetry.Rollups:
    """Give what the changed calls add to the sums, less what they did before."""
    places = [again.places[number] for number in again.changed]
    taken = {name: [values[at] for at in places] for name, values in columns.items()}
    before = telemetry.recount(tenant, taken, FOLDS)
    taken["cost_nanousd"] = [again.after[number][0] for number in again.changed]
    return telemetry.change_between(before, telemetry.recount(tenant, taken, FOLDS))
