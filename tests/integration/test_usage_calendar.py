"""Days and months of usage are the tenant's own, by its time zone, through every change of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.integration.conftest import ServeWith
from tests.integration.doors import Tenancy
from tests.integration.records import report_all, usage
from tests.integration.serving import Andon


@pytest.fixture(scope="module")
def calendar(serve_with: ServeWith) -> Andon:
    """Serve without bounds on time, so that calls of any month are in time."""
    return serve_with(dedupe_horizon_days=3650, future_tolerance_seconds=400 * 86400)


def _report_at(tenant: Tenancy, *moments: str, **fields: Any) -> str:
    integration_id = tenant.integrate()
    report_all(
        tenant.admin, [usage(integration_id, occurred_at=moment, **fields) for moment in moments]
    )
    return integration_id


def _days(tenant: Tenancy, start: str, end: str) -> dict[str, int]:
    rows = tenant.admin.items("telemetry/daily-aggregates", period_start=start, period_end=end)
    return {row["date"]: row["calls"] for row in rows}


@pytest.mark.parametrize(
    ("zone", "moment", "day"),
    [
        ("UTC", "2026-03-01T00:00:00Z", "2026-03-01"),
        ("UTC", "2026-02-28T23:59:59.999999Z", "2026-02-28"),
        ("Asia/Kolkata", "2026-02-28T18:29:59.999999Z", "2026-02-28"),
        ("Asia/Kolkata", "2026-02-28T18:30:00Z", "2026-03-01"),
        ("America/New_York", "2026-03-01T04:59:59Z", "2026-02-28"),
        ("America/New_York", "2026-03-01T05:00:00Z", "2026-03-01"),
        ("Pacific/Kiritimati", "2026-02-28T10:00:00Z", "2026-03-01"),
        ("Asia/Kathmandu", "2026-02-28T18:15:00Z", "2026-03-01"),
        # an offset in the report changes nothing
        ("UTC", "2026-03-01T01:00:00+02:00", "2026-02-28"),
        # the hour that happens twice, and the one that does not happen
        ("Europe/Berlin", "2025-10-26T00:30:00Z", "2025-10-26"),
        ("Europe/Berlin", "2025-10-26T22:59:59Z", "2025-10-26"),
        ("Europe/Berlin", "2025-10-26T23:00:00Z", "2025-10-27"),
        ("Europe/Berlin", "2026-03-29T21:59:59Z", "2026-03-29"),
        ("Europe/Berlin", "2026-03-29T22:00:00Z", "2026-03-30"),
    ],
)
def test_the_day_of_a_call(calendar: Andon, zone: str, moment: str, day: str) -> None:
    tenant = calendar.tenant(time_zone=zone)
    _report_at(tenant, moment)
    assert _days(tenant, "2025-01-01", "2026-12-31") == {day: 1}
    asked = {"period_start": day, "period_end": day}
    assert tenant.admin.read("telemetry/usage-summary", **asked)["total_calls"] == 1


def test_a_month_without_dates_is_the_tenants_current_one(calendar: Andon) -> None:
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        tenant = calendar.tenant(time_zone=zone)
        before = datetime.now(ZoneInfo(zone)).date()
        summary = tenant.admin.read("telemetry/usage-summary")
        after = datetime.now(ZoneInfo(zone)).date()
        assert summary["period_start"] in {_first(before), _first(after)}
        assert summary["period_end"] in {_last(before), _last(after)}


def _first(day: date) -> str:
    return day.replace(day=1).isoformat()


def _last(day: date) -> str:
    following = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return (following - timedelta(days=1)).isoformat()


def test_one_date_alone_gives_the_rest_of_its_month(calendar: Andon) -> None:
    tenant = calendar.tenant()
    summary = tenant.admin.read("telemetry/usage-summary", period_start="2024-02-10")
    assert (summary["period_start"], summary["period_end"]) == ("2024-02-10", "2024-02-29")
    summary = tenant.admin.read("telemetry/usage-summary", period_end="2024-02-10")
    assert (summary["period_start"], summary["period_end"]) == ("2024-02-01", "2024-02-10")


def test_history_starts_a_day_at_the_tenants_midnight(calendar: Andon) -> None:
    tenant = calendar.tenant(time_zone="Europe/Berlin")
    _report_at(tenant, "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z", "2026-03-30T12:00:00Z")
    asked = {"period_start": "2026-03-01", "period_end": "2026-03-31"}
    days = tenant.admin.items("telemetry/usage-history", **asked)
    assert [row["bucket_start"] for row in days] == [
        "2026-03-27T23:00:00Z",
        "2026-03-28T23:00:00Z",
        "2026-03-29T22:00:00Z",
    ]


def test_hours_of_a_period_are_those_of_its_days(calendar: Andon) -> None:
    tenant = calendar.tenant(time_zone="America/New_York")
    # The 8th of March 2026 has 23 hours there: 05:00 to 04:00 the next day, in UTC.
    inside = ["2026-03-08T05:00:00Z", "2026-03-08T17:30:00Z", "2026-03-09T03:59:59Z"]
    outside = ["2026-03-08T04:59:59Z", "2026-03-09T04:00:00Z"]
    _report_at(tenant, *inside, *outside)
    asked = {"period_start": "2026-03-08", "period_end": "2026-03-08", "bucket": "hour"}
    hours = tenant.admin.items("telemetry/usage-history", **asked)
    assert [row["bucket_start"] for row in hours] == [
        "2026-03-08T05:00:00Z",
        "2026-03-08T17:00:00Z",
        "2026-03-09T03:00:00Z",
    ]


def _next_month(zone: str) -> datetime:
    now = datetime.now(ZoneInfo(zone))
    return (
        now.replace(day=1, hour=0, minute=0, second=0, microsecond=0) + timedelta(days=32)
    ).replace(day=1)


def test_another_zone_holds_from_the_next_month(calendar: Andon) -> None:
    tenant = calendar.tenant(time_zone="UTC")
    answer = tenant.admin.ask("PATCH", f"tenants/{tenant.id}", json={"time_zone": "Asia/Tokyo"})
    shown = answer.json()
    starts = _next_month("UTC")
    assert (shown["time_zone"], shown["next_time_zone"]) == ("UTC", "Asia/Tokyo")
    assert datetime.fromisoformat(shown["next_time_zone_from"]) == starts

    last = starts - timedelta(minutes=1)
    day_there = starts + timedelta(days=3, hours=15)
    _report_at(tenant, last.isoformat(), starts.isoformat(), day_there.isoformat())
    begin, end = last.date().isoformat(), (starts + timedelta(days=10)).date().isoformat()
    assert _days(tenant, begin, end) == {
        last.date().isoformat(): 1,
        starts.date().isoformat(): 1,
        # 15:00 UTC is the next day's midnight in Tokyo
        (starts + timedelta(days=4)).date().isoformat(): 1,
    }


def test_months_stay_whole_when_a_tenant_moves_west(calendar: Andon) -> None:
    tenant = calendar.tenant(time_zone="Pacific/Kiritimati")
    starts = _next_month("Pacific/Kiritimati")
    tenant.admin.ask("PATCH", f"tenants/{tenant.id}", json={"time_zone": "Pacific/Pago_Pago"})
    # Right after the new month began, it is still the old one where the tenant has moved to.
    moments = [starts + timedelta(hours=hours) for hours in (-1, 1, 20, 26)]
    _report_at(tenant, *[one.astimezone(UTC).isoformat() for one in moments])
    first = starts.date()
    asked = {"period_start": first.isoformat(), "period_end": _last(first)}
    assert tenant.admin.read("telemetry/usage-summary", **asked)["total_calls"] == 3
    before = {"period_end": (first - timedelta(days=1)).isoformat()}
    assert tenant.admin.read("telemetry/usage-summary", **before)["total_calls"] == 1


def test_a_change_of_mind_before_it_holds(calendar: Andon) -> None:
    tenant = calendar.tenant(time_zone="Asia/Tokyo")
    for zone, following in [("Europe/Berlin", "Europe/Berlin"), ("Asia/Tokyo", None)]:
        path = f"tenants/{tenant.id}"
        shown = tenant.admin.ask("PATCH", path, json={"time_zone": zone}).json()
        assert shown["time_zone"] == "Asia/Tokyo"
        assert shown["next_time_zone"] == following


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "+02:00", "CEST", "../UTC", "UTC\n"])
def test_a_zone_that_is_none(calendar: Andon, zone: str) -> None:
    tenant = calendar.tenant()
    made = calendar.root.post("tenants", {"name": "tenant", "time_zone": zone})
    changed = tenant.admin.ask("PATCH", f"tenants/{tenant.id}", json={"time_zone": zone})
    assert (made.status_code, changed.status_code) == (422, 422)


def test_limits_name_the_tenants_month(calendar: Andon) -> None:
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        tenant = calendar.tenant(time_zone=zone)
        today = datetime.now(ZoneInfo(zone)).date()
        limits = tenant.admin.read(f"integrations/{tenant.integrate()}/limits")
        assert limits["period_start"] == _first(today)
        assert limits["period_end"] == _last(today)


def test_only_the_tenants_month_counts_against_its_budget(calendar: Andon) -> None:
    zone = "Asia/Tokyo"
    tenant = calendar.tenant(time_zone=zone)
    begins = datetime.now(ZoneInfo(zone)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    moments = [begins - timedelta(seconds=1), begins, begins + timedelta(minutes=1)]
    integration_id = _report_at(
        tenant, *[one.astimezone(UTC).isoformat() for one in moments], cost_cents=10
    )
    limits = tenant.admin.read(f"integrations/{integration_id}/limits")
    assert limits["budget_used_cents"] == 20
    assert limits["tokens_used_month"] == 2 * 1500
