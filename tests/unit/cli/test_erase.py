"""Tenants and end users are erased over the API, after a question."""

from __future__ import annotations

import json

from tests.unit.cli.fake import Andon, Row, invoke, running
from tests.unit.sdk.scripted import Answer, Asked

TENANT: Row = {
    "id": "t1",
    "name": "Acme",
    "status": "suspended",
    "time_zone": "UTC",
    "created_at": "2026-05-01T00:00:00Z",
    "erasure_began_at": "2026-06-01T00:00:00Z",
    "erased_at": None,
}


def test_a_tenant_is_erased() -> None:
    with running(Andon(lambda _: Answer(202, TENANT))) as script:
        result = invoke(script, "tenants", "erase", "t1", "--yes", "--json")
    assert json.loads(result.stdout) == TENANT
    assert script.asked[-1].path == "/api/v1/tenants/t1/erase"


def test_an_end_user_is_looked_for_until_all_is_seen() -> None:
    def answer(asked: Asked) -> Answer:
        done = asked.json["cursor"] == "7.9"
        return Answer(
            200,
            {
                "erased_records": 2 if done else 5,
                "complete": done,
                "next_cursor": None if done else "7.9",
            },
        )

    with running(Andon(answer)) as script:
        result = invoke(script, "end-users", "erase", "Ada", "--yes", "--json")
        told = invoke(script, "end-users", "erase", "Ada", "--yes")
    assert json.loads(result.stdout) == {"erased_records": 7}
    assert told.stdout == "7 records erased; their sums stay.\n"
    assert [asked.json["end_user"] for asked in script.asked] == ["Ada"] * 4


def test_nothing_is_erased_without_an_answer() -> None:
    with running(Andon(lambda _: Answer(500, {}))) as script:
        for words in (["end-users", "erase", "Ada"], ["tenants", "erase", "t1"]):
            result = invoke(script, *words)
            assert result.exit_code != 0
            assert "Aborted" in result.output
    assert script.asked == []
