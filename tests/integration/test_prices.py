"""A tenant's own prices: added, listed, ended and deleted, and never rewritten."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from andon.runtime import prices
from tests.integration.doors import JSON, Door, Tenancy, unique
from tests.integration.prices import PRICES, new_price, price
from tests.integration.serving import Andon

RATES = ("input_usd_per_mtok", "output_usd_per_mtok", "cache_read_usd_per_mtok")
NEW_YEAR = "2026-01-01T00:00:00Z"
MAY = "2026-05-01T00:00:00Z"
JUNE = "2026-06-01T00:00:00Z"
JULY = "2026-07-01T00:00:00Z"


def _send(door: Door, text: str) -> httpx2.Response:
    """Send a body that is exactly this text."""
    return door.ask("POST", PRICES, content=text.encode(), headers={"Content-Type": JSON})


def _patch(door: Door, price_id: str, body: Any, **headers: str) -> httpx2.Response:
    return door.ask("PATCH", f"{PRICES}/{price_id}", json=body, headers=headers)


def _code(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_what_is_answered_on_creation(tenant: Tenancy) -> None:
    body = price(cache_read_usd_per_mtok="0.25", usd_per_request="0.01", note="contract 7")
    answer = tenant.admin.post(PRICES, body)
    made = answer.json()
    assert answer.status_code == 201
    assert {name: made[name] for name in body} == body
    assert made["tenant_id"] == tenant.id
    assert made["created_by"] == tenant.admin.principal_id
    assert made["currency"] == "USD"
    assert made["cache_write_usd_per_mtok"] is made["reasoning_usd_per_mtok"] is None
    assert made["valid_until"] is made["deleted_at"] is None
    seen = tenant.admin.get(f"{PRICES}/{made['id']}")
    assert seen.json() == made
    assert seen.headers["etag"] == answer.headers["etag"]


def test_a_price_holds_from_the_present_minute_on_unless_told(tenant: Tenancy) -> None:
    before = datetime.now(UTC) - timedelta(minutes=1)
    made = tenant.admin.make(PRICES, {**price(), "valid_from": None})
    begun = datetime.fromisoformat(made["valid_from"])
    assert (begun.second, begun.microsecond) == (0, 0)
    assert before < begun <= datetime.fromisoformat(made["created_at"])


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ('"2.50"', "2.5"),
        ("2.5", "2.5"),
        ("0.1", "0.1"),
        ("3", "3"),
        ("0", "0"),
        ("-0.0", "0"),
        ('"1e-9"', "0.000000001"),
        ("0.000000001", "0.000000001"),
        ("1e6", "1000000"),
        ("123.456789012", "123.456789012"),
        ('"0.100000000000000000000"', "0.1"),
        ("2.50000000000000000000", "2.5"),
    ],
)
def test_money_is_kept_as_it_was_written(tenant: Tenancy, written: str, kept: str) -> None:
    text = json.dumps(price(input_usd_per_mtok=0)).replace('mtok": 0', f'mtok": {written}')
    answer = _send(tenant.admin, text)
    assert answer.status_code == 201, answer.text
    assert answer.json()["input_usd_per_mtok"] == kept


@pytest.mark.parametrize(
    "written",
    [
        "-1",
        '"-0.000000001"',
        "1000000.000000001",
        "1000001",
        "1e300",
        "1e400",
        "1e99999999999999999999",
        "NaN",
        "Infinity",
        '"NaN"',
        '"Infinity"',
        "0.0000000001",
        "2.50000000000000000001",
        "1234567.8901234",
        '"2,5"',
        '"$2.5"',
        '" 2.5"',
        '"1_0"',
        '"٣"',
        '""',
        "true",
        "null",
        "[]",
        "{}",
        "9" * 5000,
    ],
)
def test_money_that_is_none_or_not_exact_is_refused(tenant: Tenancy, written: str) -> None:
    text = json.dumps(price(output_usd_per_mtok=0)).replace('mtok": 0', f'mtok": {written}')
    answer = _send(tenant.admin, text)
    assert answer.status_code == 422, answer.text
    assert tenant.admin.items(PRICES) == []


@pytest.mark.parametrize("field", ["valid_from", "valid_until"])
@pytest.mark.parametrize("sent", ["2026-05-01T12:00:01Z", "2026-05-01T12:00:00.5Z"])
def test_a_price_begins_and_ends_at_whole_minutes(tenant: Tenancy, field: str, sent: str) -> None:
    answer = tenant.admin.post(PRICES, price(**{field: sent}))
    assert _code(answer) == (422, "invalid_request")
    assert "whole minutes in UTC" in answer.json()["detail"]
    assert answer.json()["errors"][0]["code"] == "not_a_whole_minute"


@pytest.mark.parametrize("sent", ["2026-05-01T12:00:00", "2026-05-01", "soon", 1777636800, ""])
def test_a_time_without_an_offset_is_refused(tenant: Tenancy, sent: Any) -> None:
    assert tenant.admin.post(PRICES, price(valid_from=sent)).status_code == 422


def test_times_are_told_in_utc(tenant: Tenancy) -> None:
    made = tenant.admin.make(PRICES, price(valid_from="2026-05-01T02:30:00+05:45"))
    assert made["valid_from"] == "2026-04-30T20:45:00Z"


@pytest.mark.parametrize("until", [NEW_YEAR, "2025-12-31T23:59:00Z"])
def test_a_price_ends_after_it_begins(tenant: Tenancy, until: str) -> None:
    answer = tenant.admin.post(PRICES, price(valid_until=until))
    assert _code(answer) == (422, "invalid_request")
    assert answer.json()["errors"] == [{"field": "valid_until", "code": "empty_period"}]
    made = new_price(tenant.admin)
    assert _patch(tenant.admin, made, {"valid_until": until}).status_code == 422


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model", ""),
        ("model", None),
        ("model", "x" * 101),
        ("model", "a\u0000"),
        ("provider", ""),
        ("provider", "x" * 51),
        ("note", "x" * 501),
        ("note", None),
        ("currency", "EUR"),
        ("tenant_id", "default"),
        ("output_usd_per_mtok", None),
    ],
)
def test_a_field_out_of_its_bounds(tenant: Tenancy, field: str, value: Any) -> None:
    answer = tenant.admin.post(PRICES, price(**{field: value}))
    assert answer.status_code == 422, answer.text
    assert any(field in item["field"] for item in answer.json()["errors"])


def test_two_prices_of_a_model_do_not_hold_at_once(tenant: Tenancy) -> None:
    model = unique("model")
    first = new_price(tenant.admin, model=model, valid_from=MAY, valid_until=JUNE)
    for times in (
        {"valid_from": MAY, "valid_until": JUNE},
        {"valid_from": NEW_YEAR, "valid_until": "2026-05-01T00:01:00Z"},
        {"valid_from": "2026-05-31T23:59:00Z"},
        {"valid_from": NEW_YEAR},
    ):
        answer = tenant.admin.post(PRICES, price(model=model, **times))
        assert _code(answer) == (409, "price_overlaps"), times
        assert first in answer.json()["detail"]


def test_prices_may_follow_each_other_to_the_minute(tenant: Tenancy) -> None:
    model = unique("model")
    middle = new_price(tenant.admin, model=model, valid_from=MAY, valid_until=JUNE)
    after = new_price(tenant.admin, model=model, valid_from=JUNE)
    before = new_price(tenant.admin, model=model, valid_from=NEW_YEAR, valid_until=MAY)
    listed = [one["id"] for one in tenant.admin.items(PRICES, model=model)]
    assert listed == [middle, after, before]


def test_another_provider_or_any_is_no_overlap(tenant: Tenancy) -> None:
    model = unique("model")
    for provider in ("acme", "Acme", None):
        new_price(tenant.admin, model=model, provider=provider)
        again = tenant.admin.post(PRICES, price(model=model, provider=provider))
        assert _code(again) == (409, "price_overlaps")


def test_a_price_of_another_tenant_is_no_overlap(andon: Andon, tenant: Tenancy) -> None:
    body = price()
    assert andon.tenant().admin.make(PRICES, body)["id"] != tenant.admin.make(PRICES, body)["id"]


def test_of_many_that_add_the_same_price_one_does(tenant: Tenancy) -> None:
    body = price()
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: tenant.admin.post(PRICES, body), range(6)))
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 5]
    assert len(tenant.admin.items(PRICES)) == 1


def test_a_tenant_has_so_many_prices_and_no_more(
    tenant: Tenancy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prices, "MAX_PRICES", 2)
    first = new_price(tenant.admin)
    new_price(tenant.admin)
    assert _code(tenant.admin.post(PRICES, price())) == (409, "too_many_prices")
    tenant.admin.ask("DELETE", f"{PRICES}/{first}")
    new_price(tenant.admin)


def test_a_price_is_ended_and_opened_again(tenant: Tenancy) -> None:
    made = tenant.admin.make(PRICES, price(note="first"))
    ended = _patch(tenant.admin, made["id"], {"valid_until": JUNE}).json()
    assert ended["valid_until"] == JUNE
    same = {name for name in made if made[name] == ended[name]}
    assert same == set(made) - {"valid_until", "updated_at"}
    opened = _patch(tenant.admin, made["id"], {"valid_until": None}).json()
    assert opened["valid_until"] is None
    noted = _patch(tenant.admin, made["id"], {"note": "second"}).json()
    assert (noted["note"], noted["valid_until"]) == ("second", None)


def test_a_price_is_not_opened_over_the_next_one(tenant: Tenancy) -> None:
    model = unique("model")
    first = new_price(tenant.admin, model=model, valid_until=MAY)
    following = new_price(tenant.admin, model=model, valid_from=MAY)
    answer = _patch(tenant.admin, first, {"valid_until": None})
    assert _code(answer) == (409, "price_overlaps")
    assert following in answer.json()["detail"]
    assert tenant.admin.read(f"{PRICES}/{first}")["valid_until"] == MAY


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("input_usd_per_mtok", "1"),
        ("usd_per_request", "1"),
        ("provider", "other"),
        ("model", "other"),
        ("valid_from", NEW_YEAR),
        ("deleted_at", None),
    ],
)
def test_what_a_price_was_is_not_rewritten(tenant: Tenancy, field: str, value: Any) -> None:
    made = tenant.admin.make(PRICES, price())
    assert _patch(tenant.admin, made["id"], {field: value}).status_code == 422
    assert tenant.admin.read(f"{PRICES}/{made['id']}") == made


def test_a_change_of_what_has_changed_since(tenant: Tenancy) -> None:
    made = new_price(tenant.admin)
    seen = tenant.admin.get(f"{PRICES}/{made}").headers["etag"]
    first = _patch(tenant.admin, made, {"note": "a"}, **{"If-Match": seen})
    assert first.status_code == 200
    assert first.headers["etag"] != seen
    late = _patch(tenant.admin, made, {"note": "b"}, **{"If-Match": seen})
    assert _code(late) == (412, "precondition_failed")
    deletion = tenant.admin.ask("DELETE", f"{PRICES}/{made}", headers={"If-Match": seen})
    assert _code(deletion) == (412, "precondition_failed")
    assert tenant.admin.read(f"{PRICES}/{made}")["note"] == "a"


def test_a_deleted_price_is_only_looked_up(andon: Andon, tenant: Tenancy) -> None:
    made = tenant.admin.make(PRICES, price())
    path = f"{PRICES}/{made['id']}"
    assert tenant.admin.ask("DELETE", path).status_code == 204
    assert tenant.admin.items(PRICES) == []
    kept = tenant.admin.read(path)
    assert kept["deleted_at"]
    assert {name: kept[name] for name in RATES} == {name: made[name] for name in RATES}
    for answer in (_patch(tenant.admin, made["id"], {}), tenant.admin.ask("DELETE", path)):
        assert _code(answer) == (409, "invalid_transition")
    again = {name: made[name] for name in price()}
    assert tenant.admin.make(PRICES, again)["id"] != made["id"]


def test_lists_go_page_by_page_and_take_filters(tenant: Tenancy) -> None:
    made = [new_price(tenant.admin, model=f"m{number}") for number in range(4)]
    past = new_price(tenant.admin, model="m0", provider=None, valid_until=MAY)
    later = new_price(tenant.admin, model="m0", provider=None, valid_from=JUNE)

    def found(**asked: Any) -> list[str]:
        return [one["id"] for one in tenant.admin.items(PRICES, **asked)]

    assert found(limit=2) == [*made, past, later]
    assert found(model="m0") == [made[0], past, later]
    assert found(model="m0", provider="acme") == [made[0]]
    assert found(model="m0", at="2026-04-30T23:59:59.999999Z") == [made[0], past]
    assert found(model="m0", at=MAY) == [made[0]]
    assert found(model="m0", at="2026-06-01T02:00:00+02:00") == [made[0], later]
    assert found(at="2025-12-31T23:59:59Z") == []
    assert tenant.admin.get(PRICES, at="soon").status_code == 422


def test_every_change_is_in_the_audit(tenant: Tenancy) -> None:
    made = tenant.admin.make(PRICES, price())
    _patch(tenant.admin, made["id"], {"valid_until": JULY})
    tenant.admin.ask("DELETE", f"{PRICES}/{made['id']}")
    rows = [row for row in tenant.admin.items("audit/changes") if row["object_id"] == made["id"]]
    assert [row["action"] for row in rows] == ["price.deleted", "price.changed", "price.created"]
    assert {row["principal_id"] for row in rows} == {tenant.admin.principal_id}
    deleted, changed, created = rows
    assert (created["before"], created["after"]) == (None, made)
    assert (changed["before"]["valid_until"], changed["after"]["valid_until"]) == (None, JULY)
    assert (deleted["before"], deleted["after"]) == (changed["after"], None)


def test_a_repeated_request_adds_one_price(tenant: Tenancy) -> None:
    body, headers = price(), {"Idempotency-Key": unique("once")}
    answers = [tenant.admin.post(PRICES, body, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert len(tenant.admin.items(PRICES)) == 1


def test_only_an_admin_writes_and_a_viewer_reads(tenant: Tenancy) -> None:
    made = new_price(tenant.admin)
    for role in ("operator", "viewer"):
        door = tenant.door(role)
        assert door.read(f"{PRICES}/{made}")["id"] == made
        assert [one["id"] for one in door.items(PRICES)] == [made]
        assert _code(door.post(PRICES, price())) == (403, "not_allowed")
        assert _code(_patch(door, made, {"note": "x"})) == (403, "not_allowed")
        assert door.ask("DELETE", f"{PRICES}/{made}").status_code == 403
    assert tenant.door("ingest").get(PRICES).status_code == 403


def test_a_stranger_changes_no_price(andon: Andon, tenant: Tenancy) -> None:
    made = tenant.admin.make(PRICES, price())
    stranger = andon.tenant().admin
    assert stranger.get(f"{PRICES}/{made['id']}").status_code == 404
    assert _patch(stranger, made["id"], {"valid_until": JUNE}).status_code == 404
    assert stranger.ask("DELETE", f"{PRICES}/{made['id']}").status_code == 404
    assert tenant.admin.read(f"{PRICES}/{made['id']}") == made
