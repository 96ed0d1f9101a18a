"""A suspended tenant is erased: records, texts and names go, sums and audit ids stay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import ServeWith
from tests.integration.doors import Tenancy, unique
from tests.integration.records import report, report_all, usage
from tests.integration.serving import Andon, serving
from tests.integration.waiting import until
from tests.servers.stores import SqliteStore, Store

NO_DELAY = {"key_cache_seconds": 0.0}


@pytest.fixture
def quick(serve_with: ServeWith) -> Andon:
    return serve_with(**NO_DELAY)


def _filled(andon: Andon, word: str) -> Tenancy:
    """Make a tenant whose every text holds this word."""
    tenant = andon.tenant(name=f"{word} Ltd")
    admin = tenant.admin
    integration_id = tenant.integrate(name=word, config={"note": word}, default_model=word)
    call = usage(
        integration_id,
        end_user=word,
        session_id=word,
        metadata={"note": word},
        error_message=f"failed with {word}",
    )
    report_all(admin, [call, usage(integration_id)])
    admin.make("imports", {"note": word})
    admin.make("principals", {"kind": "person", "name": word})
    admin.make("keys", {"name": word, "role": "viewer"}, headers={"Idempotency-Key": word})
    price = {"model": "m", "input_usd_per_mtok": "1", "output_usd_per_mtok": "1"}
    admin.make("prices", {**price, "note": word})
    admin.ask("PATCH", f"integrations/{integration_id}", json={"name": f"{word} again"})
    return tenant


def _number(andon: Andon, tenant: Tenancy) -> int:
    return int(andon.rows(f"SELECT tenant FROM tenants WHERE id = '{tenant.id}'")[0][0])


def _erase(andon: Andon, tenant: Tenancy) -> dict[str, Any]:
    andon.root.make(f"tenants/{tenant.id}/suspend")
    began = andon.root.make(f"tenants/{tenant.id}/erase")
    assert began["erasure_began_at"] is not None
    until(lambda: andon.root.read(f"tenants/{tenant.id}")["erased_at"] is not None)
    shown: dict[str, Any] = andon.root.read(f"tenants/{tenant.id}")
    return shown


def _everything(andon: Andon) -> str:
    names = [
        name
        for (name,) in andon.rows(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
            if isinstance(andon.store, SqliteStore)
            else "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
            " AND relnamespace = 'public'::regnamespace"
        )
    ]
    assert len(names) > 15
    return str([andon.rows(f"SELECT * FROM {name}") for name in names])


def test_no_table_holds_a_text_of_an_erased_tenant(quick: Andon) -> None:
    word = unique("secretive")
    tenant, other = _filled(quick, word), quick.tenant()
    report_all(other.admin, [usage(other.integrate(), error_message="theirs")])
    number = _number(quick, tenant)
    sums = f"SELECT sum(calls), sum(tokens_in) FROM usage_daily WHERE tenant = {number}"
    audit = f"SELECT id, action, object_id FROM audit_changes WHERE tenant = {number} ORDER BY id"
    before, changes = quick.rows(sums), quick.rows(audit)
    assert word in _everything(quick)
    assert len(changes) > 5
    shown = _erase(quick, tenant)
    assert (shown["name"], shown["status"], shown["settings"]) == ("(erased)", "suspended", {})
    assert word not in _everything(quick)
    assert quick.rows(sums) == before
    assert quick.rows(audit)[: len(changes)] == changes
    for table in ("usage", "usage_errors", "usage_recent", "usage_names", "idempotency"):
        assert quick.rows(f"SELECT count(*) FROM {table} WHERE tenant = {number}") == [(0,)]
    assert len(other.admin.items("telemetry/llm-usage")) == 1
    assert other.admin.items("telemetry/llm-usage")[0]["error_message"] == "theirs"
    assert other.admin.items("audit/changes")[0]["after"] is not None
    assert quick.root.make("verify", {"all_tenants": True})["balanced"]


def test_the_file_holds_nothing_of_an_erased_tenant(quick: Andon) -> None:
    if not isinstance(quick.store, SqliteStore):
        pytest.skip("PostgreSQL's files are the server's; its vacuum clears them")
    word = unique("secretive")
    home: Path = quick.store.home

    def holders() -> list[str]:
        files = [path for path in home.rglob("*") if path.is_file()]
        return [path.name for path in files if word.encode() in path.read_bytes()]

    tenant = _filled(quick, word)
    assert holders()
    _erase(quick, tenant)
    until(lambda: holders() == [])


def test_only_a_suspended_tenant_is_erased(andon: Andon, tenant: Tenancy) -> None:
    for name in (tenant.id, "default"):
        answer = andon.root.post(f"tenants/{name}/erase")
        assert (answer.status_code, answer.json()["code"]) == (409, "invalid_transition")
        assert andon.root.read(f"tenants/{name}")["erasure_began_at"] is None


def test_erasing_is_repeated_without_effect(quick: Andon) -> None:
    tenant = quick.tenant()
    first = _erase(quick, tenant)
    assert quick.root.make(f"tenants/{tenant.id}/erase") == first
    rows = [row for row in quick.root.items("audit/changes") if row["object_id"] == tenant.id]
    assert [row["action"] for row in rows].count("tenant.erased") == 1
    assert all(row["before"] is row["after"] is None for row in rows)


@pytest.mark.parametrize("step", ["resume", "suspend"])
def test_an_erased_tenant_stays_as_it_is(quick: Andon, step: str) -> None:
    tenant = quick.tenant()
    _erase(quick, tenant)
    answer = quick.root.post(f"tenants/{tenant.id}/{step}")
    assert (answer.status_code, answer.json()["code"]) == (409, "invalid_transition")
    answer = quick.root.ask("PATCH", f"tenants/{tenant.id}", json={"name": "again"})
    assert answer.status_code == 409
    refused = report(tenant.admin, {})
    assert refused.status_code in {401, 403}


def test_an_erasure_that_was_interrupted_goes_on(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.prepare()
    with serving(store, **NO_DELAY) as andon:
        tenant = andon.tenant()
        report_all(tenant.admin, [usage(tenant.integrate()) for _ in range(5)])
        andon.root.make(f"tenants/{tenant.id}/suspend")
        with monkeypatch.context() as broken:
            broken.setattr("andon.runtime.tenants.erasure._delete_some", _fail)
            andon.root.make(f"tenants/{tenant.id}/erase")
    with serving(store, sweep_interval_seconds=0.05, **NO_DELAY) as andon:
        until(lambda: andon.root.read(f"tenants/{tenant.id}")["erased_at"] is not None)
        number = _number(andon, tenant)
        assert andon.rows(f"SELECT count(*) FROM usage WHERE tenant = {number}") == [(0,)]


def _fail(*_: object) -> int:
    raise RuntimeError("interrupted")


def test_what_comes_after_an_erasure_is_erased_too(serve_with: ServeWith) -> None:
    andon = serve_with(sweep_interval_seconds=0.05, **NO_DELAY)
    tenant = andon.tenant()
    report_all(tenant.admin, [usage(tenant.integrate())])
    _erase(andon, tenant)
    number = _number(andon, tenant)
    other = andon.tenant()
    report_all(other.admin, [usage(other.integrate())])
    andon.change(f"UPDATE usage SET tenant = {number}")
    until(lambda: andon.rows("SELECT count(*) FROM usage") == [(0,)])


@pytest.mark.parametrize("role", ["admin", "operator"])
def test_a_tenant_does_not_erase_itself(andon: Andon, tenant: Tenancy, role: str) -> None:
    answer = tenant.door(role).post(f"tenants/{tenant.id}/erase")
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
