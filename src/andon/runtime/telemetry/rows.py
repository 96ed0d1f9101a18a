"""The rows that the new records of a group make: packed records, sums, names, error texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import compress
from operator import attrgetter
from typing import Any, TypeVar

import numpy as np

from andon.drivers.telemetry.columns import Chunk, Written
from andon.drivers.telemetry.packing import FIELDS, Packer
from andon.engines import telemetry
from andon.engines.tenants import calendar
from andon.runtime.telemetry.batch import Batch, Flags, Integers, flags_of, numbers
from andon.runtime.telemetry.costs import Costs, Find, price_records
from andon.runtime.telemetry.marks import marks_of
from andon.runtime.telemetry.names import NamesOfGroup
from andon.runtime.telemetry.parcel import UsageRecord
from andon.runtime.tenants.caller import Tenant

_RENAMED = {"metadata": "metadata_json", "request": "request_json", "labels": "labels_json"}
_MADE = frozenset(
    {"seq", "occurred_us", "day", "integration", "cost_nanousd", "price_ref", "import_id", "marks"}
)
_GETTERS = {name: attrgetter(_RENAMED.get(name, name)) for name in FIELDS if name not in _MADE}


_T = TypeVar("_T")


class Fresh:
    """The new records of a batch."""

    def __init__(self, batch: Batch, fresh: Flags, find: Find) -> None:
        self._batch = batch
        self.places = places = np.flatnonzero(fresh)
        every = len(places) == len(batch)
        self.records: Sequence[UsageRecord] = (
            batch.records if every else list(compress(batch.records, fresh.tolist()))
        )
        self.spot = batch.spot[places]
        self.tokens_in = batch.tokens_in[places]
        self.tokens_out = batch.tokens_out[places]
        self.occurred_us = batch.occurred_us[places]
        self.fields = {name: list(map(get, self.records)) for name, get in _GETTERS.items()}
        self.is_blocked: Flags = flags_of(self.fields["policy_result"], "blocked")
        self.costs: Costs = price_records(
            self.records,
            self.fields,
            batch.spots,
            self.spot,
            self.tokens_in,
            self.tokens_out,
            self.is_blocked,
            find,
        )

    def write(
        self, id_: bytes, now_us: int, step_us: int, names: NamesOfGroup, shard: int
    ) -> Written:
        """Make the rows."""
        tenants = self._batch.tenants_by_number()
        sums_at = _sums_at(self._batch, tenants, step_us)
        rollups = telemetry.roll_up(sums_at, self._columns(), names.name)
        days = np.array([place.day for place in sums_at], np.int64)[self.spot]
        return Written(
            id=id_,
            month=month_of(now_us),
            chunks=self._chunks(days, marks_of(self.records, sums_at, self.spot, names.folded)),
            error_texts=self._error_texts(now_us),
            hourly=[(*key, shard, *values) for key, values in rollups.hourly.items()],
            daily=[(*key, shard, *values) for key, values in rollups.daily.items()],
            recent=[(*key, shard, calls) for key, calls in self._recent(now_us).items()],
            names=list(names.added),
        )

    def _columns(self) -> telemetry.Columns:
        fields = self.fields
        return telemetry.Columns(
            place=self.spot,
            tokens_in=self.tokens_in,
            tokens_out=self.tokens_out,
            cost_nanousd=self.costs.nanousd,
            is_error=telemetry.have_failed(
                fields["error_code"],
                fields["error_class"],
                [record.error_message for record in self.records],
                fields["status_code"],
            ),
            is_blocked=self.is_blocked,
            is_unpriced=self.costs.is_unpriced,
            latency_ms=numbers(fields["latency_ms"]),
            is_timed=~flags_of(fields["latency_ms"], None),
        )

    def _chunks(self, days: Integers, marks: list[int | None]) -> list[Chunk]:
        made: dict[str, list[Any]] = {
            **self.fields,
            "seq": self.places.tolist(),
            "occurred_us": self.occurred_us.tolist(),
            "day": days.tolist(),
            "integration": _taken(self._batch.integrations, self.places),
            "cost_nanousd": self._known_costs(),
            "price_ref": self.costs.refs,
            "import_id": _taken(self._batch.imports(), self.places),
            "marks": marks,
        }
        packer, chunks = Packer(), []
        tenants, starts = np.unique(self._batch.tenants[self.places], return_index=True)
        ends = [*starts.tolist()[1:], len(self.places)]
        for tenant, start, end in zip(tenants.tolist(), starts.tolist(), ends, strict=True):
            chunks.append(Chunk(tenant, end - start, packer.pack(made, start, end)))
        return chunks

    def _known_costs(self) -> list[int | None]:
        costs: list[int | None] = self.costs.nanousd.tolist()
        for place in np.flatnonzero(self.costs.is_unpriced).tolist():
            costs[place] = None
        return costs

    def _error_texts(self, now_us: int) -> list[tuple[int, int, int, str]]:
        tenants = self._batch.tenants
        return [
            (int(tenants[place]), place, now_us, record.error_message)
            for place, record in zip(self.places.tolist(), self.records, strict=True)
            if record.error_message
        ]

    def _recent(self, now_us: int) -> Counter[tuple[int, int, int]]:
        counts = telemetry.count_in_rate(self.occurred_us, self.is_blocked, now_us)
        places = self.places[counts]
        return Counter(
            zip(
                self._batch.tenants[places].tolist(),
                _taken(self._batch.integrations, places),
                (self.occurred_us[counts] // telemetry.SECOND_US).tolist(),
                strict=True,
            )
        )


def _taken(values: list[_T], places: Integers) -> list[_T]:
    if len(places) == len(values):
        return values
    return list(map(values.__getitem__, places.tolist()))


def _sums_at(batch: Batch, tenants: dict[int, Tenant], step_us: int) -> list[telemetry.Place]:
    return [
        telemetry.Place(
            spot.tenant,
            calendar.local_day(tenants[spot.tenant].zones, spot.step * step_us),
            spot.step * step_us // telemetry.HOUR_US,
            spot.integration,
            spot.agent_id,
            spot.model,
        )
        for spot in batch.spots
    ]


def month_of(at_us: int) -> int:
    """Number the month of an instant in UTC, from January of the year 0."""
    at = datetime.fromtimestamp(at_us // telemetry.SECOND_US, UTC)
    return at.year * 12 + at.month - 1
