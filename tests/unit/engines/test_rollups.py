"""What a group of records adds to the rollups is exactly the sum of its records."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from andon.engines.telemetry import (
    HOUR_US,
    OTHER,
    RECENT_SECONDS,
    SECOND_US,
    Columns,
    Place,
    Rollups,
    Sums,
    count_in_rate,
    have_failed,
)
from andon.engines.telemetry import roll_up as roll_up_columns
from andon.engines.telemetry.rollups import LONGEST_MS
from tests.unit.engines.reports import Report


@dataclass(frozen=True, slots=True)
class Counted:
    """A record with its place in time and its cost, as the sums see it."""

    tenant: int
    integration: int
    day: int
    occurred_us: int
    record: Report
    cost_nanousd: int | None

    @property
    def is_error(self) -> bool:
        record = self.record
        texts = ([record.error_code], [record.error_class], [record.error_message])
        return bool(have_failed(*texts, [record.status_code])[0])


def roll_up(group: list[Counted], named: Callable[[int, int, str, str, int], str]) -> Rollups:
    places = [
        Place(
            one.tenant,
            one.day,
            one.occurred_us // HOUR_US,
            one.integration,
            one.record.agent_id,
            one.record.model,
        )
        for one in group
    ]
    known = list(dict.fromkeys(places))
    records = [one.record for one in group]

    def numbers(values: Iterable[int | None]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.array([value or 0 for value in values], np.int64)

    def flags(values: Iterable[bool]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        return np.array(list(values), np.bool_)

    columns = Columns(
        place=numbers(known.index(place) for place in places),
        tokens_in=numbers(record.tokens_in for record in records),
        tokens_out=numbers(record.tokens_out for record in records),
        cost_nanousd=numbers(one.cost_nanousd for one in group),
        is_error=flags(one.is_error for one in group),
        is_blocked=flags(record.policy_result == "blocked" for record in records),
        is_unpriced=flags(one.cost_nanousd is None for one in group),
        latency_ms=numbers(record.latency_ms for record in records),
        is_timed=flags(record.latency_ms is not None for record in records),
    )
    return roll_up_columns(known, columns, named)


NOW = 1_790_000_000_000_000
TOKENS = st.integers(min_value=0, max_value=10**9)
REPORTS = st.builds(
    Report,
    agent_id=st.sampled_from([None, "a1", "a2", "a3"]),
    model=st.sampled_from(["m1", "m2", "m3"]),
    tokens_in=TOKENS,
    tokens_out=TOKENS,
    latency_ms=st.none() | st.integers(min_value=0, max_value=10**6),
    policy_result=st.sampled_from(["allowed", "warned", "blocked"]),
    error_code=st.sampled_from([None, "timeout"]),
    status_code=st.sampled_from([None, 200, 429]),
)
COUNTED = st.builds(
    Counted,
    tenant=st.integers(min_value=1, max_value=2),
    integration=st.integers(min_value=1, max_value=2),
    day=st.integers(min_value=20_000, max_value=20_002),
    occurred_us=st.integers(min_value=NOW - 3 * HOUR_US, max_value=NOW + SECOND_US),
    record=REPORTS,
    cost_nanousd=st.none() | st.integers(min_value=0, max_value=10**15),
)
GROUPS = st.lists(COUNTED, max_size=30)


def as_it_is(_tenant: int, _day: int, _kind: str, name: str, _calls: int) -> str:
    return name


def bounded(most: int) -> Callable[[int, int, str, str, int], str]:
    seen: dict[tuple[int, int, str], set[str]] = {}

    def named(tenant: int, day: int, kind: str, name: str, _calls: int) -> str:
        names = seen.setdefault((tenant, day, kind), set())
        if name in names or len(names) < most:
            names.add(name)
            return name
        return OTHER

    return named


def raw_sums(group: list[Counted]) -> Sums:
    return [
        len(group),
        sum(one.record.tokens_in for one in group),
        sum(one.record.tokens_out for one in group),
        sum(one.cost_nanousd or 0 for one in group),
        sum(one.is_error for one in group),
        sum(one.record.policy_result == "blocked" for one in group),
        sum(one.cost_nanousd is None for one in group),
        sum(one.record.latency_ms or 0 for one in group),
        sum(one.record.latency_ms is not None for one in group),
    ]


def total(rows: list[Sums]) -> Sums:
    return [sum(row[place] for row in rows) for place in range(9)]


@given(GROUPS, st.integers(min_value=0, max_value=3))
def test_sums_are_the_raw_sums_however_many_names_are_folded(
    group: list[Counted], most: int
) -> None:
    rollups = roll_up(group, bounded(most))
    assert total(list(rollups.hourly.values())) == raw_sums(group)
    assert total(list(rollups.daily.values())) == raw_sums(group)


@given(GROUPS)
def test_each_row_sums_its_own_records(group: list[Counted]) -> None:
    rollups = roll_up(group, as_it_is)
    for (tenant, day, integration, agent, model), sums in rollups.daily.items():
        own = [
            one
            for one in group
            if (one.tenant, one.day, one.integration) == (tenant, day, integration)
            and (one.record.agent_id or "", one.record.model) == (agent, model)
        ]
        assert sums == raw_sums(own)
    for (tenant, hour, integration, model), sums in rollups.hourly.items():
        own = [
            one
            for one in group
            if (one.tenant, one.occurred_us // HOUR_US) == (tenant, hour)
            and (one.integration, one.record.model) == (integration, model)
        ]
        assert sums == raw_sums(own)


@given(GROUPS, GROUPS)
def test_two_groups_add_up_to_one(one: list[Counted], other: list[Counted]) -> None:
    apart = roll_up(one, as_it_is), roll_up(other, as_it_is)
    together = roll_up([*one, *other], as_it_is)
    for key, sums in together.daily.items():
        assert sums == total([part.daily[key] for part in apart if key in part.daily])


def counted(occurred_us: int = NOW, cost: int | None = 5, **record: str) -> Counted:
    return Counted(1, 1, 20_000, occurred_us, Report(**record), cost)  # type: ignore[arg-type]


def test_a_day_with_too_many_names_sums_the_rest_under_other() -> None:
    group = [counted(model=f"m{n}", agent_id=f"a{n}") for n in range(4)]
    rollups = roll_up(group, bounded(2))
    names = {(agent, model) for (_, _, _, agent, model) in rollups.daily}
    assert names == {("a0", "m0"), ("a1", "m1"), (OTHER, OTHER)}
    assert rollups.daily[1, 20_000, 1, OTHER, OTHER][0] == 2


def test_hours_hold_no_agent() -> None:
    group = [counted(agent_id="a1"), counted(agent_id="a2")]
    ((key, sums),) = roll_up(group, as_it_is).hourly.items()
    assert key == (1, NOW // HOUR_US, 1, "gpt-4o")
    assert sums[0] == 2


def test_an_unknown_price_is_counted_and_not_summed() -> None:
    ((_, sums),) = roll_up([counted(cost=None), counted(cost=0)], as_it_is).daily.items()
    cost, unpriced = sums[3], sums[6]
    assert (cost, unpriced) == (0, 1)


def test_a_blocked_call_counts_in_no_rate() -> None:
    times = np.array([NOW, NOW], np.int64)
    assert count_in_rate(times, np.array([True, False]), NOW).tolist() == [False, True]


def test_the_rate_counts_the_last_minute() -> None:
    edge = NOW - RECENT_SECONDS * SECOND_US
    times = np.array([edge, edge + 1, NOW, NOW + 1], np.int64)
    recent = count_in_rate(times, np.zeros(4, np.bool_), NOW)
    assert recent.tolist() == [False, True, True, True]


def test_a_blocked_call_is_counted_as_blocked() -> None:
    rollups = roll_up([counted(policy_result="blocked"), counted()], as_it_is)
    assert total(list(rollups.daily.values()))[5] == 1


def test_a_latency_of_ages_does_not_break_the_sums() -> None:
    group = [counted(), counted()]
    for one in group:
        one.record.latency_ms = 2**63 - 1
    assert total(list(roll_up(group, as_it_is).daily.values()))[7] == 2 * LONGEST_MS


def test_a_place_without_new_records_makes_no_row() -> None:
    place = Place(1, 20_000, 5, 1, "agent", "model")
    nothing = np.zeros(0, np.int64)
    none = np.zeros(0, np.bool_)
    columns = Columns(nothing, nothing, nothing, nothing, none, none, none, nothing, none)
    rollups = roll_up_columns([place], columns, as_it_is)
    assert rollups == Rollups({}, {})
