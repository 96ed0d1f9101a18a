"""What a group of usage records adds to the sums of hours and days."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from andon.engines.telemetry.timing import SECOND_US

RECENT_SECONDS = 60
OTHER = "(other)"

LONGEST_MS = 2**40
"""A latency counts in sums as this many milliseconds (34 years) at most: sums stay in 64 bits."""

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

_K = TypeVar("_K")

Sums = list[int]
"""calls, tokens_in, tokens_out, cost_nanousd, errors, blocked, unpriced, latency_ms and the calls
that have a latency."""


class Place(NamedTuple):
    """Where a record is summed: one of the rows of hours and days, before names are bounded."""

    tenant: int
    day: int
    hour: int
    integration: int
    agent_id: str | None
    model: str


class Columns(NamedTuple):
    """What a group's records are summed by, one element a record; `place` indexes the places.

    An unknown cost is 0 here and flagged as unpriced; a latency that was not given is 0 and not
    flagged as timed.
    """

    place: Integers
    tokens_in: Integers
    tokens_out: Integers
    cost_nanousd: Integers
    is_error: Flags
    is_blocked: Flags
    is_unpriced: Flags
    latency_ms: Integers
    is_timed: Flags


class Rollups(NamedTuple):
    """What a group of records adds, keyed as the rollup tables are."""

    hourly: dict[tuple[int, int, int, str], Sums]
    daily: dict[tuple[int, int, int, str, str], Sums]


def roll_up(
    places: Sequence[Place],
    columns: Columns,
    named: Callable[[int, int, str, str, int], str],
) -> Rollups:
    """Sum records by UTC hour and by the tenant's day; `named` bounds the distinct names.

    A place without records makes no row.

    `named(tenant, day, kind, name, calls)` answers the name to sum under: itself, or `(other)`.
    """
    rollups = Rollups({}, {})
    for place, sums in zip(places, _sum_by_place(len(places), columns), strict=True):
        if not sums[0]:
            continue
        tenant, day, hour, integration, agent_id, model_name = place
        model = named(tenant, day, "model", model_name, sums[0])
        agent = named(tenant, day, "agent", agent_id, sums[0]) if agent_id else ""
        _add(rollups.hourly, (tenant, hour, integration, model), sums)
        _add(rollups.daily, (tenant, day, integration, agent, model), sums)
    return rollups


def _sum_by_place(count: int, columns: Columns) -> list[Sums]:
    bounded = columns._replace(latency_ms=np.minimum(columns.latency_ms, LONGEST_MS))
    place, *values = bounded
    sums = np.zeros((count, len(values) + 1), dtype=np.int64)
    sums[:, 0] = np.bincount(place, minlength=count)
    for number, column in enumerate(values, start=1):
        np.add.at(sums[:, number], place, column)
    summed: list[Sums] = sums.tolist()
    return summed


def _add(sums: dict[_K, Sums], key: _K, values: Sums) -> None:
    present = sums.get(key)
    if present is None:
        sums[key] = list(values)
        return
    for place, value in enumerate(values):
        present[place] += value


def count_in_rate(occurred_us: Integers, is_blocked: Flags, now_us: int) -> Flags:
    """Tell which calls count in the requests of the last minute: recent ones that were let go."""
    recent: Flags = (occurred_us > now_us - RECENT_SECONDS * SECOND_US) & ~is_blocked
    return recent


def have_failed(
    codes: Sequence[str | None],
    classes: Sequence[str | None],
    messages: Sequence[str | None],
    statuses: Sequence[int | None],
) -> Flags:
    """Tell which calls failed: an error was named, or the status is 400 or above."""
    failed = np.fromiter((status or 0 for status in statuses), np.int64, len(statuses)) >= 400
    for texts in (codes, classes, messages):
        if any(texts):
            failed |= np.fromiter(map(bool, texts), np.bool_, len(texts))
    return failed
