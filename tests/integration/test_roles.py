"""What each role may do, on every documented route, in the tenant `default` and in another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from andon.engines.tenants.roles import DEFAULT_TENANT, Permission, Role, allows
from tests.integration.doors import Door, Tenancy, new_door, new_integration
from tests.integration.prices import new_price
from tests.integration.records import new_record
from tests.integration.serving import Andon
from tests.integration.test_walls import METHODS

OPEN = {"/healthz", "/readyz", "/metrics"}
"""Documented paths that no role is needed for; what /metrics asks is tested with the service."""


class Route(NamedTuple):
    """One documented operation."""

    method: str
    path: str
    operation: dict[str, Any]

    def at(self, ids: dict[str, str]) -> str:
        """Fill the ids into the path."""
        return self.path.format(**ids)


def _routes(andon: Andon) -> list[Route]:
    document = andon.http.get("/openapi.json").json()
    return [
        Route(method.upper(), path, item[method])
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item and path not in OPEN
    ]


def _own_objects(maker: Door, tenant_id: str, path: str) -> dict[str, str]:
    """Make an object of the caller's tenant for each id that the path names."""
    ids = {"tenant_id": tenant_id}
    if "{integration_id}" in path:
        ids["integration_id"] = new_integration(maker)
    if "{price_id}" in path:
        ids["price_id"] = new_price(maker)
    if "{record_id}" in path:
        ids["record_id"] = new_record(maker)
    if "{key_id}" in path or "{principal_id}" in path:
        door = new_door(maker, "viewer")
        ids |= {"key_id": door.key_id, "principal_id": door.principal_id}
    return ids


def test_every_route_says_what_its_callers_must_be_allowed(andon: Andon) -> None:
    routes = _routes(andon)
    assert len(routes) >= 25
    for route in routes:
        Permission(route.operation["x-permission"])
        assert route.operation["security"] == [{"key": []}], route.path


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("where", ["default", "another"])
def test_role_on_every_route(andon: Andon, role: Role, where: str) -> None:
    tenant_id, maker = DEFAULT_TENANT, andon.root
    if where == "another":
        tenant = andon.tenant()
        tenant_id, maker = tenant.id, tenant.admin
    door = new_door(maker, role)
    allowed = refused = 0
    for route in _routes(andon):
        if "suspend" in route.path and allows(role, Permission.MANAGE_TENANTS, tenant_id):
            # An admin of `default` suspends others; its own tenant answers 409.
            assert door.post(f"tenants/{DEFAULT_TENANT}/suspend").status_code == 409
            continue
        path = route.at(_own_objects(maker, tenant_id, route.path))
        sent: dict[str, Any] = {} if route.method == "GET" else {"json": {}}
        status = door.ask(route.method, path, **sent).status_code
        permission = Permission(route.operation["x-permission"])
        if allows(role, permission, tenant_id):
            assert status not in {401, 403, 404}, (route.method, route.path)
            allowed += 1
        else:
            assert status == 403, (route.method, route.path)
            refused += 1
    assert allowed
    assert refused or (role, where) == (Role.ADMIN, "default")


def test_the_table_of_roles_is_what_was_promised() -> None:
    may = {role: {p for p in Permission if allows(role, p, "another")} for role in Role}
    assert may[Role.INGEST] == {Permission.REPORT_USAGE}
    assert Permission.REPORT_USAGE not in may[Role.VIEWER]
    assert may[Role.VIEWER] < may[Role.OPERATOR] < may[Role.ADMIN]
    assert Permission.MANAGE_TENANTS not in may[Role.ADMIN]
    assert allows(Role.ADMIN, Permission.MANAGE_TENANTS, DEFAULT_TENANT)
    assert not allows(Role.OPERATOR, Permission.MANAGE_KEYS, DEFAULT_TENANT)


def test_a_refusal_names_the_role_and_the_remedy(tenant: Tenancy) -> None:
    body = tenant.door("viewer").post("integrations", {}).json()
    assert body["code"] == "not_allowed"
    assert "viewer" in body["detail"]
    assert "ask an admin" in body["detail"]


def test_a_refused_body_is_not_looked_at(tenant: Tenancy) -> None:
    answer = tenant.door("viewer").ask("POST", "integrations", content=b"\xff{")
    assert answer.status_code == 403


def test_without_a_key_every_route_asks_for_one(andon: Andon, tenant: Tenancy) -> None:
    for route in _routes(andon):
        path = route.at(_own_objects(tenant.admin, tenant.id, route.path))
        answer = andon.http.request(route.method, path)
        assert answer.status_code == 401, route.path
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.json()["code"] == "not_authenticated"


CARRIERS: dict[str, Callable[[str], dict[str, Any]]] = {
    "another header": lambda key: {"headers": {"X-Api-Key": key}},
    "the header api-key": lambda key: {"headers": {"api-key": key}},
    "a query": lambda key: {"params": {"key": key}},
    "a query as of OAuth": lambda key: {"params": {"access_token": key}},
    "a cookie": lambda key: {"headers": {"Cookie": f"key={key}; andon_key={key}"}},
    "Basic": lambda key: {"headers": {"Authorization": f"Basic {key}"}},
    "no scheme": lambda key: {"headers": {"Authorization": key}},
    "an empty Bearer": lambda key: {"headers": {"Authorization": "Bearer"}},
    "the password of Basic": lambda key: {"auth": ("admin", key)},
}


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_key_counts_as_a_bearer_only(andon: Andon, tenant: Tenancy, carrier: str) -> None:
    for method, path in (("GET", "integrations"), ("POST", "telemetry/llm-usage")):
        sent = CARRIERS[carrier](tenant.admin.key)
        answer = andon.http.request(method, f"/api/v1/{path}", **sent)
        assert answer.status_code == 401, path


def test_the_scheme_is_read_in_any_case(andon: Andon, tenant: Tenancy) -> None:
    for scheme in ("Bearer", "bearer", "BEARER"):
        headers = {"Authorization": f"{scheme} {tenant.admin.key}"}
        assert andon.http.get("/api/v1/integrations", headers=headers).status_code == 200


def test_a_role_in_the_body_is_not_taken_from_the_caller(tenant: Tenancy) -> None:
    body = {"name": "key", "role": "viewer", "origin": "environment", "digest": "00"}
    answer = tenant.admin.post("keys", body)
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_request"
