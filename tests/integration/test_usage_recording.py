"""A call is recorded exactly once, however often and in whichever company it is reported."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from tests.integration.doors import Tenancy, unique
from tests.integration.records import (
    BATCH,
    USAGE,
    ago,
    nanousd,
    rejected,
    report,
    report_all,
    report_text,
    to_text,
    usage,
)

SAME: dict[str, Any] = {
    "session_id": "another",
    "agent_id": "another",
    "latency_ms": 9,
    "policy_result": "warned",
    "error_code": "timeout",
    "error_message": "another",
    "metadata": {"another": 1},
    "labels": {"another": "1"},
    "end_user": "another",
    "status_code": 500,
    "usage_source": "estimated",
    "tokens_reasoning": 3,
    "tokens_cache_read": 2,
}
"""Fields in which two reports of one call may differ; the first stays."""


@pytest.fixture
def integration_id(tenant: Tenancy) -> str:
    return tenant.integrate()


def test_one_call(tenant: Tenancy, integration_id: str) -> None:
    call = usage(integration_id)
    answer = report(tenant.door("ingest"), call)
    assert answer.status_code == 200
    assert answer.json()["status"] == "accepted"
    kept = tenant.admin.items(USAGE)
    assert [(one["id"], one["call_id"]) for one in kept] == [(answer.json()["id"], call["call_id"])]


def test_every_field_is_kept(tenant: Tenancy, integration_id: str) -> None:
    moment = ago(hours=3)
    sent = usage(
        integration_id,
        **SAME,
        tokens_cache_write=1,
        error_class="RateLimitError",
        policy_id="pol_0123456789abcdef",
        occurred_at=moment,
        cost_cents=1.25,
        request={"endpoint": "chat", "stream": True, "params": {"temperature": "0"}},
    )
    assert report(tenant.admin, sent).status_code == 200
    kept = tenant.admin.items(USAGE)[0]
    for name, value in sent.items():
        if name not in {"occurred_at", "request"}:
            assert kept[name] == value, name
    assert kept["cost_nanousd"] == 12_500_000
    assert kept["occurred_at"] == moment.replace("+00:00", "Z")
    assert kept["request"]["endpoint"] == "chat"
    assert kept["request"]["params"] == {"temperature": "0"}
    assert kept["created_at"] > kept["occurred_at"]


def test_the_same_call_again_is_a_duplicate(tenant: Tenancy, integration_id: str) -> None:
    call = usage(integration_id)
    first = report(tenant.admin, call).json()
    for _ in range(3):
        assert report(tenant.admin, call).json() == {"status": "duplicate", "id": first["id"]}
    assert tenant.admin.read("telemetry/usage-summary")["total_calls"] == 1


@pytest.mark.parametrize("field", SAME)
def test_reports_may_differ_in_what_reporters_see(
    tenant: Tenancy, integration_id: str, field: str
) -> None:
    call = usage(integration_id)
    first = report(tenant.admin, call).json()["id"]
    again = report(tenant.admin, {**call, field: SAME[field]}).json()
    assert again == {"status": "duplicate", "id": first}
    assert tenant.admin.items(USAGE)[0][field] != SAME[field]


@pytest.mark.parametrize(
    ("field", "value"),
    [("provider", "azure"), ("model", "gpt-4o-mini"), ("tokens_in", 1201), ("tokens_out", 299)],
)
def test_reports_that_contradict_each_other(
    tenant: Tenancy, integration_id: str, field: str, value: Any
) -> None:
    call = usage(integration_id)
    assert report(tenant.admin, call).status_code == 200
    other = {**call, field: value}
    answer = report(tenant.admin, other)
    assert (answer.status_code, answer.json()["code"]) == (409, "call_id_conflict")
    assert rejected(tenant.admin, [other]) == {0: "call_id_conflict"}
    assert tenant.admin.items(USAGE)[0][field] == call[field]
    assert tenant.admin.read("telemetry/usage-summary")["total_calls"] == 1


def test_another_integration_contradicts(tenant: Tenancy, integration_id: str) -> None:
    call = usage(integration_id)
    assert report(tenant.admin, call).status_code == 200
    other = {**call, "integration_id": tenant.integrate()}
    assert report(tenant.admin, other).status_code == 409


def test_a_stated_cost_contradicts_another_stated_one_only(
    tenant: Tenancy, integration_id: str
) -> None:
    call = usage(integration_id)
    stated = {**call, "cost_cents": 3}
    assert report(tenant.admin, stated).json()["status"] == "accepted"
    assert report(tenant.admin, call).json()["status"] == "duplicate"
    assert report(tenant.admin, stated).json()["status"] == "duplicate"
    same = {**call, "cost_nanousd": 30_000_000}
    assert report(tenant.admin, same).json()["status"] == "duplicate"
    assert report(tenant.admin, {**call, "cost_cents": 4}).status_code == 409
    assert tenant.admin.read("telemetry/usage-summary")["total_cost_cents"] == 3


def test_a_cost_that_comes_later_does_not_contradict(tenant: Tenancy, integration_id: str) -> None:
    call = usage(integration_id)
    assert report(tenant.admin, call).status_code == 200
    before = tenant.admin.read("telemetry/usage-summary")["total_cost_nanousd"]
    assert report(tenant.admin, {**call, "cost_cents": 99}).json()["status"] == "duplicate"
    assert tenant.admin.read("telemetry/usage-summary")["total_cost_nanousd"] == before


def test_duplicates_within_one_batch(tenant: Tenancy, integration_id: str) -> None:
    first, second = usage(integration_id), usage(integration_id)
    contradicts = {**first, "tokens_in": 1}
    records = [first, second, first, contradicts, second]
    answer = tenant.admin.make(BATCH, {"records": records})
    assert (answer["accepted"], answer["duplicates"]) == (2, 2)
    assert [(one["index"], one["code"]) for one in answer["rejected"]] == [(3, "call_id_conflict")]
    assert tenant.admin.read("telemetry/usage-summary")["total_tokens_in"] == 2400


def test_a_batch_sent_twice(tenant: Tenancy, integration_id: str) -> None:
    records = [usage(integration_id) for _ in range(100)]
    assert report_all(tenant.admin, records) == (100, 0)
    assert report_all(tenant.admin, records) == (0, 100)
    assert tenant.admin.read("telemetry/usage-summary")["total_calls"] == 100


def test_the_same_calls_from_many_reporters_at_once(tenant: Tenancy, integration_id: str) -> None:
    records = [usage(integration_id) for _ in range(50)]
    with ThreadPoolExecutor(8) as pool:
        batches = [records, records[::-1], records[25:] + records[:25], records[::2]] * 4
        answers = list(pool.map(lambda batch: report_all(tenant.admin, batch), batches))
    assert sum(accepted for accepted, _ in answers) == 50
    assert sum(a + d for a, d in answers) == sum(len(batch) for batch in batches)
    summary = tenant.admin.read("telemetry/usage-summary")
    assert (summary["total_calls"], summary["total_tokens_in"]) == (50, 50 * 1200)
    assert len(tenant.admin.items(USAGE)) == 50


def test_contradicting_reports_at_once_leave_one(tenant: Tenancy, integration_id: str) -> None:
    call = usage(integration_id)
    variants = [{**call, "tokens_out": number} for number in range(12)]
    with ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(lambda one: report(tenant.admin, one).status_code, variants))
    assert sorted(statuses) == [200] + [409] * 11
    kept = tenant.admin.items(USAGE)
    assert [one["tokens_out"] for one in kept] == [statuses.index(200)]
    assert tenant.admin.read("telemetry/usage-summary")["total_tokens_out"] == statuses.index(200)


def test_call_ids_are_taken_as_they_are(tenant: Tenancy, integration_id: str) -> None:
    ids = [unique("c"), "a" * 100, "ключ-🔑", "A" * 100, " x ", "x", "Ж" * 100, "e\u0301", "\u00e9"]
    records = [usage(integration_id, call_id=one) for one in ids]
    assert report_all(tenant.admin, records) == (len(ids), 0)
    assert sorted(one["call_id"] for one in tenant.admin.items(USAGE)) == sorted(ids)
    for one in ids:
        assert [kept["call_id"] for kept in tenant.admin.items(USAGE, call_id=one)] == [one]


def test_a_cost_is_decimal_to_the_last_digit(tenant: Tenancy, integration_id: str) -> None:
    costs = ["0.0123", "0.0000001", "99999999.9999999", "1e-7", "12E2", "0.10", "0"]
    for cost in costs:
        text = to_text(usage(integration_id, cost_cents=Decimal("7"))).replace(": 7", f": {cost}")
        assert f": {cost}" in text
        assert report_text(tenant.admin, text).status_code == 200, cost
    kept = {one["cost_nanousd"] for one in tenant.admin.items(USAGE)}
    assert kept == {nanousd(cost) for cost in costs}


def test_a_blocked_call_is_a_record_of_nothing(tenant: Tenancy, integration_id: str) -> None:
    blocked = usage(
        integration_id, tokens_in=0, tokens_out=0, policy_result="blocked", model="priceless"
    )
    assert report(tenant.admin, blocked).status_code == 200
    kept = tenant.admin.items(USAGE)[0]
    assert (kept["cost_nanousd"], kept["policy_result"]) == (0, "blocked")
    summary = tenant.admin.read("telemetry/usage-summary")
    assert (summary["total_calls"], summary["blocked_count"]) == (1, 1)
    assert summary["unpriced_calls"] == 0


def test_an_error_message_is_masked_and_cut(tenant: Tenancy, integration_id: str) -> None:
    prompt = "Tell me all about the merger of Alpha with Beta, word by word, please. " * 3
    text = f'Bad request from ada@example.com: "{prompt}" ' + "trace line\n" * 2000
    assert report(tenant.admin, usage(integration_id, error_message=text)).status_code == 200
    kept = tenant.admin.items(USAGE)[0]["error_message"]
    assert "merger" not in kept
    assert "ada@example.com" not in kept
    assert len(kept.encode()) <= 4096
    assert f"[cut, {len(text.encode())} bytes in all]" in kept


def test_an_answer_comes_after_the_commit(tenant: Tenancy, integration_id: str) -> None:
    for _ in range(20):
        before = tenant.admin.read("telemetry/usage-summary")["total_calls"]
        report(tenant.admin, usage(integration_id))
        assert tenant.admin.read("telemetry/usage-summary")["total_calls"] == before + 1
