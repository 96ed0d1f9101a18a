"""Limits of an integration: what is used of budget, tokens and requests per minute."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.doors import Tenancy
from tests.integration.records import NANOUSD_PER_CENT, ago, report_all, usage


def _limits(tenant: Tenancy, integration_id: str) -> dict[str, Any]:
    found: dict[str, Any] = tenant.admin.read(f"integrations/{integration_id}/limits")
    return found


def test_nothing_used_of_nothing_limited(tenant: Tenancy) -> None:
    integration_id = tenant.integrate(name="mine")
    limits = _limits(tenant, integration_id)
    assert limits["integration_id"] == integration_id
    assert limits["integration_name"] == "mine"
    for name in ("budget_limit_cents", "token_limit_month", "rate_limit_rpm"):
        assert limits[name] == 0
    for name in ("budget_used_cents", "tokens_used_month", "current_rpm"):
        assert limits[name] == 0
    for name in ("budget_percent", "token_percent", "rate_percent"):
        assert limits[name] == 0


def test_numbers_of_what_is_used(tenant: Tenancy) -> None:
    integration_id = tenant.integrate(
        budget_limit_cents=1000, token_limit_month=10_000, rate_limit_rpm=20
    )
    report_all(
        tenant.admin,
        [usage(integration_id, cost_cents=25, tokens_in=400, tokens_out=100) for _ in range(5)],
    )
    limits = _limits(tenant, integration_id)
    assert limits["budget_used_cents"] == 125
    assert limits["budget_used_nanousd"] == 125 * NANOUSD_PER_CENT
    assert limits["budget_percent"] == 12.5
    assert limits["tokens_used_month"] == 2500
    assert limits["token_percent"] == 25
    assert limits["current_rpm"] == 5
    assert limits["rate_percent"] == 25


def test_percentages_stop_at_a_hundred(tenant: Tenancy) -> None:
    integration_id = tenant.integrate(budget_limit_cents=1, token_limit_month=1, rate_limit_rpm=1)
    report_all(tenant.admin, [usage(integration_id, cost_cents=50) for _ in range(3)])
    limits = _limits(tenant, integration_id)
    assert limits["budget_used_cents"] == 150
    for name in ("budget_percent", "token_percent", "rate_percent"):
        assert limits[name] == 100


def test_usage_of_another_integration_does_not_count(tenant: Tenancy) -> None:
    first, second = tenant.integrate(), tenant.integrate()
    report_all(tenant.admin, [usage(first, cost_cents=5)])
    assert _limits(tenant, second)["budget_used_cents"] == 0


def test_a_blocked_call_counts_in_no_limit(tenant: Tenancy) -> None:
    integration_id = tenant.integrate(rate_limit_rpm=10)
    blocked = usage(integration_id, tokens_in=0, tokens_out=0, policy_result="blocked")
    report_all(tenant.admin, [blocked, usage(integration_id, cost_cents=2)])
    limits = _limits(tenant, integration_id)
    assert limits["current_rpm"] == 1
    assert limits["budget_used_cents"] == 2
    assert limits["tokens_used_month"] == 1500
    summary = tenant.admin.read("telemetry/usage-summary")
    assert (summary["total_calls"], summary["blocked_count"]) == (2, 1)


def test_the_rate_is_of_the_last_minute(tenant: Tenancy) -> None:
    integration_id = tenant.integrate(rate_limit_rpm=100)
    older = [usage(integration_id, occurred_at=ago(seconds=s)) for s in (61, 120, 3600)]
    recent = [usage(integration_id, occurred_at=ago(seconds=s)) for s in (0, 10, 30)]
    report_all(tenant.admin, older + recent)
    assert _limits(tenant, integration_id)["current_rpm"] == 3


def test_a_duplicate_counts_once_in_every_limit(tenant: Tenancy) -> None:
    integration_id = tenant.integrate(rate_limit_rpm=10)
    call = usage(integration_id, cost_cents=3)
    report_all(tenant.admin, [call])
    report_all(tenant.admin, [call, call])
    limits = _limits(tenant, integration_id)
    assert (limits["budget_used_cents"], limits["current_rpm"]) == (3, 1)


def test_a_backfill_counts_in_its_own_month(tenant: Tenancy) -> None:
    integration_id = tenant.integrate(budget_limit_cents=100)
    import_id = tenant.admin.make("imports")["id"]
    moment = ago(days=70)
    report_all(
        tenant.admin,
        [usage(integration_id, occurred_at=moment, cost_cents=40)],
        import_id=import_id,
    )
    limits = _limits(tenant, integration_id)
    assert (limits["budget_used_cents"], limits["current_rpm"]) == (0, 0)
    asked = {"period_start": moment[:10], "period_end": moment[:10]}
    assert tenant.admin.read("telemetry/usage-summary", **asked)["total_cost_cents"] == 40


def test_unpriced_calls_count_their_tokens(tenant: Tenancy) -> None:
    integration_id = tenant.integrate(budget_limit_cents=100, token_limit_month=3000)
    report_all(tenant.admin, [usage(integration_id, model="no-such-model")])
    limits = _limits(tenant, integration_id)
    assert limits["budget_used_cents"] == 0
    assert limits["token_percent"] == 50


@pytest.mark.parametrize("field", ["budget_limit_cents", "token_limit_month", "rate_limit_rpm"])
def test_a_limit_that_is_changed_holds_at_once(tenant: Tenancy, field: str) -> None:
    integration_id = tenant.integrate()
    tenant.admin.ask("PATCH", f"integrations/{integration_id}", json={field: 50})
    assert _limits(tenant, integration_id)[field] == 50
