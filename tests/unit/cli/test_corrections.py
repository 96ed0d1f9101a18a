"""Records are voided and priced again, and the books verified, over the API."""

from __future__ import annotations

import json
from typing import Any

from tests.unit.cli.fake import Andon, Row, invoke, running
from tests.unit.sdk.scripted import Answer, Asked, problem

TOTALS: Row = {
    "calls": 1200,
    "changed": 3,
    "cost_before_nanousd": 1,
    "cost_after_nanousd": 2_500_000_000,
    "newly_priced": 2,
    "no_longer_priced": 1,
    "still_unpriced": 4,
}
REPRICED: Row = {
    "period_start": "2026-01-01",
    "period_end": "2026-01-31",
    "dry_run": False,
    **TOTALS,
    "by_model": [{"provider": "acme", "model": "rocket", **TOTALS}],
}
BALANCED: Row = {
    "balanced": True,
    "differences": [],
    "difference_count": 0,
    "records": 1000,
    "sums": 20,
    "keys": 1000,
    "blocks": 4,
    "unsettled": 0,
}
DIFFERENT: Row = {
    **BALANCED,
    "balanced": False,
    "difference_count": 1,
    "differences": [
        {
            "table": "usage_daily",
            "key": {"day": 20000},
            "expected": {"calls": 2},
            "found": {"calls": 3},
        }
    ],
}


def run(answer: Answer, *words: str, status: int = 0) -> tuple[Any, Asked]:
    """Run a command whose only request gets this answer."""
    with running(Andon(lambda _: answer)) as script:
        result = invoke(script, *words)
    assert result.exit_code == status, result.output
    return result, script.asked[-1]


def test_a_record_is_voided_with_a_reason() -> None:
    voided = {"at": "2026-01-01T00:00:00Z", "by": "p1", "reason": "twice"}
    answer = Answer(200, {"id": "r1", "call_id": "c1", "voided": voided})
    shown, asked = run(answer, "void", "r1", "--reason", "twice")
    assert asked.path == "/api/v1/telemetry/llm-usage/r1/void"
    assert json.loads(asked.body) == {"reason": "twice"}
    assert "twice" in shown.stdout
    printed, _ = run(answer, "void", "r1", "--reason", "twice", "--json")
    assert json.loads(printed.stdout)["voided"] == voided


def test_voiding_twice_is_one_line_and_status_1() -> None:
    answer = problem(409, "already_voided", "This usage record was voided before.")
    shown, _ = run(answer, "void", "r1", "--reason", "twice", status=1)
    assert "already_voided" in shown.stderr


def test_calls_are_priced_again_with_a_report() -> None:
    words = ["--from", "2026-01-01", "--to", "2026-01-31", "--model", "rocket"]
    shown, asked = run(Answer(200, REPRICED), "reprice", *words)
    assert json.loads(asked.body) == {
        "period_start": "2026-01-01",
        "period_end": "2026-01-31",
        "model": "rocket",
        "dry_run": False,
    }
    for text in ("acme rocket", "1,200", "$0.000000001", "$2.50", "1 calls had a price"):
        assert text in shown.stdout
    printed, asked = run(Answer(200, REPRICED), "reprice", "--dry-run", "--json")
    assert json.loads(printed.stdout) == REPRICED
    assert json.loads(asked.body) == {"dry_run": True}


def test_books_that_balance_are_status_0() -> None:
    shown, asked = run(Answer(200, BALANCED), "verify")
    assert json.loads(asked.body) == {"all_tenants": False}
    assert "balance" in shown.stdout


def test_a_difference_is_named_and_status_1() -> None:
    shown, asked = run(Answer(200, DIFFERENT), "verify", "--all", status=1)
    assert json.loads(asked.body) == {"all_tenants": True}
    for text in ("usage_daily", "day=20000", "calls=2", "calls=3"):
        assert text in shown.stdout
    printed, _ = run(Answer(200, DIFFERENT), "verify", "--json", status=1)
    assert json.loads(printed.stdout) == DIFFERENT
