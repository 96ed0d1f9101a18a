"""Keys: shown once, kept as a hash, revoked everywhere at once; people behind them counted."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from andon import app, errors
from tests.integration.conftest import ServeWith
from tests.integration.doors import Door, Tenancy, unique
from tests.integration.serving import Andon, fresh_store, migrate, serving, settings_of
from tests.integration.test_tenants import await_code
from tests.servers.andon import AndonServer
from tests.servers.postgres import PostgresServer
from tests.servers.stores import Store


def test_a_key_is_shown_once(tenant: Tenancy) -> None:
    answer = tenant.admin.post("keys", {"name": "app", "role": "ingest"})
    made = answer.json()
    assert answer.status_code == 201
    assert made["key"].startswith("andon_")
    assert made["tenant_id"] == tenant.id
    assert (made["name"], made["role"]) == ("app", "ingest")
    assert made["prefix"] == made["key"][:14]
    listed = tenant.admin.get("keys").text + tenant.admin.get(f"keys/{made['id']}").text
    assert made["key"] not in listed
    assert made["key"].split("_")[2] not in listed


def test_a_key_is_kept_as_a_hash(andon: Andon, tenant: Tenancy) -> None:
    door = tenant.door("viewer")
    rows = andon.rows(f"SELECT digest, prefix FROM api_keys WHERE id = '{door.key_id}'")
    assert [(bytes(digest), prefix) for digest, prefix in rows] == [
        (hashlib.sha256(door.key.encode()).digest(), door.key.split("_")[1])
    ]


def test_what_may_be_seen_of_a_key(tenant: Tenancy) -> None:
    door = tenant.door("viewer")
    listed = {one["id"]: one for one in tenant.admin.items("keys", limit=1)}
    seen = tenant.admin.read(f"keys/{door.key_id}")
    assert listed[door.key_id] == seen
    assert set(seen) == {
        "id",
        "name",
        "role",
        "principal_id",
        "prefix",
        "created_at",
        "revoked_at",
        "last_used_at",
    }


def test_a_revoked_key_is_refused(tenant: Tenancy) -> None:
    door = tenant.door("viewer")
    assert door.get("integrations").status_code == 200
    for _ in range(2):
        assert tenant.admin.ask("DELETE", f"keys/{door.key_id}").status_code == 204
    await_code(door, "not_authenticated")
    assert tenant.admin.read(f"keys/{door.key_id}")["revoked_at"] is not None


def test_a_key_is_revoked_while_it_is_used(tenant: Tenancy) -> None:
    door = tenant.door("viewer")

    def use() -> None:
        while door.get("integrations").is_success:
            pass

    with ThreadPoolExecutor(8) as pool:
        users = [pool.submit(use) for _ in range(8)]
        assert tenant.admin.ask("DELETE", f"keys/{door.key_id}").status_code == 204
        deadline = time.monotonic() + 2
        for user in users:
            user.result(timeout=max(0.0, deadline - time.monotonic()))


def test_the_last_use_is_shown(serve_with: ServeWith) -> None:
    tenant = serve_with(last_used_flush_seconds=0.05).tenant()
    door = tenant.door("viewer")
    path = f"keys/{door.key_id}"
    assert tenant.admin.read(path)["last_used_at"] is None
    door.read("integrations")
    deadline = time.monotonic() + 5
    while (used := tenant.admin.read(path)["last_used_at"]) is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert used > tenant.admin.read(path)["created_at"]


def test_two_keys_of_one_principal_are_one_person(tenant: Tenancy) -> None:
    person = tenant.admin.make("principals", {"kind": "person", "name": "Ada"})
    assert tenant.admin.read(f"principals/{person['id']}")["kind"] == "person"
    doors = []
    for _ in range(2):
        body = {"name": unique("laptop"), "role": "operator", "principal_id": person["id"]}
        made = tenant.admin.make("keys", body)
        doors.append(Door(tenant.admin.http, made["key"], made["id"], made["principal_id"]))
    ids = []
    for door in doors:
        body = {"name": unique("n"), "provider_type": "custom", "credential_ref": None}
        ids.append(door.make("integrations", body)["created_by"])
    assert ids == [person["id"]] * 2
    assert len({door.key_id for door in doors}) == 2


def test_a_key_without_a_principal_gets_a_service(tenant: Tenancy) -> None:
    made = tenant.admin.make("keys", {"name": "app", "role": "ingest"})
    service = tenant.admin.read(f"principals/{made['principal_id']}")
    assert (service["kind"], service["name"]) == ("service", "app")


@pytest.mark.parametrize(
    "body",
    [
        {"name": "key"},
        {"role": "viewer"},
        {"name": "key", "role": "owner"},
        {"name": "", "role": "viewer"},
        {"name": "key", "role": "viewer", "principal_id": ""},
        {"name": "key", "role": "viewer", "kind": "person"},
    ],
)
def test_a_key_that_cannot_be_made(tenant: Tenancy, body: dict[str, str]) -> None:
    answer = tenant.admin.post("keys", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_a_repeated_request_acts_once(tenant: Tenancy) -> None:
    headers = {"Idempotency-Key": unique("once")}
    body = {"name": unique("app"), "role": "ingest"}
    first = tenant.admin.post("keys", body, headers=headers)
    again = tenant.admin.post("keys", body, headers=headers)
    assert again.status_code == first.status_code == 201
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    # The answer is the same but for the key, which is shown once only.
    assert again.json() == {**first.json(), "key": None}
    assert [one["name"] for one in tenant.admin.items("keys")].count(body["name"]) == 1


def test_a_repeated_request_that_made_an_integration(tenant: Tenancy) -> None:
    headers = {"Idempotency-Key": unique("once")}
    body = {"name": unique("i"), "provider_type": "custom", "credential_ref": None}
    answers = [tenant.admin.post("integrations", body, headers=headers) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1


def test_an_idempotency_key_for_another_request(tenant: Tenancy) -> None:
    headers = {"Idempotency-Key": unique("once")}
    body = {"name": unique("app"), "role": "ingest"}
    tenant.admin.make("keys", body, headers=headers)
    other = tenant.admin.post("keys", {**body, "role": "admin"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    # Another route, another principal and another tenant have their own.
    person = {"kind": "person", "name": "Ada"}
    assert tenant.admin.post("principals", person, headers=headers).status_code == 201
    second = tenant.door("admin")
    assert second.post("keys", {**body, "role": "admin"}, headers=headers).status_code == 201


def test_a_refused_request_leaves_its_idempotency_key_free(tenant: Tenancy) -> None:
    headers = {"Idempotency-Key": unique("once")}
    name = unique("taken")
    taken = tenant.integrate(name=name)
    body = {"name": name, "provider_type": "custom", "credential_ref": None}
    assert tenant.admin.post("integrations", body, headers=headers).status_code == 409
    tenant.admin.ask("DELETE", f"integrations/{taken}")
    assert tenant.admin.post("integrations", body, headers=headers).status_code == 201


def test_one_request_sent_many_times_at_once(tenant: Tenancy) -> None:
    headers = {"Idempotency-Key": unique("once")}
    body = {"name": unique("app"), "role": "ingest"}
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda _: tenant.admin.post("keys", body, headers=headers), range(8))
        )
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert sum("idempotent-replayed" not in a.headers and a.is_success for a in answers) == 1
    assert [one["name"] for one in tenant.admin.items("keys")].count(body["name"]) == 1


@pytest.mark.parametrize("key", ["", "x" * 201, "tab\there"])
def test_an_idempotency_key_that_is_none(tenant: Tenancy, key: str) -> None:
    body = {"name": "app", "role": "ingest"}
    answer = tenant.admin.post("keys", body, headers={"Idempotency-Key": key})
    assert answer.status_code == 422


GARBAGE = [
    "andon_",
    "andon_12345678_" + "x" * 49,
    "x" * 24,
    "x" * 513,
    "' OR 1=1 --" + "x" * 20,
    "\xff" * 30,
    "andon_0OAaZz19_" + "0" * 49,
    "%00" * 12,
]


@pytest.mark.parametrize("key", GARBAGE)
def test_garbage_is_no_key(andon: Andon, key: str) -> None:
    sent = [(b"Authorization", b"Bearer " + key.encode("latin-1"))]
    answer = andon.http.get("/api/v1/integrations", headers=sent)
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")


@pytest.fixture(scope="module")
def two_replicas(
    postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Andon, Andon]]:
    """Serve one PostgreSQL database by two servers; an embedded store has one only."""
    folder = tmp_path_factory.mktemp("replicas")
    with (
        fresh_store("postgresql", folder, postgres_server) as store,
        serving(store) as first,
        serving(store) as second,
    ):
        yield first, second


def test_a_revocation_holds_in_every_replica(two_replicas: tuple[Andon, Andon]) -> None:
    first, second = two_replicas
    tenant = first.tenant()
    door = tenant.door("viewer")
    there = Door(second.http, door.key)
    assert there.get("integrations").status_code == 200
    assert tenant.admin.ask("DELETE", f"keys/{door.key_id}").status_code == 204
    await_code(there, "not_authenticated")


def test_a_suspension_holds_in_every_replica(two_replicas: tuple[Andon, Andon]) -> None:
    first, second = two_replicas
    tenant = first.tenant()
    there = Door(second.http, tenant.admin.key)
    assert there.get("integrations").status_code == 200
    first.root.make(f"tenants/{tenant.id}/suspend")
    await_code(there, "tenant_suspended")
    second.root.make(f"tenants/{tenant.id}/resume")
    await_code(tenant.admin, None)


def test_a_key_made_at_one_replica_is_taken_at_the_other(
    two_replicas: tuple[Andon, Andon],
) -> None:
    first, second = two_replicas
    door = first.tenant().door("viewer")
    assert Door(second.http, door.key).get("integrations").status_code == 200


def test_the_preset_admin_key(fresh_server: AndonServer) -> None:
    client, old = fresh_server.client(), fresh_server.key
    keys = client.get("/api/v1/keys").json()["items"]
    assert [(one["name"], one["role"], one["prefix"]) for one in keys] == [("admin", "admin", None)]
    person = client.get(f"/api/v1/principals/{keys[0]['principal_id']}").json()
    assert (person["kind"], person["name"]) == ("person", "admin")

    # Another key in its place revokes it, and belongs to the same person.
    fresh_server.key = unique("another-key-that-is-long-enough")
    fresh_server.restart()
    assert fresh_server.client(old).get("/api/v1/keys").status_code == 401
    after = fresh_server.client().get("/api/v1/keys").json()["items"]
    assert [one["revoked_at"] is None for one in after] == [False, True]
    assert after[1]["principal_id"] == keys[0]["principal_id"]
    for key in (old, fresh_server.key, "First admin key"):
        assert key not in fresh_server.log_text()


def test_the_same_preset_key_is_adopted_once(store: Store) -> None:
    migrate(store)
    preset = unique("a-preset-key-that-is-long-enough")
    for _ in range(3):
        assert app.init(settings_of(store, admin_key=preset)) is None
    with serving(store) as andon:
        assert len(Door(andon.http, preset).items("keys")) == 1


def test_a_preset_key_that_was_revoked_is_refused(store: Store) -> None:
    migrate(store)
    settings = settings_of(store, admin_key=unique("a-preset-key-that-is-long-enough"))
    app.init(settings)
    with serving(store) as andon:
        key = andon.root.items("keys")[0]
        assert andon.root.ask("DELETE", f"keys/{key['id']}").status_code == 204
    with pytest.raises(errors.StoreRefused, match="was revoked"):
        app.init(settings)


def test_replicas_that_start_at_once_share_the_preset_key(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    with fresh_store("postgresql", tmp_path, postgres_server) as store:
        preset = unique("a-preset-key-that-is-long-enough")
        settings = settings_of(store, admin_key=preset)
        gate = threading.Barrier(6)

        def start(_: int) -> str | None:
            gate.wait()
            return app.init(settings)

        with ThreadPoolExecutor(6) as pool:
            assert list(pool.map(start, range(6))) == [None] * 6
        with serving(store) as andon:
            keys = Door(andon.http, preset).items("keys")
            assert [one["revoked_at"] for one in keys] == [None]
            people = [one["name"] for one in andon.root.items("principals")]
            assert people == ["admin"]


def test_replicas_that_start_at_once_show_one_first_key(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    with fresh_store("postgresql", tmp_path, postgres_server) as store:
        settings = settings_of(store)
        gate = threading.Barrier(6)

        def start(_: int) -> str | None:
            gate.wait()
            return app.init(settings)

        with ThreadPoolExecutor(6) as pool:
            shown = [key for key in pool.map(start, range(6)) if key is not None]
        assert len(shown) == 1


def test_the_first_key_of_an_empty_store_is_given_once(store: Store) -> None:
    migrate(store)
    settings = settings_of(store)
    secret = app.init(settings)
    assert secret is not None
    assert app.init(settings) is None
    with serving(store) as andon:
        door = Door(andon.http, secret)
        keys = door.items("keys")
        assert [(one["name"], one["role"]) for one in keys] == [("admin", "admin")]
        person = door.read(f"principals/{keys[0]['principal_id']}")
        assert (person["kind"], person["name"]) == ("person", "admin")
