"""Pages of usage are complete and disjoint, and a cursor is only ever its own list's."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.doors import Tenancy, unique
from tests.integration.records import USAGE, report_all, usage

LISTS = ["telemetry/llm-usage", "telemetry/daily-aggregates", "telemetry/usage-history"]


def _walk(tenant: Tenancy, path: str, limit: int, **asked: Any) -> list[list[Any]]:
    pages: list[list[Any]] = []
    while True:
        page = tenant.admin.read(path, limit=limit, **asked)
        assert len(page["items"]) <= limit
        pages.append(page["items"])
        if page["next_cursor"] is None:
            return pages
        asked["cursor"] = page["next_cursor"]


@pytest.mark.parametrize("limit", [1, 7, 50, 1000])
def test_single_records_the_newest_first(tenant: Tenancy, limit: int) -> None:
    integration_id = tenant.integrate()
    records = [usage(integration_id) for _ in range(23)]
    for one in records:
        report_all(tenant.admin, [one])
    pages = _walk(tenant, USAGE, limit)
    seen = [one["call_id"] for page in pages for one in page]
    assert seen == [one["call_id"] for one in reversed(records)]
    assert all(len(page) == limit for page in pages[:-1])


def test_records_of_one_batch_are_listed_once_each(tenant: Tenancy) -> None:
    integration_id = tenant.integrate()
    report_all(tenant.admin, [usage(integration_id) for _ in range(250)])
    seen = [one["id"] for page in _walk(tenant, USAGE, 33) for one in page]
    assert len(seen) == len(set(seen)) == 250


def test_records_that_come_meanwhile_do_not_disturb(tenant: Tenancy) -> None:
    integration_id = tenant.integrate()
    records = [usage(integration_id) for _ in range(20)]
    report_all(tenant.admin, records)
    first = tenant.admin.read(USAGE, limit=10)
    report_all(tenant.admin, [usage(integration_id) for _ in range(5)])
    second = tenant.admin.read(USAGE, limit=100, cursor=first["next_cursor"])
    seen = {one["call_id"] for one in first["items"] + second["items"]}
    assert seen == {one["call_id"] for one in records}
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    "asked", [{"model": "m1"}, {"agent_id": "a2"}, {"model": "m1", "agent_id": "a2"}]
)
def test_filtered_pages(tenant: Tenancy, asked: dict[str, str]) -> None:
    integration_id = tenant.integrate()
    records = [
        usage(integration_id, model=f"m{number % 2}", agent_id=f"a{number % 3}")
        for number in range(60)
    ]
    report_all(tenant.admin, records)
    wanted = {one["call_id"] for one in records if all(one[name] == v for name, v in asked.items())}
    seen = [one["call_id"] for page in _walk(tenant, USAGE, 4, **asked) for one in page]
    assert len(seen) == len(set(seen))
    assert set(seen) == wanted


def test_days_go_on_where_a_page_ended(tenant: Tenancy) -> None:
    integration_id = tenant.integrate()
    names = [unique("модель") for _ in range(9)]
    records = [
        usage(integration_id, model=name, agent_id=agent)
        for name in names
        for agent in (None, 'a"b', "a,b")
    ]
    report_all(tenant.admin, records)
    whole = tenant.admin.read("telemetry/daily-aggregates")["items"]
    paged = [row for page in _walk(tenant, "telemetry/daily-aggregates", 4) for row in page]
    assert paged == whole
    assert len(whole) == 27


FILTERS = ["call_id", "session_id", "end_user", "provider", "error_code", "policy_result"]


@pytest.mark.parametrize("name", FILTERS)
def test_each_filter_finds_its_own(tenant: Tenancy, name: str) -> None:
    integration_id = tenant.integrate()
    value = "warned" if name == "policy_result" else unique("value")
    wanted = usage(integration_id, **{name: value})
    report_all(tenant.admin, [usage(integration_id), wanted, usage(integration_id)])
    found = tenant.admin.items(USAGE, **{name: value})
    assert [one["call_id"] for one in found] == [wanted["call_id"]]
    assert tenant.admin.items(USAGE, **{name: unique("nothing")}) == []


def test_an_imports_calls_are_found_by_it(tenant: Tenancy) -> None:
    integration_id = tenant.integrate()
    import_id = tenant.admin.make("imports")["id"]
    report_all(tenant.admin, [usage(integration_id)])
    imported = usage(integration_id)
    report_all(tenant.admin, [imported], import_id=import_id)
    found = tenant.admin.items(USAGE, import_id=import_id)
    assert [one["call_id"] for one in found] == [imported["call_id"]]


BAD_CURSORS = [
    "",
    "x",
    "1",
    "1.x",
    "[1]",
    "\x00",
    "9" * 900,
    "-1.-1",
    "null",
    "{}",
    "99999999999999999999.1",
    '[1,1,"a","m"]',
    '[99999999999999999999,1,"a","m"]',
    '[1,1,"a\\u0000","m"]',
    '[1,1,"a","\\ud800"]',
    "[1,1,null,[]]",
    '[1,1,"' + "a" * 900 + '","m"]',
    "[" * 900,
]


@pytest.mark.parametrize("path", [*LISTS, "integrations", "keys", "principals", "imports"])
@pytest.mark.parametrize("cursor", BAD_CURSORS)
def test_a_cursor_that_is_none(tenant: Tenancy, path: str, cursor: str) -> None:
    answer = tenant.admin.get(path, cursor=cursor)
    assert answer.status_code in {200, 422}, answer.text


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "x", "1e3", "99999999999999999999"])
def test_a_limit_that_is_none(tenant: Tenancy, limit: str) -> None:
    assert tenant.admin.get(USAGE, limit=limit).status_code == 422


@pytest.mark.parametrize("text", ["\x00", "a\x00b", "\ud7ff", "'; DROP TABLE usage; --", "%"])
def test_a_filter_of_any_text(tenant: Tenancy, text: str) -> None:
    for name in ("call_id", "model", "agent_id", "session_id", "integration_id"):
        answer = tenant.admin.get(USAGE, **{name: text})
        assert answer.status_code in {200, 422}, (name, answer.text)
