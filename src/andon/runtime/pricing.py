"""What a call of a tenant costs: by its own prices, else by the table that all share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import gcd
from typing import Any

from andon.drivers import directory, prices
from andon.drivers.database import Tx
from andon.engines.pricing import (
    DatedPrice,
    PriceRow,
    PriceTable,
    Rates,
    Validity,
    rates_per_mtok,
    row_at,
    step_us,
)

FRESH_SECONDS = 1.0
"""How old a tenant's prices may be when a call is priced: a change is seen within 2 seconds."""

Prices = Mapping[tuple[str | None, str], Sequence[DatedPrice]]


@dataclass(frozen=True, slots=True)
class _Own:
    """A tenant's prices by provider and model as of its revision and of the directory's."""

    prices: Prices
    step_us: int
    revision: int
    directory: int


class PriceBook:
    """Finds the price of a call; refresh a tenant's own prices before asking for it.

    Several threads may share a book: what is known of a tenant is replaced as a whole.
    """

    def __init__(self, table: PriceTable, *, fresh_seconds: float = FRESH_SECONDS) -> None:
        self._table = table
        self._fresh_seconds = fresh_seconds
        self._own: dict[int, _Own] = {}
        self._steps: dict[int, int] = {}
        self._directory = -1
        self._looked_s = float("-inf")

    def anew(self) -> PriceBook:
        """Give a book of the same table that has read nothing, and so reads what holds now."""
        return PriceBook(self._table, fresh_seconds=self._fresh_seconds)

    @property
    def step_us(self) -> int:
        """Tell the time, counted in steps from 1970, within which no known price changes.

        From 1 to 15 minutes, where the table's prices begin and end at whole minutes.
        """
        return gcd(self._table.step_us, *list(self._steps.values()))

    def refresh(self, tx: Tx, tenant_numbers: Iterable[int], monotonic_s: float) -> None:
        """Read again what is known of these tenants, where that is older than a second.

        One query a second tells whether anything has changed at all; only then, and for a tenant
        that is new here, prices are read. The transaction must span the tenants; `monotonic_s` is
        the time before it read anything.
        """
        if monotonic_s - self._looked_s > self._fresh_seconds:
            self._directory = directory.revision(tx)
            self._looked_s = monotonic_s
        as_of = self._directory
        numbers = dict.fromkeys(tenant_numbers)
        stale = [number for number in numbers if self._is_stale(number, as_of)]
        if not stale:
            return
        latest = prices.latest_revisions(tx, stale)
        changed = {number for number in stale if self._revision(number) != latest.get(number, 0)}
        loaded = _by_tenant(prices.prices_of(tx, sorted(changed))) if changed else {}
        for number in stale:
            known = self._own.get(number)
            if known is None or number in changed:
                own, step = _compiled(loaded.get(number, ()), known)
            else:
                own, step = known.prices, known.step_us
            self._keep(number, _Own(own, step, latest.get(number, 0), as_of))

    def find(self, tenant_no: int, provider: str, model: str, at_us: int) -> PriceRow | None:
        """Find the price of a model at an instant (us, UTC), or None when it is not known.

        The tenant's price for the provider goes before its price for any provider, and both
        before the table. KeyError: the tenant has never been refreshed.
        """
        own = self._own[tenant_no].prices
        if own:
            for named in (provider, None):
                row = row_at(own.get((named, model), ()), at_us)
                if row is not None:
                    return row
        return self._table.find(provider, model, at_us)

    def _is_stale(self, number: int, as_of: int) -> bool:
        known = self._own.get(number)
        return known is None or known.directory != as_of

    def _revision(self, number: int) -> int:
        known = self._own.get(number)
        return 0 if known is None else known.revision

    def _keep(self, number: int, own: _Own) -> None:
        self._own[number] = own
        if own.prices:
            self._steps[number] = own.step_us
        else:
            self._steps.pop(number, None)


def validity_of(row: Mapping[str, Any]) -> Validity:
    """Read when a price holds from its row."""
    return Validity(from_us=row["valid_from_us"], until_us=row["valid_until_us"])


def _by_tenant(rows: Iterable[Mapping[str, Any]]) -> dict[int, list[Mapping[str, Any]]]:
    found: dict[int, list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["tenant"], []).append(row)
    return found


def _compiled(rows: Iterable[Mapping[str, Any]], before: _Own | None) -> tuple[Prices, int]:
    kept = _rows_of(before)
    found: dict[tuple[str | None, str], list[DatedPrice]] = {}
    validities = []
    for row in rows:
        validity, ref = validity_of(row), f"tenant:{row['id']}"
        validities.append(validity)
        # What a price was never changes, so that it is compiled once.
        priced = kept.get(ref) or PriceRow(ref, _rates(row))
        place = (row["provider"], row["model"])
        found.setdefault(place, []).append(DatedPrice(validity, priced))
    return found, step_us(validities)


def _rows_of(own: _Own | None) -> dict[str, PriceRow]:
    if own is None:
        return {}
    dated = (one for held in own.prices.values() for one in held)
    return {one.row.ref: one.row for one in dated if one.row is not None}


def _rates(row: Mapping[str, Any]) -> Rates:
    return Rates(
        rates_per_mtok(
            Decimal(row["input_usd_per_mtok"]),
            Decimal(row["output_usd_per_mtok"]),
            cache_read=_decimal(row["cache_read_usd_per_mtok"]),
            cache_write=_decimal(row["cache_write_usd_per_mtok"]),
            reasoning=_decimal(row["reasoning_usd_per_mtok"]),
            per_request=_decimal(row["usd_per_request"]) or 0,
        )
    )


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
