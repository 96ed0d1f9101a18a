"""The records of a group, side by side: what is judged and summed of them, column by column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from andon.engines import telemetry
from andon.runtime.telemetry.parcel import Parcel, UsageRecord
from andon.runtime.tenants.caller import Tenant

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

_JUDGED = ("call_id", "provider", "model", "agent_id", "occurred_at_us", "tokens_in", "tokens_out")
_GETTERS = {name: attrgetter(name) for name in _JUDGED}


class Spot(NamedTuple):
    """What decides of a record's names, price and sums; few in a group, though records are many."""

    tenant: int
    integration: int
    provider: str
    model: str
    agent_id: str | None
    step: int


@dataclass(slots=True)
class Batch:
    """The records of some parcels, those of a tenant next to each other.

    `starts` holds the first place of each parcel; `spot` indexes `spots`, whose `step` counts
    times of `step_us` since 1970: within a step no price changes and no day ends.
    """

    parcels: Sequence[Parcel]
    records: list[UsageRecord]
    starts: Integers
    tenants: Integers
    integrations: list[int]
    occurred_us: Integers
    tokens_in: Integers
    tokens_out: Integers
    spots: list[Spot]
    spot: Integers
    keys: list[bytes]

    @classmethod
    def of(cls, parcels: Sequence[Parcel], now_us: int, step_us: int) -> Batch:
        """Lay parcels side by side, sorted by tenant; a call without a time happened now."""
        parcels = sorted(parcels, key=lambda parcel: parcel.tenant.no)
        sizes = [len(parcel.records) for parcel in parcels]
        records = list(chain.from_iterable(parcel.records for parcel in parcels))
        tenants = np.repeat([parcel.tenant.no for parcel in parcels], sizes)
        integrations = list(chain.from_iterable(parcel.integrations for parcel in parcels))
        occurred_us = _times(_column(records, "occurred_at_us"), now_us)
        spots, spot = _spots(records, tenants, integrations, occurred_us // step_us)
        return cls(
            parcels=parcels,
            records=records,
            starts=np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.int64),
            tenants=tenants,
            integrations=integrations,
            occurred_us=occurred_us,
            tokens_in=numbers(_column(records, "tokens_in")),
            tokens_out=numbers(_column(records, "tokens_out")),
            spots=spots,
            spot=spot,
            keys=_keys(parcels),
        )

    def __len__(self) -> int:
        return len(self.records)

    def parcel_of(self, place: int) -> tuple[Parcel, int]:
        """Give the parcel of a record, and the place that the record had in what was sent."""
        number = int(np.searchsorted(self.starts, place, "right")) - 1
        parcel = self.parcels[number]
        return parcel, parcel.places[place - int(self.starts[number])]

    def tenants_by_number(self) -> dict[int, Tenant]:
        """Give the tenants of the parcels."""
        return {parcel.tenant.no: parcel.tenant for parcel in self.parcels}

    def imports(self) -> list[str | None]:
        """Give the import of each record."""
        return [parcel.import_id for parcel in self.parcels for _ in parcel.records]

    def contents(self) -> Integers:
        """Digest what a second report of each call must agree in."""
        bases = [telemetry.content_base(s.integration, s.provider, s.model) for s in self.spots]
        return telemetry.contents_of(
            np.array(bases, np.uint64)[self.spot], self.tokens_in, self.tokens_out
        )


def numbers(values: Sequence[int | None]) -> Integers:
    """Give a column as numbers, 0 where a value is absent."""
    absent = values.count(None)
    if absent == len(values):
        return np.zeros(absent, np.int64)
    if absent:
        values = [value or 0 for value in values]
    return np.array(values, np.int64)


def flags_of(values: Sequence[Any], wanted: Any) -> Flags:
    """Tell where a column has a value."""
    found = values.count(wanted)
    if found in {0, len(values)}:
        return np.full(len(values), bool(found), np.bool_)
    return np.array([value == wanted for value in values], np.bool_)


def _column(records: Sequence[UsageRecord], name: str) -> list[Any]:
    return list(map(_GETTERS[name], records))


def _times(values: list[int | None], now_us: int) -> Integers:
    if values.count(None) == len(values):
        return np.full(len(values), now_us, np.int64)
    return np.array([now_us if value is None else value for value in values], np.int64)


def _spots(
    records: Sequence[UsageRecord], tenants: Integers, integrations: list[int], steps: Integers
) -> tuple[list[Spot], Integers]:
    known: dict[tuple[Any, ...], int] = {}
    codes = [
        known.setdefault(spot, len(known))
        for spot in zip(
            tenants.tolist(),
            integrations,
            _column(records, "provider"),
            _column(records, "model"),
            _column(records, "agent_id"),
            steps.tolist(),
            strict=True,
        )
    ]
    return [Spot(*spot) for spot in known], np.array(codes, np.int64)


def _keys(parcels: Sequence[Parcel]) -> list[bytes]:
    keys: list[bytes] = []
    for parcel in parcels:
        keys += telemetry.keys_of(parcel.tenant.no, _column(parcel.records, "call_id"))
    return keys
