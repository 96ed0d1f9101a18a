"""Bodies of management requests: what is no JSON, too deep, or names what nobody may set."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from tests.integration.doors import JSON, Tenancy, unique
from tests.integration.serving import Andon

POSTS = ["integrations", "keys", "principals", "tenants", "imports"]

GARBAGE: dict[str, bytes] = {
    "nothing": b"",
    "half an object": b'{"name": "x"',
    "a list": b"[]",
    "a number": b"7",
    "a text": b'"x"',
    "no UTF-8": b'{"name": "\xff\xfe"}',
    "UTF-16": '{"name": "x"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"name": ""}',
    "NUL": b"\x00",
    "very deep lists": b"[" * 50_000,
    "very deep objects": b'{"a":' * 50_000,
    "a form": b"name=x&role=viewer",
    "NaN": b'{"name": NaN}',
    "a long number": b'{"name": ' + b"9" * 9000 + b"}",
}


def _post(tenant: Tenancy, path: str, body: bytes) -> httpx2.Response:
    return tenant.admin.ask("POST", path, content=body, headers={"Content-Type": JSON})


@pytest.mark.parametrize("garbage", GARBAGE)
def test_what_is_no_body(andon: Andon, tenant: Tenancy, garbage: str) -> None:
    for path in POSTS:
        door = andon.root if path == "tenants" else tenant.admin
        answer = door.ask("POST", path, content=GARBAGE[garbage], headers={"Content-Type": JSON})
        if (path, garbage) == ("imports", "nothing"):
            assert answer.status_code == 201  # an import needs no note
            continue
        assert answer.status_code == 422, path
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] in {"invalid_json", "invalid_request"}


@pytest.mark.parametrize("name", ["\\ud800", "\\udfff", "a\\ud800b", "\\u0000", "a\\u0000"])
def test_text_that_no_store_can_hold(tenant: Tenancy, name: str) -> None:
    for path, more in (
        ("integrations", '"provider_type": "custom", "credential_ref": null'),
        ("keys", '"role": "viewer"'),
        ("principals", '"kind": "person"'),
    ):
        answer = _post(tenant, path, f'{{"name": "{name}", {more}}}'.encode())
        assert answer.status_code == 422, path
        assert answer.json()["code"] == "invalid_request"
    assert _post(tenant, "imports", f'{{"note": "{name}"}}'.encode()).status_code == 422


@pytest.mark.parametrize(
    "config",
    [
        '{"a": NaN}',
        '{"a": Infinity}',
        '{"a": 1e999}',
        '{"a": "\\ud800"}',
        '{"\\u0000": 1}',
        '{"a": ' + "[" * 40 + "]" * 40 + "}",
        '{"a": "' + "x" * 17_000 + '"}',
        '{"base_url": 7}',
        '{"base_url": "ftp://x"}',
        '{"base_url": "https://"}',
        '{"base_url": "https://ada:pa55word1@x"}',
        '{"api_key": "x"}',
        '{"headers": {"Authorization": "x"}}',
        "null",
    ],
)
def test_a_configuration_that_is_none(tenant: Tenancy, config: str) -> None:
    body = f'{{"name": "n", "provider_type": "custom", "credential_ref": null, "config": {config}}}'
    assert _post(tenant, "integrations", body.encode()).status_code == 422
    path = f"integrations/{tenant.integrate()}"
    sent = {"content": f'{{"config": {config}}}'.encode(), "headers": {"Content-Type": JSON}}
    assert tenant.admin.ask("PATCH", path, **sent).status_code == 422


@pytest.mark.parametrize("name", ["ключ", "🔑", "e\u0301", "a b", "'; DROP TABLE x; --", "<b>"])
def test_a_name_is_kept_as_it_is(tenant: Tenancy, name: str) -> None:
    made = tenant.integrate(name=name)
    assert tenant.admin.read(f"integrations/{made}")["name"] == name
    assert [one["id"] for one in tenant.admin.items("integrations", name=name)] == [made]
    person = tenant.admin.make("principals", {"kind": "person", "name": name})
    assert tenant.admin.read(f"principals/{person['id']}")["name"] == name


OWN = ["id", "tenant", "status", "created_at", "created_by", "revision", "health_state", "no"]


@pytest.mark.parametrize("field", OWN)
def test_nobody_sets_what_is_the_servers(tenant: Tenancy, field: str) -> None:
    body: dict[str, Any] = {"name": unique("n"), "provider_type": "custom", "credential_ref": None}
    answer = tenant.admin.post("integrations", {**body, field: 1})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    path = f"integrations/{tenant.integrate()}"
    assert tenant.admin.ask("PATCH", path, json={field: 1}).status_code == 422
    answer = tenant.admin.post("keys", {"name": "k", "role": "viewer", field: 1})
    assert answer.status_code == 422
    answer = tenant.admin.ask("PATCH", f"tenants/{tenant.id}", json={field: 1})
    assert answer.status_code == 422


def test_an_error_names_the_field_and_not_its_value(tenant: Tenancy) -> None:
    word = "hunter-two-is-private"
    body = {"name": unique("n"), "provider_type": word, "credential_ref": word, word: word}
    answer = tenant.admin.post("integrations", body)
    fields = {item["field"] for item in answer.json()["errors"]}
    assert {"provider_type", "credential_ref", word} <= fields
    told = json.dumps([item["message"] for item in answer.json()["errors"]])
    assert word not in told
    assert word not in answer.json()["detail"]
