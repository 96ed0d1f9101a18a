"""An export holds each record once, in the order of commits, up to the moment it was asked for."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from andon import errors
from andon.drivers.telemetry import walking
from andon.runtime.telemetry import export
from andon.schemas.usage_file import EXPORTED
from tests.integration.doors import Door, Tenancy
from tests.integration.records import Record, ago, report_all, usage
from tests.integration.serving import Andon

EXPORT = "telemetry/llm-usage/export"


def exported(door: Door, **asked: str) -> list[Record]:
    answer = door.get(EXPORT, **asked)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def listed(door: Door, **asked: str) -> list[Record]:
    """Read the list of single records as an export shows them, the oldest first."""
    found = door.items("telemetry/llm-usage", limit=1000, **asked)[::-1]
    return [{**one, "voided": one["voided"] is not None} for one in found]


def calls(integration_id: str, count: int = 5) -> list[Record]:
    odd = {
        "metadata": {"a": [1.5, {"b": None}], "=1": "x\ny"},
        "labels": {"team": "=a"},
        "request": {"stream": True, "params": {"p": "1"}},
        "error_message": "it failed,\nbadly",
        "error_code": "-429",
        "cost_cents": 0.1000001,
        "agent_id": "+agent",
        "session_id": "'quoted",
        "tokens_cache_read": 3,
        "latency_ms": 12,
        "status_code": 429,
        "end_user": "@user",
    }
    made = [usage(integration_id, tokens_in=10 + number) for number in range(count)]
    return [usage(integration_id, **odd), usage(integration_id, model="unheard-of"), *made]


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a page end with its first block."""
    monkeypatch.setattr(export, "PAGE_RECORDS", 1)


def test_each_record_is_there_as_the_list_has_it(tenant: Tenancy, small_pages: None) -> None:
    one, other = tenant.integrate(), tenant.integrate()
    for integration_id in (one, other, one):
        report_all(tenant.admin, calls(integration_id))
    found = exported(tenant.door("viewer"))
    assert len(found) == 21
    assert found == listed(tenant.admin)
    assert [tuple(row) for row in found] == [EXPORTED] * 21
    assert exported(tenant.admin, integration_id=other) == listed(
        tenant.admin, integration_id=other
    )


