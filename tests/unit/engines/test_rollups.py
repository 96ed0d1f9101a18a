"""What a group of records adds to the rollups is exactly the sum of its records."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from andon.engines.telemetry import (
    HOUR_US,
    OTHER,
    RECENT_SECONDS,
    SECOND_US,
    Counted,
    Sums,
    is_error,
    roll_up,
)
from tests.unit.engines.reports import Report

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
        sum(is_error(one.record) for one in group),
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
    rollups = roll_up(group, NOW, bounded(most))
    assert total(list(rollups.hourly.values())) == raw_sums(group)
    assert total(list(rollups.daily.values())) == raw_sums(group)


@given(GROUPS)
def test_each_row_sums_its_own_records(group: list[Counted]) -> None:
    rollups = roll_up(group, NOW, as_it_is)
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
    apart = roll_up(one, NOW, as_it_is), roll_up(other, NOW, as_it_is)
    together = roll_up([*one, *other], NOW, as_it_is)
    for key, sums in together.daily.items():
        assert sums == total([part.daily[key] for part in apart if key in part.daily])


def counted(occurred_us: int = NOW, cost: int | None = 5, **record: str) -> Counted:
    return Counted(1, 1, 20_000, occurred_us, Report(**record), cost)  # type: ignore[arg-type]


def test_a_day_with_too_many_names_sums_the_rest_under_other() -> None:
    group = [counted(model=f"m{n}", agent_id=f"a{n}") for n in range(4)]
    rollups = roll_up(group, NOW, bounded(2))
    names = {(agent, model) for (_, _, _, agent, model) in rollups.daily}
    assert names == {("a0", "m0"), ("a1", "m1"), (OTHER, OTHER)}
    assert rollups.daily[1, 20_000, 1, OTHER, OTHER][0] == 2


def test_hours_hold_no_agent() -> None:
    group = [counted(agent_id="a1"), counted(agent_id="a2")]
    ((key, sums),) = roll_up(group, NOW, as_it_is).hourly.items()
    assert key == (1, NOW // HOUR_US, 1, "gpt-4o")
    assert sums[0] == 2


def test_an_unknown_price_is_counted_and_not_summed() -> None:
    ((_, sums),) = roll_up([counted(cost=None), counted(cost=0)], NOW, as_it_is).daily.items()
    cost, unpriced = sums[3], sums[6]
    assert (cost, unpriced) == (0, 1)


def test_a_blocked_call_counts_in_no_rate() -> None:
    rollups = roll_up([counted(policy_result="blocked"), counted()], NOW, as_it_is)
    assert rollups.recent == {(1, 1, NOW // SECOND_US): 1}
    assert total(list(rollups.daily.values()))[5] == 1


def test_the_rate_counts_the_last_minute_by_the_second() -> None:
    edge = NOW - RECENT_SECONDS * SECOND_US
    group = [counted(edge), counted(edge + 1), counted(NOW), counted(NOW + 1)]
    assert roll_up(group, NOW, as_it_is).recent == {
        (1, 1, edge // SECOND_US): 1,
        (1, 1, NOW // SECOND_US): 2,
    }
