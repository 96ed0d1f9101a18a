"""Decisions about usage records: when one is in time, what makes two the same, what they sum to."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000
SECOND_US = 1_000_000
RECENT_SECONDS = 60
OTHER = "(other)"


class Reported(Protocol):
    """What these decisions read of a usage record, whichever way it was reported."""

    call_id: str
    agent_id: str | None
    provider: str
    model: str
    tokens_in: int
    tokens_out: int
    latency_ms: int | None
    policy_result: str
    error_code: str | None
    error_class: str | None
    error_message: str | None
    status_code: int | None
    cost_stated_nanousd: int | None


class Timing(NamedTuple):
    """Whether a record's time is accepted, and whether it is a backfill."""

    refusal: str | None
    message: str
    is_backfill: bool


_IN_TIME = Timing(None, "", False)
_BACKFILL = Timing(None, "", True)


def judge_time(
    occurred_us: int,
    now_us: int,
    *,
    horizon_days: int,
    tolerance_seconds: int,
    has_import: bool,
    may_backfill: bool,
) -> Timing:
    """Decide by the store's clock whether a record is in time, a backfill, or refused."""
    if occurred_us > now_us + tolerance_seconds * SECOND_US:
        return Timing(
            "occurred_at_in_future",
            f"occurred_at is more than {tolerance_seconds} seconds ahead of the server's clock; "
            "correct the reporter's clock",
            False,
        )
    if occurred_us >= now_us - horizon_days * DAY_US:
        return _IN_TIME
    if not may_backfill:
        return Timing(
            "backfill_not_allowed",
            f"occurred_at is more than {horizon_days} days ago; only an operator or admin key may "
            "import calls that old",
            True,
        )
    if not has_import:
        return Timing(
            "backfill_needs_import",
            f"occurred_at is more than {horizon_days} days ago; open an import "
            "(POST /api/v1/imports) and send the batch with ?import_id=",
            True,
        )
    return _BACKFILL


def key_of(call_id: str) -> bytes:
    """Digest a call_id to 128 bits; the tenant stands beside it in the key."""
    return hashlib.blake2b(call_id.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def content_of(record: Reported, integration: int) -> bytes:
    """Digest what two reports of one call must agree in."""
    text = (
        f"{integration}\0{record.provider}\0{record.model}\0{record.tokens_in}\0{record.tokens_out}"
    )
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).digest()


def is_conflict(
    first: bytes, again: bytes, first_stated: int | None, stated_again: int | None
) -> bool:
    """Decide whether a second report contradicts the first; a cost that one left out does not."""
    if first != again:
        return True
    return None not in (first_stated, stated_again) and first_stated != stated_again


def is_error(record: Reported) -> bool:
    """Tell whether the call failed: an error was named, or the status is 400 or above."""
    if record.error_code or record.error_class or record.error_message:
        return True
    return record.status_code is not None and record.status_code >= 400


@dataclass(frozen=True, slots=True)
class Counted:
    """A new record with its place in time and its cost, ready to be summed."""

    tenant: int
    integration: int
    day: int
    occurred_us: int
    record: Reported
    cost_nanousd: int | None


_K = TypeVar("_K")

Sums = list[int]
"""calls, tokens_in, tokens_out, cost_nanousd, errors, blocked, unpriced, latency_ms and the calls
that have a latency."""


class Rollups(NamedTuple):
    """What a group of records adds, keyed as the rollup tables are."""

    hourly: dict[tuple[int, int, int, str], Sums]
    daily: dict[tuple[int, int, int, str, str], Sums]
    recent: dict[tuple[int, int, int], int]


def roll_up(
    group: Iterable[Counted], now_us: int, named: Callable[[int, int, str, str, int], str]
) -> Rollups:
    """Sum records by UTC hour and by the tenant's day; `named` bounds the distinct names.

    `named(tenant, day, kind, name, calls)` answers the name to sum under: itself, or `(other)`.
    """
    places: dict[tuple[int, int, int, int, str | None, str], Sums] = {}
    recent: dict[tuple[int, int, int], int] = {}
    earliest_us = now_us - RECENT_SECONDS * SECOND_US
    for one in group:
        record, occurred_us = one.record, one.occurred_us
        hour = occurred_us // HOUR_US
        place = (one.tenant, one.day, hour, one.integration, record.agent_id, record.model)
        sums = places.get(place)
        if sums is None:
            sums = places[place] = [0] * 9
        _count(sums, record, one.cost_nanousd)
        if occurred_us > earliest_us and record.policy_result != "blocked":
            second = (one.tenant, one.integration, occurred_us // SECOND_US)
            recent[second] = recent.get(second, 0) + 1
    return _named(places, recent, named)


def _count(sums: Sums, record: Reported, cost_nanousd: int | None) -> None:
    sums[0] += 1
    sums[1] += record.tokens_in
    sums[2] += record.tokens_out
    if cost_nanousd is None:
        sums[6] += 1
    else:
        sums[3] += cost_nanousd
    if is_error(record):
        sums[4] += 1
    if record.policy_result == "blocked":
        sums[5] += 1
    if record.latency_ms is not None:
        sums[7] += record.latency_ms
        sums[8] += 1


def _named(
    places: dict[tuple[int, int, int, int, str | None, str], Sums],
    recent: dict[tuple[int, int, int], int],
    named: Callable[[int, int, str, str, int], str],
) -> Rollups:
    rollups = Rollups({}, {}, recent)
    for (tenant, day, hour, integration, agent_id, model_name), sums in places.items():
        model = named(tenant, day, "model", model_name, sums[0])
        agent = named(tenant, day, "agent", agent_id, sums[0]) if agent_id else ""
        _add(rollups.hourly, (tenant, hour, integration, model), sums)
        _add(rollups.daily, (tenant, day, integration, agent, model), sums)
    return rollups


def _add(sums: dict[_K, Sums], key: _K, values: Sums) -> None:
    present = sums.get(key)
    if present is None:
        sums[key] = list(values)
        return
    for place, value in enumerate(values):
        present[place] += value
