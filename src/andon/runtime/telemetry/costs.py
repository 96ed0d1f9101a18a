"""What the new records of a group cost, and by which price."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from andon.engines import pricing
from andon.runtime.telemetry.batch import Flags, Integers, Spot, numbers
from andon.runtime.telemetry.parcel import UsageRecord
from andon.schemas.cus.money import MAX_CALL_NANOUSD

STATED = "stated"
"""The price that is kept with a call whose reporter said what it cost."""

Find = Callable[[Spot], pricing.PriceRow | None]


class Costs(NamedTuple):
    """Costs in nano-dollars, 0 where unknown; the price each goes by, and which are unknown."""

    nanousd: Integers
    refs: list[str | None]
    is_unpriced: Flags


def price_records(
    records: Sequence[UsageRecord],
    fields: Mapping[str, Sequence[Any]],
    spots: Sequence[Spot],
    spot: Integers,
    tokens_in: Integers,
    tokens_out: Integers,
    is_blocked: Flags,
    find: Find,
) -> Costs:
    """Price records by what was stated, else by the table; a call that was blocked cost nothing."""
    used = np.unique(spot).tolist()
    rows = {number: find(spots[number]) for number in used}
    refs = {number: row.ref if row else None for number, row in rows.items()}
    tokens = pricing.Tokens(
        tokens_in,
        tokens_out,
        numbers(fields["tokens_cache_read"]),
        numbers(fields["tokens_cache_write"]),
        numbers(fields["tokens_reasoning"]),
    )
    costs = Costs(
        np.zeros(len(records), np.int64),
        list(map(refs.__getitem__, spot.tolist())),
        np.ones(len(records), np.bool_),
    )
    _price_by_table(costs, rows, spot, tokens)
    _settle_blocked(costs, is_blocked & (tokens_in == 0) & (tokens_out == 0))
    _settle_stated(costs, records)
    return costs


def _price_by_table(
    costs: Costs, rows: dict[int, pricing.PriceRow | None], spot: Integers, tokens: pricing.Tokens
) -> None:
    by_row: dict[int, tuple[pricing.PriceRow, list[int]]] = {}
    for number, row in rows.items():
        if row is not None:
            by_row.setdefault(id(row), (row, []))[1].append(number)
    for row, numbers_of_row in by_row.values():
        if len(numbers_of_row) == len(rows):
            costs.nanousd[:] = _bounded(pricing.price_all(row.rates, tokens))
            costs.is_unpriced[:] = False
            return
        places = np.flatnonzero(np.isin(spot, numbers_of_row))
        costs.nanousd[places] = _bounded(pricing.price_all(row.rates, tokens.at(places)))
        costs.is_unpriced[places] = False


def _bounded(nanousd: Integers) -> Integers:
    # What may be stated bounds what is computed too, so that sums stay within 64 bits.
    return np.minimum(nanousd, MAX_CALL_NANOUSD)


def _settle_blocked(costs: Costs, free: Flags) -> None:
    for place in np.flatnonzero(free).tolist():
        costs.nanousd[place] = 0
        costs.refs[place] = None
        costs.is_unpriced[place] = False


def _settle_stated(costs: Costs, records: Sequence[UsageRecord]) -> None:
    stated = [record.cost_stated_nanousd for record in records]
    if stated.count(None) == len(stated):
        return
    for place, nanousd in enumerate(stated):
        if nanousd is not None:
            costs.nanousd[place] = nanousd
            costs.refs[place] = STATED
            costs.is_unpriced[place] = False
