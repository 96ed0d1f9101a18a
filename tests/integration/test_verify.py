"""Verification finds each difference and names its row, and none where the books balance."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from tests.integration.conftest import ServeWith
from tests.integration.doors import Door, Tenancy
from tests.integration.records import BATCH, USAGE, ago, report_all, usage
from tests.integration.serving import Andon


@pytest.fixture
def served(serve_with: ServeWith) -> Andon:
    """Serve a store of the test's own, in which it may break things."""
    return serve_with(models_per_day=3, verify_interval_seconds=0)


def verify(door: Door, **asked: Any) -> Any:
    return door.make("verify", asked)


def _differences(andon: Andon) -> list[tuple[str, Any, Any]]:
    found = verify(andon.root, all_tenants=True)
    assert found["difference_count"] == len(found["differences"])
    assert found["balanced"] == (not found["differences"])
    return [(one["table"], one["expected"], one["found"]) for one in found["differences"]]


def _filled(andon: Andon) -> Tenancy:
    tenant = andon.tenant(time_zone="Asia/Kathmandu")
    integration_id = tenant.integrate()
    for number in range(3):
        report_all(
            tenant.admin,
            [
                usage(integration_id, model="gpt-4o", agent_id="a", latency_ms=3),
                usage(integration_id, model=f"m{number}", error_message="it failed"),
                usage(integration_id, model=f"n{number}", occurred_at=ago(days=number)),
                usage(integration_id, model="stated", cost_nanousd=10**9, status_code=500),
                usage(integration_id, policy_result="blocked", tokens_in=0, tokens_out=0),
            ],
        )
    return tenant


def test_what_was_reported_voided_and_priced_again_balances(served: Andon) -> None:
    tenant = _filled(served)
    for record in tenant.admin.items(USAGE)[:3]:
        tenant.admin.make(f"{USAGE}/{record['id']}/void", {"reason": "wrong"})
    tenant.admin.make("prices", _price("m1"))
    tenant.admin.make("telemetry/reprice")
    found = verify(served.root, all_tenants=True)
    assert (found["balanced"], found["differences"], found["unsettled"]) == (True, [], 0)
    assert found["records"] == found["keys"] == 15
    assert found["blocks"] == 3
    own = verify(tenant.admin)
    assert (own["balanced"], own["records"], own["tenants"]) == (True, 15, tenant.id)


def _price(model: str) -> dict[str, Any]:
    return {
        "provider": "openai",
        "model": model,
        "valid_from": "2020-01-01T00:00:00Z",
        "input_usd_per_mtok": "1",
        "output_usd_per_mtok": "2",
    }


@pytest.mark.parametrize("table", ["usage_hourly", "usage_daily"])
def test_a_sum_that_was_changed(served: Andon, table: str) -> None:
    _filled(served)
    served.change(f"UPDATE {table} SET tokens_in = tokens_in + 7 WHERE model = 'gpt-4o'")
    differences = verify(served.root, all_tenants=True)["differences"]
    assert differences
    for one in differences:
        assert one["table"] == table
        assert one["key"]["model"] == "gpt-4o"
        assert one["expected"].keys() == one["found"].keys() == {"tokens_in"}
        assert one["found"]["tokens_in"] == one["expected"]["tokens_in"] + 7


def test_a_sum_that_is_gone(served: Andon) -> None:
    _filled(served)
    served.change("DELETE FROM usage_daily WHERE model = '(other)' AND agent_id = ''")
    found = _differences(served)
    assert {table for table, _, _ in found} == {"usage_daily"}
    assert all(there["calls"] == 0 < expected["calls"] for _, expected, there in found)


def test_a_record_that_is_gone(served: Andon) -> None:
    _filled(served)
    served.change("DELETE FROM usage WHERE block = 2")
    tables = {table for table, _, _ in _differences(served)}
    assert tables == {"usage", "usage_hourly", "usage_daily", "usage_keys"}


def test_a_number_that_is_skipped(served: Andon) -> None:
    _filled(served)
    served.change("DELETE FROM blocks WHERE block = 2")
    assert _differences(served) == [("blocks", {"records": 5}, None)]


def test_a_block_that_says_another_number_of_records(served: Andon) -> None:
    _filled(served)
    served.change("UPDATE blocks SET records = 6 WHERE block = 1")
    served.change("UPDATE usage SET records = 4 WHERE block = 3")
    expected = [
        ("usage", {"records": 4}, {"records": 5}),
        ("usage", {"records": 6, "tenants": 1}, {"records": 5, "tenants": 1}),
        ("usage", {"records": 5, "tenants": 1}, {"records": 4, "tenants": 1}),
    ]
    assert _differences(served) == expected


def test_a_slot_that_is_behind_its_blocks(served: Andon) -> None:
    _filled(served)
    served.change("UPDATE slots SET block = block - 1")
    assert ("slots", {"block": 3}, {"block": 2}) in _differences(served)


def test_keys_that_are_gone(served: Andon, store_kind: str) -> None:
    tenant = _filled(served)
    if store_kind == "sqlite":
        served.change("DELETE FROM usage_key_log WHERE block = 2")
    else:
        served.change("DELETE FROM usage_keys WHERE id IN (SELECT id FROM usage_keys LIMIT 5)")
    found = verify(served.root, all_tenants=True)
    assert found["difference_count"] == len(found["differences"]) == 5
    for one in found["differences"]:
        assert (one["table"], one["found"]) == ("usage_keys", None)
        assert one["key"]["tenant"] == tenant.id
        assert len(one["key"]["key"]) == 32


