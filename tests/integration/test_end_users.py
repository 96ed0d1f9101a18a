"""An end user is erased: the records go from the store and its file, the sums stay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import ServeWith
from tests.integration.doors import Tenancy, unique
from tests.integration.records import USAGE, report_all, usage
from tests.integration.serving import Andon
from tests.servers.stores import SqliteStore

ERASE = "end-users/erase"


def _state(tenant: Tenancy) -> dict[str, Any]:
    return {
        "summary": tenant.admin.read("telemetry/usage-summary"),
        "days": tenant.admin.items("telemetry/daily-aggregates"),
        "hours": tenant.admin.items("telemetry/usage-history", bucket="hour"),
    }


def _balanced(andon: Andon) -> bool:
    return bool(andon.root.make("verify", {"all_tenants": True})["balanced"])


def test_records_of_an_end_user_go_and_sums_stay(andon: Andon, tenant: Tenancy) -> None:
    integration_id, person = tenant.integrate(), unique("person")
    calls = [
        usage(integration_id, end_user=person, error_message="it failed", model=f"m{n % 3}")
        for n in range(5)
    ]
    others = [usage(integration_id, end_user="somebody else"), usage(integration_id)]
    report_all(tenant.admin, [*calls, *others])
    before = _state(tenant)
    answer = tenant.admin.make(ERASE, {"end_user": person})
    assert answer == {"erased_records": 5, "complete": True, "next_cursor": None}
    left = {item["call_id"] for item in tenant.admin.items(USAGE)}
    assert left == {call["call_id"] for call in others}
    assert _state(tenant) == before
    assert before["summary"]["total_calls"] == 7
    assert tenant.admin.items(USAGE, end_user=person) == []
    number = f"(SELECT tenant FROM tenants WHERE id = '{tenant.id}')"
    assert andon.rows(f"SELECT count(*) FROM usage_errors WHERE tenant = {number}") == [(0,)]


def test_a_call_that_was_erased_is_not_counted_again(tenant: Tenancy) -> None:
    call = usage(tenant.integrate(), end_user="Ada")
    report_all(tenant.admin, [call])
    tenant.admin.make(ERASE, {"end_user": "Ada"})
    assert report_all(tenant.admin, [call]) == (0, 1)
    assert tenant.admin.items(USAGE) == []
    assert tenant.admin.read("telemetry/usage-summary")["total_calls"] == 1


def test_to_erase_again_finds_nothing(andon: Andon, tenant: Tenancy) -> None:
    integration_id = tenant.integrate()
    report_all(tenant.admin, [usage(integration_id, end_user="Ada"), usage(integration_id)])
    assert tenant.admin.make(ERASE, {"end_user": "Ada"})["erased_records"] == 1
    assert tenant.admin.make(ERASE, {"end_user": "Ada"})["erased_records"] == 0
    report_all(tenant.admin, [usage(integration_id, end_user="Ada")])
    assert tenant.admin.make(ERASE, {"end_user": "Ada"})["erased_records"] == 1


def test_an_erasure_ends_at_its_tenant(andon: Andon) -> None:
    first, second = andon.tenant(), andon.tenant()
    for one in (first, second):
        report_all(one.admin, [usage(one.integrate(), end_user="Ada")])
    assert first.admin.make(ERASE, {"end_user": "Ada"})["erased_records"] == 1
    assert len(second.admin.items(USAGE)) == 1


def test_voided_and_priced_again_records_are_erased_too(andon: Andon) -> None:
    tenant = andon.tenant()
    integration_id = tenant.integrate()
    made = [usage(integration_id, end_user="Ada", model=name) for name in ("own", "own", "gpt-4o")]
    report_all(tenant.admin, [*made, usage(integration_id, model="own")])
    tenant.admin.make(
        "prices", {"model": "own", "input_usd_per_mtok": "1", "output_usd_per_mtok": "1"}
    )
    tenant.admin.make("telemetry/reprice", {})
    listed = tenant.admin.items(USAGE, end_user="Ada")
    tenant.admin.make(f"{USAGE}/{listed[0]['id']}/void", {"reason": "Ada asked"})
    before = _state(tenant)
    assert tenant.admin.make(ERASE, {"end_user": "Ada"})["erased_records"] == 3
    assert _state(tenant) == before
    assert andon.rows("SELECT count(*) FROM usage_voids WHERE reason = 'Ada asked'") == [(0,)]
    assert _balanced(andon)


def test_the_books_balance_after_an_erasure(andon: Andon, tenant: Tenancy) -> None:
    integration_id = tenant.integrate()
    calls = [
        usage(integration_id, end_user=f"u{n % 4}", agent_id=f"a{n % 3}", status_code=400 + n % 2)
        for n in range(60)
    ]
    report_all(tenant.admin, calls)
    assert tenant.admin.make(ERASE, {"end_user": "u1"})["erased_records"] == 15
    assert _balanced(andon)
    assert tenant.admin.make(ERASE, {"end_user": "u2"})["erased_records"] == 15
    assert _balanced(andon)


def test_the_audit_tells_how_many_and_not_who(tenant: Tenancy) -> None:
    person = unique("person")
    report_all(tenant.admin, [usage(tenant.integrate(), end_user=person)])
    tenant.admin.make(ERASE, {"end_user": person}, headers={"Idempotency-Key": unique("once")})
    (row,) = [
        row for row in tenant.admin.items("audit/changes") if row["action"] == "end_user.erased"
    ]
    assert row["after"] == {"records": 1}
    assert person not in str(tenant.admin.items("audit/changes"))


def test_a_long_search_goes_on_from_a_cursor(
    andon: Andon, tenant: Tenancy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("andon.runtime.telemetry.erasure.SECONDS", -1.0)
    monkeypatch.setattr("andon.runtime.telemetry.erasure._RECORDS_A_STEP", 1)
    integration_id = tenant.integrate()
    for _ in range(3):
        report_all(tenant.admin, [usage(integration_id, end_user="Ada")])
    erased, cursor, asked = 0, None, 0
    while True:
        answer = tenant.admin.make(ERASE, {"end_user": "Ada", "cursor": cursor})
        erased, asked = erased + answer["erased_records"], asked + 1
        cursor = answer["next_cursor"]
        if answer["complete"]:
            break
    assert (erased, cursor) == (3, None)
    assert asked >= 3


@pytest.mark.parametrize("cursor", ["", "x", "1", "2.1", "-1.4", "1.2.3", "9" * 50])
def test_a_cursor_of_nobody_is_refused(tenant: Tenancy, cursor: str) -> None:
    answer = tenant.admin.post(ERASE, {"end_user": "Ada", "cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


@pytest.mark.parametrize("role", ["operator", "viewer", "ingest"])
def test_only_admins_erase(tenant: Tenancy, role: str) -> None:
    answer = tenant.door(role).post(ERASE, {"end_user": "Ada"})
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")


def _on_disk(folder: Path, text: str) -> list[str]:
    return [
        path.name
        for path in sorted(folder.rglob("*"))
        if path.is_file() and text.encode() in path.read_bytes()
    ]


def test_the_file_holds_nothing_of_an_erased_end_user(serve_with: ServeWith) -> None:
    andon = serve_with()
    if not isinstance(andon.store, SqliteStore):
        pytest.skip("PostgreSQL's files are the server's; its vacuum clears them")
    person, text = unique("person"), unique("text")
    tenant = andon.tenant()
    integration_id = tenant.integrate()
    for _ in range(40):
        # Ids of this length do not compress: the name stands in the body as it is.
        call = usage(integration_id, end_user=person, error_message=f"failed with {text}")
        report_all(tenant.admin, [call, usage(integration_id)])
    assert _on_disk(andon.store.home, person)
    assert _on_disk(andon.store.home, text)
    assert tenant.admin.make(ERASE, {"end_user": person})["erased_records"] == 40
    assert _on_disk(andon.store.home, person) == []
    assert _on_disk(andon.store.home, text) == []
    assert _balanced(andon)
