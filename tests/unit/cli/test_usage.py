"""Usage is summed by day, integration, model or agent."""

from __future__ import annotations

import json

import pytest

from tests.unit.cli.fake import ID, Andon, Row, invoke, running


def call(number: int, **fields: object) -> Row:
    return {
        "integration_id": ID,
        "call_id": str(number),
        "model": "gpt-4o",
        "tokens_in": 100,
        "tokens_out": 10,
        "occurred_at": "2026-05-02T00:00:00+00:00",
        **fields,
    }


CALLS = (
    call(1),
    call(2, occurred_at="2026-05-01T00:00:00+00:00", agent_id="planner", tokens_in=1),
    call(3, model="o3"),
)


def andon() -> Andon:
    return Andon(usage={one["call_id"]: one for one in CALLS})


@pytest.mark.parametrize(
    ("by", "key", "expected"),
    [
        ("day", "date", [("2026-05-01", 1), ("2026-05-02", 2)]),
        ("integration", "integration_id", [(ID, 3)]),
        ("model", "model", [("gpt-4o", 2), ("o3", 1)]),
        ("agent", "agent_id", [(None, 2), ("planner", 1)]),
    ],
)
def test_calls_are_grouped(by: str, key: str, expected: list[tuple[str | None, int]]) -> None:
    with running(andon()) as script:
        result = invoke(script, "usage", "--by", by, "--json")
    found = json.loads(result.stdout)
    assert [(one[key], one["calls"]) for one in found["items"]] == expected
    assert found["total"]["calls"] == 3
    assert found["total"]["tokens_in"] == 201
    assert found["total"]["cost_nanousd"] == 2310


def test_integrations_have_their_names() -> None:
    with running(andon()) as script:
        found = json.loads(invoke(script, "usage", "--by", "integration", "--json").stdout)
        table = invoke(script, "usage", "--by", "integration").stdout
    assert found["items"][0]["integration_name"] == "chat"
    assert "chat" in table


def test_period_is_asked_for() -> None:
    with running(andon()) as script:
        result = invoke(script, "usage", "--from", "2026-05-01", "--to", "2026-05-01", "--json")
    assert json.loads(result.stdout)["total"]["calls"] == 1
    assert script.asked[0].query == {"period_start": "2026-05-01", "period_end": "2026-05-01"}


def test_table_has_bars_and_a_total() -> None:
    with running(andon()) as script:
        lines = invoke(script, "usage").stdout.splitlines()
    assert lines[0] == "Usage from 2026-05-01 to 2026-05-31"
    assert "█" in lines[-2]
    assert lines[-1].split()[:5] == ["total", "3", "201", "30", "$0.00000231"]


def test_unknown_price_is_no_zero() -> None:
    unpriced = andon()
    unpriced.priced = False
    with running(unpriced) as script:
        table = invoke(script, "usage").stdout
        found = json.loads(invoke(script, "usage", "--json").stdout)
    assert "unknown" in table
    assert "$" not in table
    assert found["total"]["cost_nanousd"] is None
    assert found["total"]["unpriced"] == 3


def test_period_without_calls_is_empty() -> None:
    with running(Andon()) as script:
        result = invoke(script, "usage")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1].split()[:2] == ["total", "0"]


def test_wrong_date_is_wrong_usage() -> None:
    assert invoke(None, "usage", "--from", "May").exit_code == 2