def test_a_key_that_says_something_else(served: Andon, store_kind: str) -> None:
    _filled(served)
    if store_kind == "sqlite":
        _change_log(served, at=16)
    else:
        served.change("UPDATE usage_keys SET content = content + 1 WHERE cost_stated_nanousd > 0")
    found = _differences(served)
    assert found
    for table, expected, there in found:
        assert table == "usage_keys"
        assert {**there, "content": 0} == {**expected, "content": 0}
        assert there["content"] != expected["content"]


def test_a_key_of_no_record(served: Andon, store_kind: str) -> None:
    _filled(served)
    if store_kind == "sqlite":
        _change_log(served, at=0)
    else:
        served.change(
            "UPDATE usage_keys SET key = set_byte(key, 0, get_byte(key, 0) # 1)"
            " WHERE id IN (SELECT id FROM usage_keys LIMIT 1)"
        )
    found = _differences(served)
    assert {table for table, _, _ in found} == {"usage_keys"}
    assert sorted(expected is None for _, expected, _ in found) == [False, True]


def _change_log(andon: Andon, at: int) -> None:
    """Turn a bit of the first entry in the log of the dedupe index."""
    (body,) = andon.rows("SELECT body FROM usage_key_log WHERE block = 1")[0]
    changed = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
    andon.change(f"UPDATE usage_key_log SET body = x'{changed.hex()}' WHERE block = 1")


def test_a_correction_that_was_changed(served: Andon) -> None:
    tenant = _filled(served)
    record = tenant.admin.items(USAGE, model="stated")[0]
    tenant.admin.make(f"{USAGE}/{record['id']}/void", {"reason": "wrong"})
    served.change("DELETE FROM usage_voids")
    found = _differences(served)
    assert {table for table, _, _ in found} == {"usage_hourly", "usage_daily"}
    assert all(expected["calls"] == there["calls"] + 1 for _, expected, there in found)


def test_a_tenants_admin_sees_its_own_books_alone(served: Andon) -> None:
    mine, other = _filled(served), _filled(served)
    served.change("UPDATE usage_daily SET calls = calls + 1 WHERE model = 'gpt-4o'")
    found = verify(mine.admin)
    assert {one["key"]["tenant"] for one in found["differences"]} == {mine.id}
    refused = mine.admin.post("verify", {"all_tenants": True})
    assert refused.status_code == 403
    assert other.door("operator").post("verify", {}).status_code == 403


@contextmanager
def _reporting(tenant: Tenancy, threads: int) -> Iterator[list[int]]:
    """Report and void from many threads for as long as the block runs."""
    integration_id, stop, counts = tenant.integrate(), threading.Event(), [0] * threads

    def work(number: int) -> None:
        while not stop.is_set():
            records = [usage(integration_id, model=f"m{at % 5}") for at in range(50)]
            tenant.admin.make(BATCH, {"records": records})
            counts[number] += 50
            for record in tenant.admin.read(USAGE, limit=2)["items"]:
                tenant.admin.post(f"{USAGE}/{record['id']}/void", {"reason": "wrong"})

    with ThreadPoolExecutor(threads) as pool:
        done = [pool.submit(work, number) for number in range(threads)]
        try:
            yield counts
        finally:
            stop.set()
        for one in done:
            one.result()


def test_there_is_no_false_difference_while_others_report_and_correct(
    served: Andon, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Small steps, so that much happens between two of them.
    monkeypatch.setattr("andon.runtime.books.sums.STEP_RECORDS", 100)
    monkeypatch.setattr("andon.runtime.books.keys.STEP_RECORDS", 400)
    monkeypatch.setattr("andon.runtime.books.sums.HASTY_STEPS", 3)
    tenant = _filled(served)
    tenant.admin.make("prices", _price("m1"))
    with _reporting(tenant, 3) as counts:
        for round_ in range(4):
            tenant.admin.make("telemetry/reprice")
            found = verify(served.root, all_tenants=True)
            assert found["differences"] == [], round_
            tenant.admin.make("prices", _price(f"m{round_ + 2}"))
    assert sum(counts) > 0
    assert verify(served.root, all_tenants=True)["balanced"]


def test_the_slow_pass_finds_it_too(serve_with: ServeWith, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("andon.runtime.books.watching.PAUSE_SECONDS", 0.0)
    served = serve_with(verify_interval_seconds=0.02)
    tenant = served.tenant()
    report_all(tenant.admin, [usage(tenant.integrate())])
    _await_meter(served, "andon_verify_runs_total", outcome="balanced")
    assert served.meter("andon_books_differences") == 0
    served.change("UPDATE usage_hourly SET calls = calls + 1")
    _await_meter(served, "andon_verify_runs_total", outcome="different")
    assert served.meter("andon_books_differences") == 1


def _await_meter(andon: Andon, name: str, **labels: str) -> None:
    deadline = time.monotonic() + 30
    while not andon.meter(name, **labels):
        assert time.monotonic() < deadline, f"{name} {labels} stays 0"
