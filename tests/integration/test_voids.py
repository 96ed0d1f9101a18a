"""A voided record stays where it is and counts nowhere."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2

from tests.integration.conftest import ServeWith
from tests.integration.doors import Door, Tenancy
from tests.integration.records import USAGE, report, report_all, usage

REASON = {"reason": "sent twice under two ids"}


def _reported(tenant: Tenancy, **fields: Any) -> dict[str, Any]:
    record = usage(tenant.integrate(), **fields)
    report_all(tenant.admin, [record])
    (found,) = tenant.admin.items(USAGE, call_id=record["call_id"])
    return dict(found)


def _void(door: Door, record_id: str, body: Any = REASON) -> httpx2.Response:
    return door.post(f"{USAGE}/{record_id}/void", body)


def _calls(tenant: Tenancy) -> int:
    return int(tenant.admin.read("telemetry/usage-summary")["total_calls"])


def test_it_counts_no_more_and_says_why(tenant: Tenancy) -> None:
    wrong = _reported(tenant, agent_id="a", error_message="it failed", latency_ms=7)
    kept = _reported(tenant, cost_nanousd=5)
    answer = _void(tenant.admin, wrong["id"])
    assert answer.status_code == 200
    told = answer.json()["voided"]
    assert told["reason"] == REASON["reason"]
    assert told["by"] == tenant.admin.principal_id
    listed = {item["id"]: item for item in tenant.admin.items(USAGE)}
    assert listed[wrong["id"]] == {**wrong, "voided": told}
    assert listed[kept["id"]]["voided"] is None
    summary = tenant.admin.read("telemetry/usage-summary")
    assert (summary["total_calls"], summary["total_cost_nanousd"]) == (1, 5)
    assert summary["error_count"] == 0
    for path in ("telemetry/daily-aggregates", "telemetry/usage-history?bucket=hour"):
        assert sum(row["calls"] for row in tenant.admin.items(path)) == 1


def test_twice_is_a_conflict_also_at_once(tenant: Tenancy) -> None:
    wrong = _reported(tenant)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: _void(tenant.admin, wrong["id"]), range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    again = _void(tenant.admin, wrong["id"])
    assert again.json()["code"] == "already_voided"
    assert _calls(tenant) == 0


def test_its_call_id_stays_taken(tenant: Tenancy) -> None:
    record = usage(tenant.integrate())
    report_all(tenant.admin, [record])
    (wrong,) = tenant.admin.items(USAGE)
    _void(tenant.admin, wrong["id"])
    assert report_all(tenant.admin, [record]) == (0, 1)
    assert _calls(tenant) == 0


def test_the_counter_entry_meets_the_row_that_the_record_was_counted_in(
    serve_with: ServeWith,
) -> None:
    served = serve_with(models_per_day=1)
    tenant = served.tenant()
    integration_id = tenant.integrate()
    for model in ("first", "folded", "first", "folded"):
        assert report(tenant.admin, usage(integration_id, model=model)).is_success
    for record in tenant.admin.items(USAGE, model="folded")[:1]:
        assert _void(tenant.admin, record["id"]).is_success
    rows = tenant.admin.items("telemetry/daily-aggregates")
    assert {row["model"]: row["calls"] for row in rows} == {"first": 2, "(other)": 1}


def test_what_is_no_record_of_the_tenant_is_absent(tenant: Tenancy) -> None:
    found = _reported(tenant)
    last = int(found["id"][-4:], 16)
    for record_id in ("nothing", found["id"][:-4] + f"{last ^ 1:04x}", "0" * 32):
        assert _void(tenant.admin, record_id).status_code == 404


def test_an_admin_alone_may_and_says_why(tenant: Tenancy) -> None:
    wrong = _reported(tenant)
    assert _void(tenant.door("operator"), wrong["id"]).status_code == 403
    assert _void(tenant.admin, wrong["id"], {}).status_code == 422
    assert _void(tenant.admin, wrong["id"], {"reason": ""}).status_code == 422
    assert _calls(tenant) == 1


def test_the_audit_has_it(tenant: Tenancy) -> None:
    wrong = _reported(tenant)
    _void(tenant.admin, wrong["id"])
    change = tenant.admin.read("audit/changes")["items"][0]
    assert (change["action"], change["object_id"]) == ("usage.voided", wrong["id"])
    assert change["before"]["call_id"] == wrong["call_id"]
    assert change["after"]["reason"] == REASON["reason"]
