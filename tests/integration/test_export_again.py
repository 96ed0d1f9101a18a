"""What one Andon exports another one takes: the same sums, each call once, in every format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from andon.cli import main
from tests.integration.conftest import ServeWith
from tests.integration.doors import Door, Tenancy
from tests.integration.records import ago, report_all, usage
from tests.integration.serving import Andon
from tests.integration.test_export import calls

SUMS = (
    "total_calls",
    "total_tokens_in",
    "total_tokens_out",
    "total_cost_nanousd",
    "avg_latency_ms",
    "error_count",
    "blocked_count",
    "unpriced_calls",
)
FORMATS = ("csv", "jsonl", "parquet")


@pytest.fixture(scope="module")
def elsewhere(serve_with: ServeWith) -> Andon:
    """Serve another Andon with a store of its own."""
    return serve_with()


def run(andon: Andon, door: Door, *words: str) -> dict[str, Any]:
    env = {"ANDON_URL": andon.url, "ANDON_KEY": door.key}
    result = CliRunner().invoke(main, [*words, "--json"], env=env, prog_name="andon")
    assert result.exit_code == 0, result.output
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def fill(tenant: Tenancy) -> tuple[str, str]:
    """Report calls of all kinds, old ones and a voided one among them."""
    one, other = tenant.integrate(), tenant.integrate()
    kinds: list[dict[str, Any]] = [
        {"policy_result": "blocked", "tokens_in": 0, "tokens_out": 0, "call_id": "=1+1"},
        {"policy_result": "blocked", "call_id": "'twice"},
        {"cost_nanousd": 123_456_789, "call_id": "two\nlines"},
        {"cost_cents": 0, "error_class": "timeout"},
        {"model": "unheard-of", "latency_ms": 7},
        {"metadata": {"deep": [{"a": 1.25e-9}], "text": 'a "quote", a comma'}},
    ]
    records = [usage(other, **kind) for kind in kinds]
    records += [usage(other, occurred_at=ago(days=days)) for days in (1, 20, 30)]
    report_all(tenant.admin, [*calls(one, 20), *records])
    opened = tenant.admin.make("imports")["id"]
    report_all(tenant.admin, [usage(one, occurred_at=ago(days=200))], import_id=opened)
    newest = tenant.admin.read("telemetry/llm-usage", limit=3)["items"]
    tenant.admin.make(f"telemetry/llm-usage/{newest[1]['id']}/void", {"reason": "a test"})
    return one, other


def sums(door: Door) -> dict[str, Any]:
    """Sum a year, in all and by integration."""
    period = {"period_start": ago(days=365)[:10], "period_end": ago(days=-1)[:10]}
    summary = door.read("telemetry/usage-summary", **period)
    by_integration = sorted(
        (part["total_calls"], part["total_tokens"], part["total_cost_nanousd"], part["error_count"])
        for part in summary["by_integration"]
    )
    return {**{name: summary[name] for name in SUMS}, "by_integration": by_integration}


@pytest.mark.parametrize("form", FORMATS)
def test_another_andon_sums_the_same(
    andon: Andon, elsewhere: Andon, tenant: Tenancy, tmp_path: Path, form: str
) -> None:
    one, other = fill(tenant)
    path = tmp_path / f"usage.{form}"
    told = run(andon, tenant.door("viewer"), "export", "usage", "--output", str(path))
    assert told["records"] == 32
    there = elsewhere.tenant()
    mapped = [f"--map-integration={was}={there.integrate()}" for was in (one, other)]
    found = run(elsewhere, there.admin, "ingest", str(path), *mapped)
    assert (found["read"], found["accepted"], found["skipped"]) == (32, 31, 1)
    assert sums(there.admin) == sums(tenant.admin)
    assert sums(there.admin)["total_calls"] == 31
    again = run(elsewhere, there.admin, "ingest", str(path), *mapped)
    assert (again["accepted"], again["duplicates"]) == (0, 31)
    assert sums(there.admin) == sums(tenant.admin)


@pytest.mark.parametrize("form", FORMATS)
def test_every_field_arrives(
    andon: Andon, elsewhere: Andon, tenant: Tenancy, tmp_path: Path, form: str
) -> None:
    one, other = fill(tenant)
    path = tmp_path / f"usage.{form}"
    run(andon, tenant.admin, "export", "usage", "--output", str(path))
    there = elsewhere.tenant()
    mapped = {was: there.integrate() for was in (one, other)}
    words = [f"--map-integration={was}={now}" for was, now in mapped.items()]
    run(elsewhere, there.admin, "ingest", str(path), *words)
    assert reported(there.admin) == {
        call_id: {**record, "integration_id": mapped[record["integration_id"]]}
        for call_id, record in reported(tenant.admin).items()
    }


def reported(door: Door) -> dict[str, dict[str, Any]]:
    """Read what the reporter said of each call that counts."""
    made = ("id", "created_at", "price_ref", "import_id", "voided")
    return {
        row["call_id"]: {name: value for name, value in row.items() if name not in made}
        for row in door.items("telemetry/llm-usage", limit=1000)
        if row["voided"] is None
    }


def test_its_own_export_is_nothing_new(andon: Andon, tenant: Tenancy, tmp_path: Path) -> None:
    fill(tenant)
    path = tmp_path / "usage.jsonl"
    run(andon, tenant.admin, "export", "usage", "--output", str(path))
    before = sums(tenant.admin)
    found = run(andon, tenant.admin, "ingest", str(path))
    assert (found["accepted"], found["duplicates"], found["rejected"]) == (0, 31, 0)
    assert sums(tenant.admin) == before


def test_an_integration_by_its_name_and_some_days(
    andon: Andon, tenant: Tenancy, tmp_path: Path
) -> None:
    _, other = fill(tenant)
    name = tenant.admin.read(f"integrations/{other}")["name"]
    words = ("--integration", name, "--from", ago(days=10)[:10], "--to", ago(days=-1)[:10])
    path = tmp_path / "usage.csv"
    told = run(andon, tenant.admin, "export", "usage", *words, "--output", str(path))
    assert told["records"] == 7