def test_csv_says_the_same(tenant: Tenancy) -> None:
    report_all(tenant.admin, calls(tenant.integrate()))
    answer = tenant.admin.get(EXPORT, format="csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="usage.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    lines = exported(tenant.admin)
    for name in ("id", "call_id", "occurred_at", "tokens_in", "model"):
        assert [row[name] for row in rows] == [str(line[name]) for line in lines]
    assert (rows[0]["agent_id"], rows[0]["session_id"]) == ("'+agent", "''quoted")
    assert (rows[0]["cost_nanousd"], rows[0]["cost_cents"]) == ("1000001", "0.1000001")
    assert (rows[1]["cost_nanousd"], rows[1]["cost_cents"]) == ("", "")
    assert json.loads(rows[0]["metadata"]) == lines[0]["metadata"]


def test_days_are_those_of_the_tenant(andon: Andon) -> None:
    tenant = andon.tenant(time_zone="Pacific/Kiritimati")
    integration_id = tenant.integrate()
    report_all(tenant.admin, [usage(integration_id, occurred_at=ago(days=n)) for n in range(6)])
    everything = exported(tenant.admin)
    local = [datetime.fromisoformat(row["occurred_at"]) + timedelta(hours=14) for row in everything]
    days = [moment.date().isoformat() for moment in local]
    for first, last in ((1, 3), (0, 0), (4, 5)):
        asked = {"period_start": days[last], "period_end": days[first]}
        assert exported(tenant.admin, **asked) == everything[first : last + 1]
        summary = tenant.admin.read("telemetry/usage-summary", **asked)
        assert summary["total_calls"] == last + 1 - first
    assert exported(tenant.admin, period_start=days[2]) == everything[:3]
    assert exported(tenant.admin, period_end=days[2]) == everything[2:]


def test_blocks_before_the_first_day_are_not_read(
    andon: Andon, tenant: Tenancy, monkeypatch: pytest.MonkeyPatch
) -> None:
    report_all(tenant.admin, calls(tenant.integrate()))
    read = _spied(monkeypatch)
    soon = (datetime.now(UTC) + timedelta(days=9)).date().isoformat()
    assert exported(tenant.admin, period_start=soon) == []
    assert read == [0]


def _spied(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the blocks of each page that is read."""
    read: list[int] = []
    inner = walking.read_after

    def spy(*asked: Any) -> list[walking.Held]:
        held = inner(*asked)
        read.append(len(held))
        return held

    monkeypatch.setattr(walking, "read_after", spy)
    return read


def test_what_comes_while_it_runs_is_not_in_it(
    tenant: Tenancy, small_pages: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    integration_id = tenant.integrate()
    for _ in range(3):
        report_all(tenant.admin, calls(integration_id))
    before = listed(tenant.admin)
    inner, voided = walking.read_after, iter(before)

    def busy(*asked: Any) -> list[walking.Held]:
        record = next(voided, None)
        if record is not None:
            report_all(tenant.admin, calls(integration_id, 1))
            tenant.admin.make(f"telemetry/llm-usage/{record['id']}/void", {"reason": "twice"})
        return inner(*asked)

    monkeypatch.setattr(walking, "read_after", busy)
    assert exported(tenant.admin) == before
    monkeypatch.undo()
    assert exported(tenant.admin) == listed(tenant.admin)


def test_a_voided_record_is_marked(tenant: Tenancy) -> None:
    report_all(tenant.admin, calls(tenant.integrate()))
    record = listed(tenant.admin)[2]
    tenant.admin.make(f"telemetry/llm-usage/{record['id']}/void", {"reason": "a test"})
    assert [row["id"] for row in exported(tenant.admin) if row["voided"]] == [record["id"]]


def test_a_tenant_exports_its_own_only(andon: Andon) -> None:
    owner, stranger = andon.tenant(), andon.tenant()
    integration_id = owner.integrate()
    report_all(owner.admin, calls(integration_id))
    assert exported(stranger.admin) == []
    assert exported(stranger.admin, integration_id=integration_id) == []
    assert owner.door("ingest").get(EXPORT).status_code == 403


@pytest.mark.parametrize(
    "asked",
    [
        {"format": "parquet"},
        {"period_start": "yesterday"},
        {"period_start": "2026-02-01", "period_end": "2026-01-01"},
    ],
)
def test_what_cannot_be_asked_is_a_problem(tenant: Tenancy, asked: dict[str, str]) -> None:
    answer = tenant.admin.get(EXPORT, **asked)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_a_store_that_is_away_for_a_moment_is_waited_for(
    tenant: Tenancy, small_pages: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        report_all(tenant.admin, calls(tenant.integrate()))
    faults = iter([False, True, False, True])
    _failing(monkeypatch, faults)
    assert len(exported(tenant.admin)) == 21


def test_an_export_that_fails_breaks_its_connection(
    tenant: Tenancy, small_pages: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        report_all(tenant.admin, calls(tenant.integrate()))
    monkeypatch.setattr("andon.api.export._MORE_TRIES", 0)
    _failing(monkeypatch, iter([False, True]))
    with pytest.raises(httpx2.RemoteProtocolError):
        tenant.admin.get(EXPORT)


def _failing(monkeypatch: pytest.MonkeyPatch, faults: Iterator[bool]) -> None:
    inner = walking.read_after

    def read(*asked: Any) -> list[walking.Held]:
        if next(faults, False):
            raise errors.StoreUnavailable(retry_after_seconds=0)
        return inner(*asked)

    monkeypatch.setattr(walking, "read_after", read)
