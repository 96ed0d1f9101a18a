"""Tenants are walls: another tenant's object is as absent as one that never was."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from tests.integration.doors import Door, Tenancy, new_door, unique
from tests.integration.prices import new_price
from tests.integration.records import BATCH, USAGE, ago, new_record, report, report_all, usage
from tests.integration.serving import Andon

NEVER_WAS = "0196b2c4-7d3e-7a51-9c7e-2b8f4d6a1e00"
METHODS = ("get", "put", "post", "patch", "delete", "head", "options")

MAKERS: dict[str, Callable[[Tenancy], str]] = {
    "integration_id": lambda owner: owner.integrate(),
    "tenant_id": lambda owner: owner.id,
    "key_id": lambda owner: owner.door("viewer").key_id,
    "principal_id": lambda owner: owner.door("viewer").principal_id,
    "price_id": lambda owner: new_price(owner.admin),
    "record_id": lambda owner: new_record(owner.admin),
}
"""How an object that a path can name is made; the walk fails for a path that has none here."""


def _paths(andon: Andon) -> dict[str, list[str]]:
    """List the documented paths with an id in them, and the methods of each."""
    document = andon.http.get("/openapi.json").json()
    return {
        path: [method for method in METHODS if method in item]
        for path, item in document["paths"].items()
        if "{" in path
    }


def _names(path: str) -> list[str]:
    return re.findall(r"{(\w+)}", path)


def _ask(door: Door, method: str, path: str, ids: dict[str, str]) -> httpx2.Response:
    return door.ask(method.upper(), path.format(**ids), json={} if method != "get" else None)


def _body(answer: httpx2.Response) -> tuple[int, bytes, str]:
    return answer.status_code, answer.content, answer.headers["content-type"]


def test_every_path_with_an_id_has_a_maker(andon: Andon) -> None:
    paths = _paths(andon)
    assert paths
    for path in paths:
        for name in _names(path):
            assert name in MAKERS, f"{path}: say in MAKERS how an object for {name} is made"


@pytest.mark.parametrize("role", ["admin", "operator", "viewer", "ingest"])
def test_another_tenants_object_is_as_absent_as_one_that_never_was(andon: Andon, role: str) -> None:
    owner, stranger = andon.tenant(), andon.tenant()
    foreign = stranger.door(role)
    walked = 0
    for path, methods in _paths(andon).items():
        never = dict.fromkeys(_names(path), NEVER_WAS)
        for method in methods:
            ids = {name: MAKERS[name](owner) for name in _names(path)}
            refused = _ask(foreign, method, path, ids)
            absent = _ask(foreign, method, path, never)
            assert refused.status_code == 404, (method, path)
            assert _body(refused) == _body(absent), (method, path)
            seen = _ask(owner.admin, method, path, ids)
            assert seen.status_code not in {401, 404}, (method, path, seen.text)
            walked += 1
    assert walked >= 10


def test_a_repeatable_request_of_a_stranger_is_as_absent_too(andon: Andon) -> None:
    owner, stranger = andon.tenant(), andon.tenant()
    for path, methods in _paths(andon).items():
        for method in methods:
            ids = {name: MAKERS[name](owner) for name in _names(path)}
            headers = {"Idempotency-Key": unique("once"), "If-Match": '"1"'}
            for _ in range(2):
                refused = stranger.admin.ask(
                    method.upper(), path.format(**ids), content=b"\xff", headers=headers
                )
                assert refused.status_code == 404, (method, path)


def test_the_tenant_default_has_walls_too(andon: Andon, tenant: Tenancy) -> None:
    door = new_door(andon.root, "viewer")
    for path in ("tenants/default", f"keys/{door.key_id}", f"principals/{door.principal_id}"):
        absent = tenant.admin.get(path.rsplit("/", 1)[0] + "/" + NEVER_WAS)
        assert _body(tenant.admin.get(path)) == _body(absent)
        assert absent.status_code == 404


def test_a_stranger_changes_nothing(andon: Andon) -> None:
    owner, stranger = andon.tenant(), andon.tenant()
    integration_id, kept = owner.integrate(), owner.door("viewer")
    before = owner.admin.read(f"integrations/{integration_id}")
    stranger.admin.ask("DELETE", f"integrations/{integration_id}")
    stranger.admin.ask("PATCH", f"integrations/{integration_id}", json={"name": "mine"})
    stranger.admin.post(f"integrations/{integration_id}/enable")
    stranger.admin.ask("DELETE", f"keys/{kept.key_id}")
    stranger.admin.ask("PATCH", f"tenants/{owner.id}", json={"name": "mine"})
    assert owner.admin.read(f"integrations/{integration_id}") == before
    assert kept.get("integrations").status_code == 200
    assert owner.admin.read(f"tenants/{owner.id}")["name"] != "mine"


def _lists(andon: Andon) -> list[str]:
    document = andon.http.get("/openapi.json").json()
    return [
        path
        for path, item in document["paths"].items()
        if path.startswith("/api/v1/") and "get" in item and "{" not in path
    ]


def _is_shown(answer: httpx2.Response, secrets: list[str]) -> bool:
    if answer.url.path.endswith("/usage-history"):
        return bool(answer.json()["items"])  # sums alone, which name nobody
    return any(secret in answer.text for secret in secrets)


def test_lists_show_nothing_of_another_tenant(andon: Andon) -> None:
    owner, stranger = andon.tenant(), andon.tenant()
    integration_id = owner.integrate(name=unique("hidden"))
    reader = owner.door("viewer")
    calls = [usage(integration_id, model=unique("model"), agent_id=unique("agent"))]
    report_all(owner.admin, calls)
    opened = owner.admin.make("imports", {"note": unique("note")})
    secrets = [owner.id, integration_id, reader.key_id, reader.principal_id, opened["id"]]
    secrets.append(new_price(owner.admin))
    secrets += [calls[0]["call_id"], calls[0]["model"], calls[0]["agent_id"]]
    paths = _lists(andon)
    assert len(paths) >= 8
    for path in paths:
        mine, theirs = owner.admin.get(path), stranger.admin.get(path)
        assert mine.status_code == theirs.status_code == 200, path
        assert _is_shown(mine, secrets), f"{path} shows the owner nothing"
        assert not _is_shown(theirs, secrets), path


@pytest.mark.parametrize("path", ["llm-usage", "daily-aggregates", "usage-history"])
def test_a_filter_by_a_foreign_integration_finds_nothing(andon: Andon, path: str) -> None:
    owner, stranger = andon.tenant(), andon.tenant()
    integration_id = owner.integrate()
    report_all(owner.admin, [usage(integration_id)])
    asked: dict[str, Any] = {"integration_id": integration_id}
    assert owner.admin.read(f"telemetry/{path}", **asked)["items"]
    found = stranger.admin.read(f"telemetry/{path}", **asked)
    never = stranger.admin.read(f"telemetry/{path}", integration_id=NEVER_WAS)
    assert found == never == {"items": [], "next_cursor": None}


def test_usage_for_a_foreign_integration_is_refused_as_unknown(andon: Andon) -> None:
    owner, stranger = andon.tenant(), andon.tenant()
    foreign, own = owner.integrate(), stranger.integrate()
    door = stranger.door("ingest")
    refused = report(door, usage(foreign))
    never = report(door, usage(NEVER_WAS))
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_integration")
    assert refused.content == never.content
    answer = door.make(BATCH, {"records": [usage(foreign), usage(own), usage(NEVER_WAS)]})
    assert answer["accepted"] == 1
    assert [(item["index"], item["code"]) for item in answer["rejected"]] == [
        (0, "unknown_integration"),
        (2, "unknown_integration"),
    ]
    assert owner.admin.read("telemetry/usage-summary")["total_calls"] == 0


def test_a_call_id_belongs_to_its_tenant(andon: Andon) -> None:
    first, second = andon.tenant(), andon.tenant()
    call_id = unique("shared")
    for one in (first, second):
        answer = report(one.admin, usage(one.integrate(), call_id=call_id))
        assert answer.json()["status"] == "accepted"


def test_a_foreign_import_is_unknown(andon: Andon) -> None:
    owner, stranger = andon.tenant(), andon.tenant()
    opened = owner.admin.make("imports")["id"]
    old = usage(stranger.integrate(), occurred_at=ago(days=90))
    answers = [report(stranger.admin, old, import_id=one) for one in (opened, NEVER_WAS)]
    assert [answer.status_code for answer in answers] == [422, 422]
    assert answers[0].json()["code"] == "unknown_import"
    assert answers[0].content == answers[1].content


@pytest.mark.parametrize(
    ("kind", "field"), [("principal", "principal_id"), ("tenant", "tenant_id")]
)
def test_a_foreign_id_in_a_key_is_unknown(andon: Andon, kind: str, field: str) -> None:
    owner, stranger = andon.tenant(), andon.tenant()
    foreign = {"principal_id": owner.admin.principal_id, "tenant_id": owner.id}[field]
    body = {"name": "key", "role": "viewer"}
    answers = [stranger.admin.post("keys", {**body, field: one}) for one in (foreign, NEVER_WAS)]
    assert answers[0].status_code == 422
    assert answers[0].json()["code"] == f"unknown_{kind}"
    assert answers[0].content == answers[1].content


def test_a_foreign_tenant_in_a_principal_is_unknown(andon: Andon) -> None:
    owner, stranger = andon.tenant(), andon.tenant()
    body = {"kind": "person", "name": "Ada"}
    answers = [
        stranger.admin.post("principals", {**body, "tenant_id": one})
        for one in (owner.id, NEVER_WAS, "default")
    ]
    assert [answer.status_code for answer in answers] == [422, 422, 422]
    assert answers[0].json()["code"] == "unknown_tenant"
    assert answers[0].content == answers[1].content == answers[2].content


HOSTILE_IDS = [
    "%00",
    "a%00b",
    "%ff%fe",
    "..%2f..%2fetc%2fpasswd",
    "'%20OR%201=1--",
    "{}",
    "0" * 4000,
    "%F0%9F%94%91",
    "-1",
    "null",
]


@pytest.mark.parametrize("text", HOSTILE_IDS)
def test_an_id_that_cannot_be_one_is_as_absent(tenant: Tenancy, text: str) -> None:
    for kind in ("integrations", "tenants", "keys", "principals", "prices"):
        answer = tenant.admin.get(f"{kind}/{text}")
        never = tenant.admin.get(f"{kind}/{NEVER_WAS}")
        assert _body(answer) == _body(never), (kind, text)


def test_usage_is_read_in_its_own_tenant_only(andon: Andon) -> None:
    owner, stranger = andon.tenant(), andon.tenant()
    call = usage(owner.integrate())
    report_all(owner.admin, [call])
    assert [one["call_id"] for one in owner.admin.items(USAGE)] == [call["call_id"]]
    assert stranger.admin.items(USAGE, call_id=call["call_id"]) == []
