"""Tenants: made, read, changed, suspended and resumed, and each act told in the audit."""

from __future__ import annotations

import time
from typing import Any

import httpx2
import pytest

from tests.integration.doors import Door, Tenancy, new_door, unique
from tests.integration.records import report, usage
from tests.integration.serving import Andon

SECONDS = 2.0
"""How long a suspension or a revocation may take to hold everywhere."""


def await_code(door: Door, code: str | None, path: str = "integrations") -> httpx2.Response:
    """Ask until the answer has this code (None: success), for 2 seconds at most."""
    deadline = time.monotonic() + SECONDS
    while True:
        answer = door.get(path)
        found = None if answer.is_success else answer.json()["code"]
        if found == code:
            return answer
        assert time.monotonic() < deadline, f"{found} is still answered after {SECONDS} s"
        time.sleep(0.02)


def test_a_new_tenant(andon: Andon) -> None:
    answer = andon.root.post("tenants", {"name": "Ada & Co", "time_zone": "Europe/Berlin"})
    made = answer.json()
    assert answer.status_code == 201
    assert made["name"] == "Ada & Co"
    assert made["status"] == "active"
    assert made["time_zone"] == "Europe/Berlin"
    assert made["next_time_zone"] is None
    assert made["settings"] == {}
    assert andon.root.read(f"tenants/{made['id']}") == made


def test_the_first_tenant_is_named_default(andon: Andon) -> None:
    assert andon.root.read("tenants/default")["id"] == "default"


def test_an_admin_of_default_sees_every_tenant(andon: Andon) -> None:
    made = [andon.tenant().id for _ in range(3)]
    listed = [one["id"] for one in andon.root.items("tenants", limit=40)]
    assert {"default", *made} <= set(listed)
    assert len(listed) == len(set(listed))
    assert andon.root.read(f"tenants/{made[0]}")["id"] == made[0]


@pytest.mark.parametrize("role", ["operator", "viewer"])
def test_other_roles_of_default_see_their_own_only(andon: Andon, role: str) -> None:
    other = andon.tenant().id
    door = new_door(andon.root, role)
    assert [one["id"] for one in door.items("tenants")] == ["default"]
    assert door.get(f"tenants/{other}").status_code == 404


def test_an_admin_of_another_tenant_sees_its_own_only(tenant: Tenancy) -> None:
    assert [one["id"] for one in tenant.admin.items("tenants")] == [tenant.id]
    assert tenant.admin.post("tenants", {"name": "mine"}).status_code == 403
    assert tenant.admin.post(f"tenants/{tenant.id}/suspend").status_code == 403
    assert tenant.admin.post(f"tenants/{tenant.id}/resume").status_code == 403


def test_an_admin_of_default_gives_keys_to_any_tenant(andon: Andon, tenant: Tenancy) -> None:
    door = new_door(andon.root, "viewer", tenant_id=tenant.id)
    assert [one["id"] for one in door.items("tenants")] == [tenant.id]
    body = {"kind": "person", "name": "Ada", "tenant_id": tenant.id}
    person = andon.root.make("principals", body)
    assert person["tenant_id"] == tenant.id
    second = new_door(andon.root, "viewer", tenant_id=tenant.id, principal_id=person["id"])
    assert second.principal_id == person["id"]


def test_a_principal_of_default_is_unknown_in_another(andon: Andon, tenant: Tenancy) -> None:
    door = new_door(andon.root, "viewer")
    body = {"name": "key", "role": "viewer", "tenant_id": tenant.id}
    answer = andon.root.post("keys", {**body, "principal_id": door.principal_id})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_principal")


def test_a_suspended_tenant(andon: Andon, tenant: Tenancy) -> None:
    integration_id, ingest = tenant.integrate(), tenant.door("ingest")
    shown = andon.root.make(f"tenants/{tenant.id}/suspend")
    assert shown["status"] == "suspended"
    answer = await_code(tenant.admin, "tenant_suspended")
    assert answer.status_code == 403
    refused = report(ingest, usage(integration_id))
    assert (refused.status_code, refused.json()["code"]) == (403, "tenant_suspended")
    assert andon.root.make(f"tenants/{tenant.id}/suspend")["status"] == "suspended"
    assert andon.root.make(f"tenants/{tenant.id}/resume")["status"] == "active"
    await_code(tenant.admin, None)
    assert report(ingest, usage(integration_id)).status_code == 200


def test_a_suspension_does_not_touch_another_tenant(andon: Andon) -> None:
    first, second = andon.tenant(), andon.tenant()
    andon.root.make(f"tenants/{first.id}/suspend")
    await_code(first.admin, "tenant_suspended")
    assert second.admin.get("integrations").status_code == 200


def test_default_is_never_suspended(andon: Andon) -> None:
    answer = andon.root.post("tenants/default/suspend")
    assert (answer.status_code, answer.json()["code"]) == (409, "invalid_transition")
    assert andon.root.read("tenants/default")["status"] == "active"


def test_a_tenant_is_changed_by_its_own_admin(tenant: Tenancy) -> None:
    path = f"tenants/{tenant.id}"
    seen = tenant.admin.get(path)
    answer = tenant.admin.ask(
        "PATCH", path, json={"name": "new"}, headers={"If-Match": seen.headers["etag"]}
    )
    assert answer.json()["name"] == "new"
    assert answer.json()["time_zone"] == seen.json()["time_zone"]
    late = tenant.admin.ask(
        "PATCH", path, json={"name": "late"}, headers={"If-Match": seen.headers["etag"]}
    )
    assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
    assert tenant.admin.read(path)["name"] == "new"


