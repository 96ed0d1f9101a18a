"""When a usage record is in time, and when two reports are of the same call or contradict."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.engines.telemetry import (
    DAY_US,
    SECOND_US,
    Timing,
    content_base,
    contents_of,
    have_failed,
    is_conflict,
    judge_time,
    keys_of,
)
from tests.unit.engines.reports import Report

NOW = 1_790_000_000_000_000
AGREED = Report()
CONTENT = -8192442945571167464
KEY = "4f44b7489b4c6e9d2dd166cdff1e4546"


def judge(occurred_us: int, **given: bool) -> Timing:
    return judge_time(
        occurred_us,
        NOW,
        horizon_days=35,
        tolerance_seconds=300,
        has_import=given.get("has_import", False),
        may_backfill=given.get("may_backfill", False),
    )


@pytest.mark.parametrize("occurred_us", [NOW, NOW - 35 * DAY_US, NOW + 300 * SECOND_US])
def test_a_call_inside_the_horizon_is_in_time(occurred_us: int) -> None:
    assert judge(occurred_us) == Timing(None, "", False)


def test_a_clock_that_runs_ahead_is_told() -> None:
    timing = judge(NOW + 300 * SECOND_US + 1, has_import=True, may_backfill=True)
    assert timing.refusal == "occurred_at_in_future"
    assert "300 seconds" in timing.message


@pytest.mark.parametrize(
    ("has_import", "may_backfill", "refusal"),
    [
        (False, False, "backfill_not_allowed"),
        (True, False, "backfill_not_allowed"),
        (False, True, "backfill_needs_import"),
        (True, True, None),
    ],
)
def test_a_call_before_the_horizon_needs_a_right_and_an_import(
    has_import: bool, may_backfill: bool, refusal: str | None
) -> None:
    timing = judge(NOW - 35 * DAY_US - 1, has_import=has_import, may_backfill=may_backfill)
    assert timing.refusal == refusal
    assert timing.is_backfill


@given(st.integers(min_value=-(10**17), max_value=10**17), st.booleans(), st.booleans())
def test_every_time_has_one_answer(offset_us: int, has_import: bool, may_backfill: bool) -> None:
    timing = judge(NOW + offset_us, has_import=has_import, may_backfill=may_backfill)
    in_time = -35 * DAY_US <= offset_us <= 300 * SECOND_US
    assert (timing == Timing(None, "", False)) is in_time
    assert (timing.refusal is None) is (in_time or (offset_us < 0 and has_import and may_backfill))


def content_of(report: Report, integration: int) -> int:
    base = content_base(integration, report.provider, report.model)
    counts = (np.array([n], np.int64) for n in (report.tokens_in, report.tokens_out))
    return int(contents_of(np.array([base], np.uint64), *counts)[0])


@given(st.text(max_size=100), st.text(max_size=100))
def test_a_call_id_has_a_key_of_its_own(one: str, other: str) -> None:
    keys = keys_of(1, [one, other])
    assert [len(key) for key in keys] == [16, 16]
    assert (keys[0] == keys[1]) is (one == other)


@given(st.text(max_size=20), st.integers(min_value=1, max_value=30))
def test_two_tenants_never_share_a_key(call_id: str, tenant: int) -> None:
    # "1" and "2\x003" must not be what "12" and "3" are: the tenant ends with a mark.
    assert keys_of(tenant, [call_id]) != keys_of(tenant + 1, [call_id])
    assert keys_of(1, ["2\0" + call_id]) != keys_of(12, [call_id])


COUNTS = st.integers(min_value=0, max_value=10**9)


@given(COUNTS, COUNTS, COUNTS)
def test_another_count_is_always_another_content(tokens_in: int, out: int, other: int) -> None:
    first = content_of(Report(tokens_in=tokens_in, tokens_out=out), 7)
    assert (content_of(Report(tokens_in=other, tokens_out=out), 7) == first) is (other == tokens_in)
    assert (content_of(Report(tokens_in=tokens_in, tokens_out=other), 7) == first) is (other == out)


def test_a_content_stays_the_same_from_release_to_release() -> None:
    assert content_of(AGREED, 7) == CONTENT
    assert keys_of(1, ["call-1"])[0].hex() == KEY


@pytest.mark.parametrize(
    "changed",
    [
        {"provider": "azure"},
        {"model": "gpt-4o-mini"},
        {"tokens_in": 1201},
        {"tokens_out": 0},
        {"tokens_in": 300, "tokens_out": 1200},
    ],
)
def test_reports_that_differ_in_what_is_billed_contradict(changed: dict[str, Any]) -> None:
    again = replace(AGREED, **changed)
    assert is_conflict(content_of(AGREED, 7), content_of(again, 7), None, None)


def test_another_integration_contradicts() -> None:
    assert is_conflict(content_of(AGREED, 7), content_of(AGREED, 8), None, None)


@pytest.mark.parametrize(
    "changed",
    [
        {"agent_id": "agent"},
        {"latency_ms": 5},
        {"error_code": "timeout"},
        {"status_code": 500},
        {"policy_result": "warned"},
    ],
)
def test_reports_may_differ_in_what_reporters_see_differently(changed: dict[str, Any]) -> None:
    again = replace(AGREED, **changed)
    assert not is_conflict(content_of(AGREED, 7), content_of(again, 7), None, None)


@pytest.mark.parametrize(
    ("first", "again", "conflict"),
    [(None, None, False), (5, 5, False), (5, None, False), (None, 5, False), (0, 5, True)],
)
def test_only_two_stated_costs_can_contradict(
    first: int | None, again: int | None, conflict: bool
) -> None:
    content = content_of(AGREED, 7)
    assert is_conflict(content, content, first, again) is conflict


@pytest.mark.parametrize(
    ("given", "failed"),
    [
        ({}, False),
        ({"status_code": 200}, False),
        ({"status_code": 399}, False),
        ({"status_code": 400}, True),
        ({"status_code": 529}, True),
        ({"error_code": "timeout"}, True),
        ({"error_class": "APITimeoutError"}, True),
        ({"error_message": "no answer"}, True),
    ],
)
def test_a_call_failed_when_something_says_so(given: dict[str, Any], failed: bool) -> None:
    names = ("error_code", "error_class", "error_message", "status_code")
    asked = [given.get(name) for name in names]
    both = have_failed(*([value, None] for value in asked))
    assert both.tolist() == [failed, False]
