"""Integrations: their life from creation to tombstone, their credential, their limits."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.doors import Tenancy, unique
from tests.integration.records import report, report_all, usage
from tests.integration.serving import Andon

RAW_KEY = "sk-proj-4Qe9wTz1Lx7VbN2mKc8RdF5hJ3gS6pYa0Uu"


def _credential(andon: Andon, integration_id: str) -> Any:
    """Look past the product at what is stored as the reference."""
    rows = andon.rows(f"SELECT credential_ref FROM integrations WHERE id = '{integration_id}'")
    assert len(rows) == 1
    return rows[0][0]


def _body(**fields: Any) -> dict[str, Any]:
    return {
        "name": unique("integration"),
        "provider_type": "openai",
        "credential_ref": "env://OPENAI_API_KEY",
        **fields,
    }


def test_what_is_answered_on_creation(tenant: Tenancy) -> None:
    body = _body(default_model="gpt-4o", budget_limit_cents=500, config={"region": "eu"})
    answer = tenant.admin.post("integrations", body)
    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["etag"] == '"1"'
    assert made["tenant_id"] == tenant.id
    assert made["created_by"] == tenant.admin.principal_id
    assert (made["status"], made["health_state"]) == ("created", "unknown")
    assert made["default_model"] == "gpt-4o"
    assert [made[name] for name in LIMITS] == [500, 0, 0]
    assert made["created_at"] == made["updated_at"]
    assert "credential_ref" not in made
    assert "config" not in made
    assert tenant.admin.read(f"integrations/{made['id']}") == made


LIMITS = ("budget_limit_cents", "token_limit_month", "rate_limit_rpm")


def test_the_lifecycle_calls_nobody(tenant: Tenancy) -> None:
    # The reference resolves to nothing and the address is no provider: enabling does not look.
    body = _body(credential_ref="env://NOT_THERE", config={"base_url": "http://127.0.0.1:9"})
    path = f"integrations/{tenant.admin.make('integrations', body)['id']}"
    for step, status in [
        ("enable", "enabled"),
        ("enable", "enabled"),
        ("disable", "disabled"),
        ("disable", "disabled"),
        ("enable", "enabled"),
    ]:
        assert tenant.admin.make(f"{path}/{step}")["status"] == status
        assert tenant.admin.read(path)["status"] == status


def test_an_integration_in_error_is_not_enabled_by_hand(andon: Andon, tenant: Tenancy) -> None:
    integration_id = tenant.integrate()
    tenant.admin.make(f"integrations/{integration_id}/enable")
    set_status(andon, integration_id, "error")
    answer = tenant.admin.post(f"integrations/{integration_id}/enable")
    assert (answer.status_code, answer.json()["code"]) == (409, "invalid_transition")
    assert tenant.admin.read(f"integrations/{integration_id}")["status"] == "error"
    assert tenant.admin.make(f"integrations/{integration_id}/disable")["status"] == "disabled"


def set_status(andon: Andon, integration_id: str, status: str) -> None:
    """Put an integration into a state that only a found-bad credential leads to."""
    andon.change(f"UPDATE integrations SET status = '{status}' WHERE id = '{integration_id}'")


def test_status_is_not_changed_by_patch(tenant: Tenancy) -> None:
    path = f"integrations/{tenant.integrate()}"
    answer = tenant.admin.ask("PATCH", path, json={"status": "enabled"})
    assert answer.status_code == 422
    assert tenant.admin.read(path)["status"] == "created"


def test_a_patch_changes_what_is_given_only(tenant: Tenancy) -> None:
    made = tenant.admin.make("integrations", _body(budget_limit_cents=7, default_model="gpt-4o"))
    path = f"integrations/{made['id']}"
    changed = tenant.admin.ask("PATCH", path, json={"rate_limit_rpm": 60}).json()
    assert changed["rate_limit_rpm"] == 60
    same = {name for name in made if made[name] == changed[name]}
    assert same == set(made) - {"rate_limit_rpm", "updated_at"}
    cleared = tenant.admin.ask("PATCH", path, json={"default_model": None}).json()
    assert cleared["default_model"] is None


def test_a_patch_of_what_has_changed_since(tenant: Tenancy) -> None:
    path = f"integrations/{tenant.integrate()}"
    seen = tenant.admin.get(path).headers["etag"]
    first = tenant.admin.ask("PATCH", path, json={"rate_limit_rpm": 1}, headers={"If-Match": seen})
    assert first.status_code == 200
    assert first.headers["etag"] != seen
    late = tenant.admin.ask("PATCH", path, json={"rate_limit_rpm": 2}, headers={"If-Match": seen})
    assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
    assert tenant.admin.read(path)["rate_limit_rpm"] == 1
    anyway = tenant.admin.ask("PATCH", path, json={"rate_limit_rpm": 3}, headers={"If-Match": "*"})
    assert anyway.json()["rate_limit_rpm"] == 3


@pytest.mark.parametrize("sent", ['"x"', "1", '"99999999999"', "", '"1", "2"'])
def test_an_if_match_that_never_was_an_etag(tenant: Tenancy, sent: str) -> None:
    path = f"integrations/{tenant.integrate()}"
    answer = tenant.admin.ask("PATCH", path, json={"rate_limit_rpm": 1}, headers={"If-Match": sent})
    assert answer.status_code == 412


def test_a_delete_takes_if_match(tenant: Tenancy) -> None:
    path = f"integrations/{tenant.integrate()}"
    refused = tenant.admin.ask("DELETE", path, headers={"If-Match": '"7"'})
    assert refused.status_code == 412
    assert tenant.admin.ask("DELETE", path, headers={"If-Match": '"1"'}).status_code == 204
    assert tenant.admin.get(path).status_code == 404


def test_a_name_is_taken_until_its_owner_is_deleted(tenant: Tenancy) -> None:
    body = _body()
    first = tenant.admin.make("integrations", body)["id"]
    clash = tenant.admin.post("integrations", body)
    assert (clash.status_code, clash.json()["code"]) == (409, "name_taken")
    other = tenant.integrate()
    renamed = tenant.admin.ask("PATCH", f"integrations/{other}", json={"name": body["name"]})
    assert renamed.status_code == 409
    tenant.admin.ask("DELETE", f"integrations/{first}")
    again = tenant.admin.make("integrations", body)["id"]
    assert again != first


def test_a_name_of_another_tenant_is_free(andon: Andon) -> None:
    body = _body()
    ids = [andon.tenant().admin.make("integrations", body)["id"] for _ in range(2)]
    assert ids[0] != ids[1]


def test_delete_leaves_a_tombstone(andon: Andon, tenant: Tenancy) -> None:
    integration_id = tenant.integrate(name="gone", config={"base_url": "https://llm.example"})
    report_all(tenant.admin, [usage(integration_id, cost_cents=5)])
    path = f"integrations/{integration_id}"
    assert tenant.admin.ask("DELETE", path).status_code == 204
    for method, at in [
        ("GET", path),
        ("DELETE", path),
        ("GET", f"{path}/limits"),
        ("GET", f"{path}/health"),
        ("POST", f"{path}/enable"),
    ]:
        assert tenant.admin.ask(method, at).status_code == 404, at
    assert tenant.admin.items("integrations") == []
    row = andon.rows(
        f"SELECT credential_ref, config FROM integrations WHERE id = '{integration_id}'"
    )
    assert row == [(None, "{}")]
    summary = tenant.admin.read("telemetry/usage-summary")
    assert summary["total_cost_cents"] == 5
    assert summary["by_integration"][0]["integration_name"] == "gone"


def test_late_usage_of_a_deleted_integration_counts(tenant: Tenancy) -> None:
    integration_id = tenant.integrate()
    tenant.admin.ask("DELETE", f"integrations/{integration_id}")
    assert report(tenant.admin, usage(integration_id)).json()["status"] == "accepted"
    assert tenant.admin.read("telemetry/usage-summary")["total_calls"] == 1


@pytest.mark.parametrize("step", [None, "enable", "disable"])
def test_usage_counts_whatever_the_status(tenant: Tenancy, step: str | None) -> None:
    integration_id = tenant.integrate()
    if step is not None:
        tenant.admin.make(f"integrations/{integration_id}/{step}")
    assert report(tenant.admin, usage(integration_id)).status_code == 200


@pytest.mark.parametrize("sent", [RAW_KEY, "Bearer " + RAW_KEY, "env://" + RAW_KEY, "hunter2", ""])
def test_a_credential_is_a_reference(tenant: Tenancy, sent: str) -> None:
    path = f"integrations/{tenant.integrate()}"
    made = tenant.admin.post("integrations", _body(credential_ref=sent))
    changed = tenant.admin.ask("PATCH", path, json={"credential_ref": sent})
    for answer in (made, changed):
        assert answer.status_code == 422
        assert RAW_KEY not in answer.text
        assert "hunter2" not in answer.text
        assert RAW_KEY not in str(answer.headers)


def test_a_raw_key_is_called_by_its_name(tenant: Tenancy) -> None:
    answer = tenant.admin.post("integrations", _body(credential_ref=RAW_KEY))
    assert answer.json()["code"] == "raw_credential"
    assert "env://NAME" in answer.json()["detail"]


@pytest.mark.parametrize(
    "reference",
    [
        "env://OPENAI_API_KEY",
        "file:///run/secrets/openai",
        "vault://kv/llm#key",
        "aws-sm://prod/openai",
        "gcp-sm://projects/p/secrets/openai",
        "azure-kv://vault/openai",
    ],
)
def test_references_are_checked_by_form_alone(
    andon: Andon, tenant: Tenancy, reference: str
) -> None:
    made = tenant.integrate(credential_ref=reference)
    assert _credential(andon, made) == reference


def test_only_custom_does_without_a_credential(tenant: Tenancy) -> None:
    refused = tenant.admin.post("integrations", _body(credential_ref=None))
    assert refused.status_code == 422
    custom = tenant.integrate(provider_type="custom", credential_ref=None)
    path = f"integrations/{tenant.integrate()}"
    assert tenant.admin.ask("PATCH", path, json={"credential_ref": None}).status_code == 422
    changed = tenant.admin.ask("PATCH", f"integrations/{custom}", json={"credential_ref": None})
    assert changed.status_code == 200


def test_another_base_url_drops_the_credential(andon: Andon, tenant: Tenancy) -> None:
    config = {"base_url": "https://eu.llm.example", "region": "eu"}
    made = tenant.integrate(config=config)
    path = f"integrations/{made}"
    same = {**config, "region": "us"}
    assert tenant.admin.ask("PATCH", path, json={"config": same}).status_code == 200
    assert _credential(andon, made) == "env://OPENAI_API_KEY"
    other = {"base_url": "https://evil.example"}
    assert tenant.admin.ask("PATCH", path, json={"config": other}).status_code == 200
    assert _credential(andon, made) is None


def test_no_base_url_is_another_base_url(andon: Andon, tenant: Tenancy) -> None:
    made = tenant.integrate(config={"base_url": "https://eu.llm.example"})
    tenant.admin.ask("PATCH", f"integrations/{made}", json={"config": {}})
    assert _credential(andon, made) is None


def test_a_base_url_may_come_with_its_credential(andon: Andon, tenant: Tenancy) -> None:
    made = tenant.integrate(config={"base_url": "https://eu.llm.example"})
    body = {"config": {"base_url": "https://us.llm.example"}, "credential_ref": "env://US_KEY"}
    assert tenant.admin.ask("PATCH", f"integrations/{made}", json=body).status_code == 200
    assert _credential(andon, made) == "env://US_KEY"


def test_another_provider_drops_the_credential(andon: Andon, tenant: Tenancy) -> None:
    made = tenant.integrate()
    tenant.admin.ask("PATCH", f"integrations/{made}", json={"provider_type": "anthropic"})
    assert _credential(andon, made) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 256),
        ("name", "a\u0000b"),
        ("provider_type", "watson"),
        ("budget_limit_cents", -1),
        ("budget_limit_cents", 10**11 + 1),
        ("token_limit_month", -1),
        ("token_limit_month", 2**63),
        ("rate_limit_rpm", -1),
        ("rate_limit_rpm", 2**63),
        ("default_model", "x" * 101),
        ("config", []),
        ("tenant_id", "default"),
    ],
)
def test_a_field_out_of_its_bounds(tenant: Tenancy, field: str, value: Any) -> None:
    answer = tenant.admin.post("integrations", _body(**{field: value}))
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_request"
    assert any(field in item["field"] for item in answer.json()["errors"])
    path = f"integrations/{tenant.integrate()}"
    assert tenant.admin.ask("PATCH", path, json={field: value}).status_code == 422


def test_the_largest_limits_are_kept(tenant: Tenancy) -> None:
    largest = {"budget_limit_cents": 10**11, "token_limit_month": 2**53, "rate_limit_rpm": 2**31}
    made = tenant.integrate(**largest)
    seen = tenant.admin.read(f"integrations/{made}")
    assert {name: seen[name] for name in LIMITS} == largest


def test_lists_go_page_by_page_and_take_filters(tenant: Tenancy) -> None:
    names = [tenant.integrate(name=f"n{number}") for number in range(5)]
    custom = tenant.integrate(provider_type="custom", credential_ref=None)
    tenant.admin.make(f"integrations/{custom}/enable")
    pages = tenant.admin.items("integrations", limit=2)
    assert [one["id"] for one in pages] == [*names, custom]
    assert [one["id"] for one in tenant.admin.items("integrations", name="n3")] == [names[3]]
    for asked in ({"provider_type": "custom"}, {"status": "enabled"}):
        assert [one["id"] for one in tenant.admin.items("integrations", **asked)] == [custom]
    assert tenant.admin.get("integrations", status="gone").status_code == 422
    assert tenant.admin.get("integrations", limit=0).status_code == 422


def test_health_before_the_first_check(tenant: Tenancy) -> None:
    made = tenant.integrate()
    health = tenant.admin.read(f"integrations/{made}/health")
    assert health["integration_id"] == made
    assert health["health_state"] == "unknown"
    assert health["message"] is None
    assert health["checked_at"]
