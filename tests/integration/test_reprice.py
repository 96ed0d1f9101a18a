"""Calls are priced again by what holds now for their time; a stated cost stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.conftest import ServeWith
from tests.integration.doors import Tenancy, unique
from tests.integration.records import USAGE, ago, report_all, usage
from tests.integration.serving import Andon

REPRICE = "telemetry/reprice"
TOKENS = {"tokens_in": 1_000_000, "tokens_out": 1_000_000}
USD = 10**9
DAYS = {
    "period_start": str(datetime.now(UTC).date() - timedelta(days=20)),
    "period_end": str(datetime.now(UTC).date() + timedelta(days=1)),
}


def _price(tenant: Tenancy, model: str, usd: str, **fields: Any) -> str:
    body = {
        "provider": "acme",
        "model": model,
        "valid_from": "2020-01-01T00:00:00Z",
        "input_usd_per_mtok": usd,
        "output_usd_per_mtok": "0",
        **fields,
    }
    return str(tenant.admin.make("prices", body)["id"])


def _call(integration_id: str, model: str, **fields: Any) -> dict[str, Any]:
    return usage(integration_id, provider="acme", model=model, **TOKENS, **fields)


def _reprice(tenant: Tenancy, **asked: Any) -> Any:
    return tenant.admin.make(REPRICE, {**DAYS, **asked})


def _costs(tenant: Tenancy, **filters: Any) -> list[int | None]:
    return [item["cost_nanousd"] for item in tenant.admin.items(USAGE, **filters)]


def _total(tenant: Tenancy) -> tuple[int, int]:
    summary = tenant.admin.read("telemetry/usage-summary", **DAYS)
    return summary["total_cost_nanousd"], summary["unpriced_calls"]


def test_a_call_without_a_price_gets_the_one_that_came_late(tenant: Tenancy) -> None:
    integration_id, model = tenant.integrate(), unique("model")
    report_all(tenant.admin, [_call(integration_id, model), _call(integration_id, model)])
    assert _total(tenant) == (0, 2)
    price_id = _price(tenant, model, "3")
    dry = _reprice(tenant, dry_run=True)
    assert (dry["calls"], dry["changed"], dry["newly_priced"]) == (2, 2, 2)
    assert _costs(tenant) == [None, None]
    done = _reprice(tenant)
    assert {**done, "id": 0, "dry_run": True} == {**dry, "id": 0}
    assert (done["cost_before_nanousd"], done["cost_after_nanousd"]) == (0, 6 * USD)
    assert (done["cost_after_cents"], done["still_unpriced"]) == (600, 0)
    assert [(one["provider"], one["model"]) for one in done["by_model"]] == [("acme", model)]
    assert _costs(tenant) == [3 * USD, 3 * USD]
    assert {item["price_ref"] for item in tenant.admin.items(USAGE)} == {f"tenant:{price_id}"}
    assert tenant.admin.items(USAGE, unpriced=True) == []
    assert _total(tenant) == (6 * USD, 0)
    assert tenant.admin.make("verify")["balanced"]


def test_a_second_run_changes_nothing(tenant: Tenancy) -> None:
    integration_id, model = tenant.integrate(), unique("model")
    report_all(tenant.admin, [_call(integration_id, model)])
    _price(tenant, model, "3")
    _reprice(tenant)
    again = _reprice(tenant)
    assert (again["calls"], again["changed"]) == (1, 0)
    assert again["cost_before_nanousd"] == again["cost_after_nanousd"] == 3 * USD


def test_a_price_that_was_wrong_is_corrected_and_put_back(tenant: Tenancy) -> None:
    integration_id, model = tenant.integrate(), unique("model")
    first = _price(tenant, model, "3")
    report_all(tenant.admin, [_call(integration_id, model)])
    tenant.admin.ask("DELETE", f"prices/{first}")
    second = _price(tenant, model, "5")
    assert _reprice(tenant)["cost_after_nanousd"] == 5 * USD
    tenant.admin.ask("DELETE", f"prices/{second}")
    gone = _reprice(tenant)
    assert (gone["no_longer_priced"], gone["cost_after_nanousd"]) == (1, 0)
    assert _total(tenant) == (0, 1)
    assert tenant.admin.make("verify")["balanced"]


def test_each_call_goes_by_its_own_time(tenant: Tenancy) -> None:
    integration_id, model = tenant.integrate(), unique("model")
    times = [ago(days=10), ago(days=1)]
    report_all(tenant.admin, [_call(integration_id, model, occurred_at=at) for at in times])
    switch = (datetime.now(UTC) - timedelta(days=5)).replace(second=0, microsecond=0).isoformat()
    _price(tenant, model, "1", valid_until=switch)
    _price(tenant, model, "2", valid_from=switch)
    _reprice(tenant)
    assert sorted(cost or 0 for cost in _costs(tenant)) == [USD, 2 * USD]


def test_what_is_stated_free_or_voided_stays(tenant: Tenancy) -> None:
    integration_id, model = tenant.integrate(), unique("model")
    blocked = {"policy_result": "blocked", "tokens_in": 0, "tokens_out": 0}
    records = [
        _call(integration_id, model, cost_nanousd=7),
        usage(integration_id, provider="acme", model=model, **blocked),
        _call(integration_id, model, session_id="wrong"),
    ]
    report_all(tenant.admin, records)
    (wrong,) = tenant.admin.items(USAGE, session_id="wrong")
    tenant.admin.make(f"{USAGE}/{wrong['id']}/void", {"reason": "wrong"})
    _price(tenant, model, "3", usd_per_request="1")
    assert _reprice(tenant)["calls"] == 0
    assert _total(tenant) == (7, 0)


def test_only_what_was_asked_for_is_priced_again(tenant: Tenancy) -> None:
    models = [unique("model"), unique("model")]
    numbers = [tenant.integrate(), tenant.integrate()]
    report_all(tenant.admin, [_call(number, model) for number in numbers for model in models])
    report_all(tenant.admin, [_call(numbers[0], models[0], occurred_at=ago(days=25))])
    for model in models:
        _price(tenant, model, "3")
    one = _reprice(tenant, integration_id=numbers[0], model=models[0], provider="acme")
    assert (one["calls"], one["changed"]) == (1, 1)
    assert _reprice(tenant, provider="other")["calls"] == 0
    assert _reprice(tenant)["changed"] == 3
    assert _costs(tenant).count(None) == 1


def test_many_blocks_go_step_by_step(tenant: Tenancy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("andon.runtime.telemetry.repricing.STEP_RECORDS", 4)
    integration_id, model = tenant.integrate(), unique("model")
    for _ in range(5):
        report_all(tenant.admin, [_call(integration_id, model) for _ in range(3)])
    _price(tenant, model, "1")
    assert _reprice(tenant)["changed"] == 15
    assert _total(tenant) == (15 * USD, 0)


def test_the_audit_has_the_totals_and_a_dry_run_leaves_no_row(tenant: Tenancy) -> None:
    _reprice(tenant, dry_run=True)
    actions = [one["action"] for one in tenant.admin.items("audit/changes")]
    assert not [action for action in actions if action.startswith("reprice")]
    done = _reprice(tenant)
    finished, started = tenant.admin.items("audit/changes")[:2]
    assert (started["action"], finished["action"]) == ("reprice.started", "reprice.finished")
    assert started["object_id"] == finished["object_id"] == done["id"]
    assert finished["after"]["calls"] == 0


def test_an_admin_alone_may(tenant: Tenancy) -> None:
    assert tenant.door("operator").post(REPRICE, {}).status_code == 403
    unknown = tenant.admin.post(REPRICE, {"integration_id": "none"})
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_integration")


def test_names_that_were_folded_change_in_the_row_they_are_summed_in(
    serve_with: ServeWith,
) -> None:
    served: Andon = serve_with(models_per_day=1)
    tenant = served.tenant()
    integration_id = tenant.integrate()
    for model in ("first", "folded"):
        report_all(tenant.admin, [_call(integration_id, model)])
    _price(tenant, "folded", "3")
    _reprice(tenant)
    rows = tenant.admin.items("telemetry/daily-aggregates")
    costs = {row["model"]: (row["cost_nanousd"], row["unpriced"]) for row in rows}
    assert costs == {"first": (0, 1), "(other)": (3 * USD, 0)}
