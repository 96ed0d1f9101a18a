"""Keys, tenants and integrations are listed and changed over the API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.cli.fake import ID, KEY, Andon, Row, integration, invoke, running
from tests.unit.sdk.scripted import Answer, Asked, Script, problem

KEY_ROW: Row = {
    "id": "k1",
    "name": "reporter",
    "role": "ingest",
    "prefix": "andon_12345678",
    "principal_id": "p1",
    "created_at": "2026-05-01T00:00:00Z",
    "last_used_at": None,
    "revoked_at": None,
}
TENANT: Row = {
    "id": "t1",
    "name": "Acme [red]",
    "status": "active",
    "time_zone": "UTC",
    "created_at": "2026-05-01T00:00:00Z",
}


def run(answer: Answer, *words: str) -> tuple[Any, Asked]:
    """Run a command whose only request gets this answer."""
    with running(Andon(lambda _: answer)) as script:
        result = invoke(script, *words)
    assert result.exit_code == 0, result.output
    return result, script.asked[-1]


def page(*items: Row) -> Answer:
    return Answer(200, {"items": list(items), "next_cursor": None})


def test_keys_are_listed_as_a_table_and_as_json() -> None:
    table, _ = run(page(KEY_ROW), "keys", "list")
    assert "reporter" in table.stdout
    assert "andon_12345678" in table.stdout
    listed, _ = run(page(KEY_ROW), "keys", "list", "--json")
    assert json.loads(listed.stdout) == [KEY_ROW]


def test_new_key_alone_goes_to_standard_output() -> None:
    made = Answer(201, {**KEY_ROW, "key": "andon_new"})
    result, asked = run(made, "keys", "create", "reporter", "--role", "ingest", "--tenant", "t1")
    assert result.stdout == "andon_new\n"
    assert "shown this once" in result.stderr
    assert asked.json == {"name": "reporter", "role": "ingest", "tenant_id": "t1"}


def test_key_is_revoked_by_its_id() -> None:
    result, asked = run(Answer(204), "keys", "revoke", "../tenants")
    assert (asked.method, asked.path) == ("DELETE", "/api/v1/keys/..%2Ftenants")
    assert result.stdout == "Revoked ../tenants.\n"


def test_tenants_are_listed_as_they_are_named() -> None:
    result, _ = run(page(TENANT), "tenants", "list")
    assert "Acme [red]" in result.stdout


def test_tenant_is_created_suspended_and_resumed() -> None:
    made = Answer(200, TENANT)
    result, asked = run(made, "tenants", "create", "Acme", "--time-zone", "Europe/Berlin", "--json")
    assert json.loads(result.stdout) == TENANT
    assert asked.json == {"name": "Acme", "time_zone": "Europe/Berlin"}
    for step in ("suspend", "resume"):
        _, asked = run(made, "tenants", step, "t1")
        assert (asked.method, asked.path) == ("POST", f"/api/v1/tenants/t1/{step}")


def test_integration_is_added_with_its_limits_and_enabled() -> None:
    words = ["--provider", "openai", "--credential-ref", "env://OPENAI_API_KEY", "--enable"]
    words += ["--default-model", "gpt-4o", "--budget-cents", "5", "--token-limit", "6"]
    words += ["--rpm", "7", "--base-url", "https://proxy.example/v1", "--json"]
    with running(Andon(lambda _: Answer(200, integration()))) as script:
        result = invoke(script, "integrations", "add", "chat", *words)
    assert json.loads(result.stdout) == integration()
    assert script.asked[0].json == {
        "name": "chat",
        "provider_type": "openai",
        "credential_ref": "env://OPENAI_API_KEY",
        "config": {"base_url": "https://proxy.example/v1"},
        "default_model": "gpt-4o",
        "budget_limit_cents": 5,
        "token_limit_month": 6,
        "rate_limit_rpm": 7,
    }
    assert script.asked[1].path == f"/api/v1/integrations/{ID}/enable"


def test_refused_credential_is_not_repeated() -> None:
    refusal = problem(422, "raw_credential", "The request holds what looks like a raw key.")
    words = ("--provider", "openai", "--credential-ref", KEY)
    with running(Andon(lambda _: refusal)) as script:
        result = invoke(script, "integrations", "add", "chat", *words)
    assert result.exit_code == 1
    assert KEY not in result.output
    assert "[raw_credential]" in result.stderr


@pytest.mark.parametrize("named", ["chat", ID])
def test_integration_is_found_by_name_and_by_id(named: str) -> None:
    with running(Andon()) as script:
        result = invoke(script, "integrations", "show", named)
    assert result.exit_code == 0
    assert ID in result.stdout


def test_name_that_looks_like_an_id_is_found() -> None:
    name = "018f0000-0000-7000-8000-00000000ffff"
    with running(Andon(integrations=[integration(name=name)])) as script:
        assert invoke(script, "integrations", "show", name).exit_code == 0


def test_unknown_integration_is_told() -> None:
    with running(Andon()) as script:
        result = invoke(script, "integrations", "delete", "chatt")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: no integration has this name or id")
    assert [asked.method for asked in script.asked] == ["GET"]


def test_integration_is_deleted_by_name() -> None:
    with running(Andon()) as script:
        result = invoke(script, "integrations", "delete", "chat")
    assert result.stdout == f"Deleted {ID}.\n"
    assert (script.asked[-1].method, script.asked[-1].path) == (
        "DELETE",
        f"/api/v1/integrations/{ID}",
    )


def limits_of(script: Script) -> str:
    result = invoke(script, "integrations", "limits", "chat")
    assert result.exit_code == 0, result.output
    return str(result.stdout)


def test_limits_are_shown_exactly() -> None:
    limits = {
        "budget_limit_cents": 150,
        "budget_used_nanousd": 1_000_000_001,
        "budget_percent": 66.666,
        "token_limit_month": 0,
        "tokens_used_month": 1234567,
        "token_percent": 0.0,
        "rate_limit_rpm": 60,
        "current_rpm": 3,
        "rate_percent": 5.0,
        "period_start": "2026-05-01",
        "period_end": "2026-05-31",
    }

    def first(asked: Asked) -> Answer | None:
        return Answer(200, limits) if asked.path.endswith("/limits") else None

    with running(Andon(first)) as script:
        shown = limits_of(script)
    assert "$1.000000001" in shown
    assert "$1.50" in shown
    assert "66.7 %" in shown
    assert "1,234,567" in shown
    assert "no limit" in shown
