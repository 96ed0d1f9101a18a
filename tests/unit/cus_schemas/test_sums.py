"""Sums, limits and health as they are answered: twins of money, computed percentages."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from andon.schemas.cus_schemas import (
    CusHealthCheckResponse,
    CusIntegrationUsage,
    CusLimitsStatus,
    CusUsageSummary,
)

PERIOD = {"period_start": date(2026, 1, 1), "period_end": date(2026, 1, 31)}
SUMMARY: dict[str, Any] = {
    "tenant_id": "default",
    **PERIOD,
    "total_calls": 2,
    "total_tokens_in": 20,
    "total_tokens_out": 5,
    "error_count": 0,
    "blocked_count": 0,
}
LIMITS: dict[str, Any] = {
    "integration_id": "int_1",
    "integration_name": "main",
    "budget_limit_cents": 200,
    "budget_used_cents": 50,
    "token_limit_month": 1000,
    "tokens_used_month": 100,
    "rate_limit_rpm": 60,
    "current_rpm": 6,
    **PERIOD,
}


def test_the_listed_fields_suffice() -> None:
    summary = CusUsageSummary(**SUMMARY, total_cost_cents=7)
    assert summary.total_cost_nanousd == 70_000_000
    assert (summary.avg_latency_ms, summary.by_integration) == (None, None)


def test_sums_of_integrations_have_twins_of_their_own() -> None:
    usage = CusIntegrationUsage(
        integration_id="int_1",
        integration_name="main",
        provider_type="openai",
        total_calls=1,
        total_tokens=2,
        total_cost_cents=3,
        error_count=0,
    )
    summary = CusUsageSummary(**SUMMARY, total_cost_cents=3, by_integration=[usage])
    assert summary.model_dump(mode="json")["by_integration"][0]["total_cost_nanousd"] == 30_000_000


HALF_CENTS = st.integers(-(10**9), 10**9).map(lambda halves: halves * 5_000_000)


@given(st.integers(-(10**18), 10**18) | HALF_CENTS)
def test_cents_are_nano_dollars_rounded_once_half_to_even(nanousd: int) -> None:
    summary = CusUsageSummary(**SUMMARY, total_cost_nanousd=nanousd)
    exact = Decimal(nanousd).scaleb(-7).quantize(Decimal(1), ROUND_HALF_EVEN)
    assert summary.total_cost_cents == int(exact)
    assert summary.total_cost_nanousd == nanousd


def test_a_million_calls_of_a_hundredth_of_a_cent_are_ten_thousand_cents() -> None:
    summary = CusUsageSummary(**SUMMARY, total_cost_nanousd=1_000_000 * 100_000)
    assert summary.total_cost_cents == 10_000


def test_two_sides_that_disagree_are_refused() -> None:
    with pytest.raises(ValidationError) as caught:
        CusUsageSummary(**SUMMARY, total_cost_cents=1, total_cost_nanousd=70_000_000)
    assert caught.value.errors()[0]["type"] == "cost_mismatch"


def test_percentages_are_computed() -> None:
    status = CusLimitsStatus(**LIMITS)
    assert (status.budget_percent, status.token_percent, status.rate_percent) == (25.0, 10.0, 10.0)
    assert status.budget_used_nanousd == 500_000_000


def test_percentages_are_not_taken_from_outside() -> None:
    assert CusLimitsStatus(**LIMITS, budget_percent=99).budget_percent == 25.0


def test_a_fraction_of_a_cent_counts_in_the_percentage() -> None:
    fields = {**LIMITS, "budget_limit_cents": 1, "budget_used_cents": 0}
    assert CusLimitsStatus(**fields, budget_used_nanousd=4_000_000).budget_percent == 40.0


@given(st.integers(-10, 10**18), st.integers(0, 10**12))
def test_percentages_stay_between_0_and_100_and_unlimited_is_0(used: int, limit: int) -> None:
    fields = {**LIMITS, "tokens_used_month": used, "token_limit_month": limit}
    percent = CusLimitsStatus(**fields).token_percent
    assert 0.0 <= percent <= 100.0
    if limit == 0:
        assert percent == 0.0


def test_an_answer_is_read_back_as_it_was_written() -> None:
    status = CusLimitsStatus(**LIMITS)
    assert CusLimitsStatus.model_validate_json(status.model_dump_json()) == status
    assert {"budget_percent", "token_percent", "rate_percent"} <= set(status.model_dump())


def test_a_health_check_may_have_nothing_more_to_say() -> None:
    checked = CusHealthCheckResponse(
        integration_id="int_1", health_state="healthy", checked_at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    assert (checked.message, checked.latency_ms) == (None, None)