def test_settings_are_merged_and_null_takes_the_default(tenant: Tenancy) -> None:
    path = f"tenants/{tenant.id}"

    def change(**settings: int | None) -> Any:
        return tenant.admin.ask("PATCH", path, json={"settings": settings}).json()["settings"]

    assert change(confirmations=3) == {"confirmations": 3}
    both = change(unknown_price_nanousd_per_token=5000)
    assert both == {"confirmations": 3, "unknown_price_nanousd_per_token": 5000}
    assert change(confirmations=None) == {"unknown_price_nanousd_per_token": 5000}


@pytest.mark.parametrize(
    "settings",
    [{"confirmations": 0}, {"confirmations": 11}, {"colour": "red"}, {"confirmations": "x"}],
)
def test_a_setting_that_is_none(tenant: Tenancy, settings: dict[str, Any]) -> None:
    answer = tenant.admin.ask("PATCH", f"tenants/{tenant.id}", json={"settings": settings})
    assert answer.status_code == 422


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "x" * 256}, {"name": "a\u0000"}, []])
def test_a_tenant_needs_a_name(andon: Andon, body: Any) -> None:
    assert andon.root.post("tenants", body).status_code == 422


def _changes(door: Door, **wanted: str) -> list[dict[str, Any]]:
    return [
        one
        for one in door.items("audit/changes")
        if all(one[name] == value for name, value in wanted.items())
    ]


def test_a_change_is_told_with_before_and_after(tenant: Tenancy) -> None:
    integration_id = tenant.integrate(budget_limit_cents=5)
    answer = tenant.admin.ask(
        "PATCH", f"integrations/{integration_id}", json={"budget_limit_cents": 9}
    )
    changes = _changes(tenant.admin, object_id=integration_id)
    assert [one["action"] for one in changes] == ["integration.changed", "integration.created"]
    changed, created = changes
    assert created["before"] is None
    assert created["after"] == changed["before"]
    assert changed["before"]["budget_limit_cents"] == 5
    assert changed["after"]["budget_limit_cents"] == 9
    assert changed["principal_id"] == tenant.admin.principal_id
    assert changed["key_id"] == tenant.admin.key_id
    assert changed["actor_tenant_id"] == tenant.id
    assert changed["request_id"] == answer.headers["x-request-id"]


def test_secrets_are_masked_in_the_audit(tenant: Tenancy) -> None:
    tenant.integrate(credential_ref="env://QUITE_SPECIAL_NAME")
    door = tenant.door("viewer")
    text = tenant.admin.get("audit/changes").text
    assert "QUITE_SPECIAL_NAME" not in text
    assert '"credential_ref":"[masked]"' in text.replace(" ", "")
    assert door.key not in text


def test_every_act_leaves_its_row(tenant: Tenancy) -> None:
    integration_id, door = tenant.integrate(), tenant.door("viewer")
    tenant.admin.make(f"integrations/{integration_id}/enable")
    tenant.admin.make(f"integrations/{integration_id}/disable")
    tenant.admin.ask("DELETE", f"integrations/{integration_id}")
    tenant.admin.ask("DELETE", f"keys/{door.key_id}")
    tenant.admin.ask("PATCH", f"tenants/{tenant.id}", json={"name": "new"})
    tenant.admin.make("imports", {"note": "old calls"})
    tenant.admin.make("principals", {"kind": "person", "name": "Ada"})
    actions = [one["action"] for one in reversed(tenant.admin.items("audit/changes", limit=3))]
    assert actions == [
        "key.created",
        "integration.created",
        "key.created",
        "integration.enabled",
        "integration.disabled",
        "integration.deleted",
        "key.revoked",
        "tenant.changed",
        "import.opened",
        "principal.created",
    ]


def test_a_refused_act_leaves_no_row(tenant: Tenancy) -> None:
    name = unique("name")
    tenant.integrate(name=name)
    before = tenant.admin.items("audit/changes")
    tenant.admin.post("integrations", {"name": name, "provider_type": "custom"})
    tenant.admin.post("integrations", {"name": ""})
    assert tenant.admin.items("audit/changes") == before


def test_an_act_for_another_tenant_is_told_to_both(andon: Andon, tenant: Tenancy) -> None:
    door = new_door(andon.root, "viewer", tenant_id=tenant.id)
    andon.root.make(f"tenants/{tenant.id}/suspend")
    andon.root.make(f"tenants/{tenant.id}/resume")
    await_code(tenant.admin, None)
    for reader in (andon.root, tenant.admin):
        keys = _changes(reader, object_id=door.key_id)
        assert [one["action"] for one in keys] == ["key.created"]
        assert keys[0]["actor_tenant_id"] == "default"
        acts = [one["action"] for one in _changes(reader, object_id=tenant.id)]
        assert acts[:2] == ["tenant.resumed", "tenant.suspended"]


def test_a_tenants_own_act_is_not_told_to_default(andon: Andon, tenant: Tenancy) -> None:
    integration_id = tenant.integrate()
    assert _changes(andon.root, object_id=integration_id) == []
