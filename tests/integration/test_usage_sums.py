"""What usage sums to: summary, days, hours and single records agree to the nano-dollar."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.integration.doors import Door, Tenancy, unique
from tests.integration.records import (
    BATCH,
    NANOUSD_PER_CENT,
    USAGE,
    Record,
    nanousd,
    report,
    report_all,
    report_text,
    rounded_cents,
    to_text,
    usage,
)
from tests.integration.serving import Andon

SUMS = ("calls", "tokens_in", "tokens_out", "cost_nanousd", "errors", "blocked", "unpriced")


def _send_exact(door: Door, records: list[Record]) -> None:
    for start in range(0, len(records), 100):
        part = ",".join(to_text(one) for one in records[start : start + 100])
        answer = report_text(door, f'{{"records":[{part}]}}', BATCH).json()
        assert answer == {
            "accepted": len(records[start : start + 100]),
            "duplicates": 0,
            "rejected": [],
        }


def test_ten_thousand_calls_of_a_fraction_of_a_cent(tenant: Tenancy) -> None:
    integration_id = tenant.integrate()
    report_all(tenant.admin, [usage(integration_id, cost_cents=0.0123) for _ in range(10_000)])
    summary = tenant.admin.read("telemetry/usage-summary")
    assert summary["total_calls"] == 10_000
    assert summary["total_cost_cents"] == 123
    assert summary["total_cost_nanousd"] == 123 * NANOUSD_PER_CENT


@pytest.mark.parametrize(
    ("nanos", "cents"),
    [(4_999_999, 0), (5_000_000, 0), (5_000_001, 1), (15_000_000, 2), (25_000_000, 2)],
)
def test_cents_are_rounded_once_half_to_even(tenant: Tenancy, nanos: int, cents: int) -> None:
    integration_id = tenant.integrate()
    half = nanos // 2
    parts = [half, nanos - half]
    report_all(tenant.admin, [usage(integration_id, cost_nanousd=part) for part in parts])
    summary = tenant.admin.read("telemetry/usage-summary")
    assert (summary["total_cost_nanousd"], summary["total_cost_cents"]) == (nanos, cents)
    assert summary["by_integration"][0]["total_cost_cents"] == cents


def _random_records(seed: int, integrations: list[str]) -> list[Record]:
    rng = random.Random(seed)
    now = datetime.now(UTC)
    records = []
    for _ in range(rng.randint(250, 350)):
        record = usage(
            rng.choice(integrations),
            model=rng.choice(["gpt-4o", "no-such-model", "gpt-4o-mini"]),
            agent_id=rng.choice([None, "ada", "bob", "ключ"]),
            tokens_in=rng.choice([0, 1, rng.randint(0, 10**9)]),
            tokens_out=rng.randint(0, 10**6),
            latency_ms=rng.choice([None, 0, rng.randint(1, 10**5)]),
            error_code=rng.choice([None, None, "timeout"]),
            status_code=rng.choice([None, 200, 429]),
            policy_result=rng.choice(["allowed", "warned"]),
            occurred_at=(now - timedelta(seconds=rng.randint(0, 20 * 86400))).isoformat(),
        )
        stated = rng.choice(["cents", "nanousd", "both"])
        cost = Decimal(rng.randint(0, 10**15)).scaleb(-rng.choice([7, 7, 10]))
        cost = cost.quantize(Decimal("1e-7")) % 10**8
        if stated in {"cents", "both"}:
            record["cost_cents"] = cost
        if stated in {"nanousd", "both"}:
            record["cost_nanousd"] = nanousd(cost)
        records.append(record)
    blocked = {"tokens_in": 0, "tokens_out": 0, "policy_result": "blocked"}
    return records + [usage(rng.choice(integrations), **blocked) for _ in range(20)]


def _cost(record: Record) -> int:
    if "cost_nanousd" in record:
        return int(record["cost_nanousd"])
    return nanousd(record["cost_cents"]) if "cost_cents" in record else 0


def _expected(records: Iterable[Record]) -> dict[str, int]:
    chosen = list(records)
    failed = [
        one for one in chosen if one.get("error_code") or (one.get("status_code") or 0) >= 400
    ]
    return {
        "calls": len(chosen),
        "tokens_in": sum(one["tokens_in"] for one in chosen),
        "tokens_out": sum(one["tokens_out"] for one in chosen),
        "cost_nanousd": sum(_cost(one) for one in chosen),
        "errors": len(failed),
        "blocked": sum(one.get("policy_result") == "blocked" for one in chosen),
        "unpriced": 0,
    }


def _total(rows: Iterable[dict[str, Any]]) -> dict[str, int]:
    sums = dict.fromkeys(SUMS, 0)
    for row in rows:
        for name in SUMS:
            sums[name] += row[name]
        assert row["cost_cents"] == rounded_cents(row["cost_nanousd"])
    return sums


@pytest.mark.parametrize("seed", [1, 2])
def test_every_view_agrees_with_the_records(tenant: Tenancy, seed: int) -> None:
    integrations = [tenant.integrate() for _ in range(3)]
    records = _random_records(seed, integrations)
    _send_exact(tenant.admin, records)
    period = {
        "period_start": (datetime.now(UTC) - timedelta(days=25)).date().isoformat(),
        "period_end": (datetime.now(UTC) + timedelta(days=1)).date().isoformat(),
    }
    expected = _expected(records)

    summary = tenant.admin.read("telemetry/usage-summary", **period)
    _check_summary(summary, records, expected)
    daily = tenant.admin.items("telemetry/daily-aggregates", limit=50, **period)
    assert _total(daily) == expected
    for bucket in ("day", "hour"):
        path = "telemetry/usage-history"
        rows = tenant.admin.items(path, bucket=bucket, limit=7, **period)
        assert _total(rows) == expected, bucket
        starts = [row["bucket_start"] for row in rows]
        assert starts == sorted(set(starts))

    _check_single(tenant.admin.items(USAGE, limit=100), records)
    _check_days(daily, records)
    _check_filters(tenant.admin, records, period)


def _check_summary(summary: dict[str, Any], records: list[Record], expected: Any) -> None:
    assert summary["total_calls"] == expected["calls"]
    assert summary["total_tokens_in"] == expected["tokens_in"]
    assert summary["total_tokens_out"] == expected["tokens_out"]
    assert summary["total_cost_nanousd"] == expected["cost_nanousd"]
    assert summary["total_cost_cents"] == rounded_cents(expected["cost_nanousd"])
    assert summary["error_count"] == expected["errors"]
    assert summary["blocked_count"] == expected["blocked"]
    timed = [one["latency_ms"] for one in records if one.get("latency_ms") is not None]
    assert summary["avg_latency_ms"] == pytest.approx(sum(timed) / len(timed))
    for one in summary["by_integration"]:
        own = [r for r in records if r["integration_id"] == one["integration_id"]]
        sums = _expected(own)
        assert one["total_calls"] == sums["calls"]
        assert one["total_tokens"] == sums["tokens_in"] + sums["tokens_out"]
        assert one["total_cost_nanousd"] == sums["cost_nanousd"]
        assert one["error_count"] == sums["errors"]


def _check_single(kept: list[dict[str, Any]], records: list[Record]) -> None:
    sent = {one["call_id"]: one for one in records}
    assert len(kept) == len(records)
    assert {one["call_id"] for one in kept} == set(sent)
    for one in kept:
        assert one["cost_nanousd"] == _cost(sent[one["call_id"]])
        exact = Decimal(str(one["cost_cents"])) * NANOUSD_PER_CENT
        assert exact == one["cost_nanousd"]


def _check_days(daily: list[dict[str, Any]], records: list[Record]) -> None:
    keys = [(row["date"], row["integration_id"], row["agent_id"], row["model"]) for row in daily]
    assert len(set(keys)) == len(keys)
    for row, key in zip(daily, keys, strict=True):
        own = [one for one in records if _daily_key(one) == key]
        assert {name: row[name] for name in SUMS} == _expected(own), key


def _daily_key(record: Record) -> tuple[str, str, str | None, str]:
    moment = record.get("occurred_at") or datetime.now(UTC).isoformat()
    day: date = datetime.fromisoformat(moment).date()
    return (day.isoformat(), record["integration_id"], record.get("agent_id"), record["model"])


def _check_filters(door: Door, records: list[Record], period: dict[str, str]) -> None:
    one = records[0]["integration_id"]
    for name, value in [("integration_id", one), ("model", "gpt-4o"), ("agent_id", "ключ")]:
        own = _expected(r for r in records if r.get(name) == value)
        daily = door.items("telemetry/daily-aggregates", **{name: value}, **period)
        history = door.items("telemetry/usage-history", **{name: value}, **period)
        single = door.items(USAGE, limit=30, **{name: value})
        assert _total(daily) == _total(history) == own, name
        assert len(single) == own["calls"], name


def test_no_latency_is_no_average(tenant: Tenancy) -> None:
    integration_id = tenant.integrate()
    report_all(tenant.admin, [usage(integration_id)])
    assert tenant.admin.read("telemetry/usage-summary")["avg_latency_ms"] is None
    report_all(tenant.admin, [usage(integration_id, latency_ms=ms) for ms in (0, 30)])
    assert tenant.admin.read("telemetry/usage-summary")["avg_latency_ms"] == 15


def test_a_tenant_without_usage_sums_to_nothing(tenant: Tenancy) -> None:
    summary = tenant.admin.read("telemetry/usage-summary")
    assert summary["total_calls"] == summary["total_cost_cents"] == 0
    assert summary["by_integration"] == []
    assert tenant.admin.items("telemetry/daily-aggregates") == []


def test_calls_without_a_price_are_counted(andon: Andon, tenant: Tenancy) -> None:
    before = andon.meter("andon_usage_records_unpriced_total")
    calls = [usage(tenant.integrate(), model="no-such-model")]
    report_all(tenant.admin, calls)
    report_all(tenant.admin, calls)
    assert andon.meter("andon_usage_records_unpriced_total") == before + 1


def test_an_unknown_price_is_listed_and_never_zero(tenant: Tenancy) -> None:
    integration_id = tenant.integrate()
    unknown = usage(integration_id, model="no-such-model")
    free = usage(integration_id, model="no-such-model", cost_cents=0)
    report_all(tenant.admin, [unknown, free, usage(integration_id)])
    listed = tenant.admin.items(USAGE, unpriced="true")
    assert [one["call_id"] for one in listed] == [unknown["call_id"]]
    assert listed[0]["cost_cents"] is None
    assert listed[0]["cost_nanousd"] is None
    assert listed[0]["price_ref"] is None
    summary = tenant.admin.read("telemetry/usage-summary")
    assert (summary["total_calls"], summary["unpriced_calls"]) == (3, 1)


def test_a_price_is_kept_with_its_source(tenant: Tenancy) -> None:
    integration_id = tenant.integrate()
    assert report(tenant.admin, usage(integration_id)).status_code == 200
    kept = tenant.admin.items(USAGE)[0]
    assert kept["cost_nanousd"] == 1200 * 2500 + 300 * 10_000
    assert "gpt-4o" in kept["price_ref"]
    stated = usage(integration_id, cost_cents=1, call_id=unique("stated"))
    report(tenant.admin, stated)
    kept = tenant.admin.items(USAGE, call_id=stated["call_id"])[0]
    assert kept["price_ref"] == "stated"


@pytest.mark.parametrize("path", ["usage-summary", "usage-history", "daily-aggregates"])
@pytest.mark.parametrize(
    "period",
    [
        {"period_start": "2026-02-30"},
        {"period_start": "yesterday"},
        {"period_start": "2026-02-01", "period_end": "2026-01-31"},
    ],
)
def test_a_period_that_is_none(tenant: Tenancy, path: str, period: dict[str, str]) -> None:
    assert tenant.admin.get(f"telemetry/{path}", **period).status_code == 422


@pytest.mark.parametrize("path", ["usage-summary", "usage-history", "daily-aggregates"])
@pytest.mark.parametrize(("start", "end"), [("0001-01-01", "9999-12-31"), ("9999-12-31", None)])
def test_the_longest_period(tenant: Tenancy, path: str, start: str, end: str | None) -> None:
    report_all(tenant.admin, [usage(tenant.integrate())])
    asked = {"period_start": start, **({"period_end": end} if end else {})}
    for bucket in ("day", "hour"):
        more = {"bucket": bucket} if path == "usage-history" else {}
        answer = tenant.admin.get(f"telemetry/{path}", **asked, **more)
        assert answer.status_code == 200, (path, bucket)


def test_hours_are_not_kept_by_agent(tenant: Tenancy) -> None:
    answer = tenant.admin.get("telemetry/usage-history", bucket="hour", agent_id="ada")
    assert answer.status_code == 422
    assert "bucket=day" in answer.json()["detail"]
