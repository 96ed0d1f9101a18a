"""Years of usage: months are made ahead and dropped when they are past their time, sums stay."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from andon.runtime.retention import month_start_us
from andon.runtime.telemetry.rows import month_of
from tests.integration.conftest import ServeWith
from tests.integration.doors import Tenancy
from tests.integration.records import USAGE, report_all, usage
from tests.integration.serving import Andon, migrate
from tests.integration.waiting import until
from tests.servers.stores import PostgresStore

SWEEPS = {"sweep_interval_seconds": 0.05}


@pytest.fixture
def sweeping(serve_with: ServeWith) -> Andon:
    return serve_with(usage_retention_months=2, error_text_days=3650, **SWEEPS)


@pytest.fixture
def sweeping_postgres(sweeping: Andon) -> tuple[Andon, PostgresStore]:
    if not isinstance(sweeping.store, PostgresStore):
        pytest.skip("only PostgreSQL keeps usage in pieces")
    return sweeping, sweeping.store


def _this_month(andon: Andon) -> int:
    return month_of(andon.rows("SELECT max(committed_us) FROM blocks")[0][0])


def _age(andon: Andon, months: int) -> None:
    """Make all usage as if it had been received some months ago."""
    month = _this_month(andon) - months
    received = month_start_us(month) + 1_000_000
    changes = [
        f"UPDATE usage_errors SET received_us = {received}",
        f"UPDATE blocks SET committed_us = {received}",
        f"UPDATE usage SET month = {month}, received_us = {received}",
    ]
    if not isinstance(andon.store, PostgresStore):
        for change in changes:
            andon.change(change)
        return
    # In one transaction: a sweep drops an old month as soon as it is there.
    with psycopg.connect(andon.store.database.owner_dsn) as owner:
        owner.execute(
            "SELECT andon_make_piece('usage', andon_usage_month_name(%s), %s)",
            (month, f"FROM ({month}) TO ({month + 1})"),
        )
        for change in changes:
            owner.execute(change.encode())


def _state(tenant: Tenancy) -> dict[str, Any]:
    return {
        "summary": tenant.admin.read("telemetry/usage-summary"),
        "days": tenant.admin.items("telemetry/daily-aggregates"),
    }


def test_records_past_their_retention_go_and_their_sums_stay(sweeping: Andon) -> None:
    tenant = sweeping.tenant()
    calls = [usage(tenant.integrate(), error_message="it failed") for _ in range(3)]
    report_all(tenant.admin, calls)
    before = _state(tenant)
    _age(sweeping, 3)
    until(lambda: not tenant.admin.items(USAGE))
    assert _state(tenant) == before
    assert before["summary"]["total_calls"] == 3
    until(lambda: sweeping.rows("SELECT count(*) FROM usage_errors") == [(0,)])
    assert sweeping.meter("andon_usage_records_dropped_total") == 3
    assert sweeping.rows("SELECT count(*) FROM usage") == [(0,)]
    assert sweeping.rows("SELECT count(*) FROM blocks")[0][0] >= 1
    assert report_all(tenant.admin, calls) == (0, 3)


def test_records_within_their_retention_stay(sweeping: Andon) -> None:
    tenant = sweeping.tenant()
    report_all(tenant.admin, [usage(tenant.integrate())])
    _age(sweeping, 2)
    done = sweeping.meter("andon_sweeps_total", outcome="done")
    until(lambda: sweeping.meter("andon_sweeps_total", outcome="done") > done + 1)
    assert len(tenant.admin.items(USAGE)) == 1
    assert sweeping.meter("andon_sweeps_total", outcome="failed") == 0


def test_everything_stays_by_default(andon: Andon) -> None:
    assert andon.settings.usage_retention_months == 0


def test_a_month_that_is_missing_is_made_by_the_commit_that_needs_it(
    serve_with: ServeWith,
) -> None:
    andon = serve_with()
    if not isinstance(andon.store, PostgresStore):
        pytest.skip("only PostgreSQL keeps usage in pieces")
    pieces = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'usage'::regclass"
    for (name,) in andon.rows(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'usage'::regclass"
    ):
        andon.change(f"DROP TABLE {name}")
    tenant = andon.tenant()
    assert report_all(tenant.admin, [usage(tenant.integrate())]) == (1, 0)
    assert andon.rows(pieces) == [(1,)]
    assert len(tenant.admin.items(USAGE)) == 1
    assert tenant.admin.read("telemetry/usage-summary")["total_calls"] == 1


def test_months_to_come_are_made_ahead(sweeping_postgres: tuple[Andon, PostgresStore]) -> None:
    andon, store = sweeping_postgres
    named = "SELECT relname FROM pg_class WHERE relname ~ '^usage_\\d{4}_\\d\\d$' ORDER BY 1"
    made = andon.rows(named)
    assert len(made) >= 4
    andon.change(f"DROP TABLE {made[-1][0]}")
    andon.change(f"DROP TABLE {made[-2][0]}")
    until(lambda: len(andon.rows(named)) >= len(made) - 1)
    migrate(store)
    assert andon.rows(named) == made


def test_the_service_drops_no_month_that_is_new(
    sweeping_postgres: tuple[Andon, PostgresStore],
) -> None:
    andon, store = sweeping_postgres
    tenant = andon.tenant()
    report_all(tenant.admin, [usage(tenant.integrate())])
    this_month = month_of(andon.rows("SELECT max(received_us) FROM usage")[0][0])
    for month in (this_month, this_month - 1, this_month + 1):
        with (
            psycopg.connect(store.database.service_dsn) as service,
            pytest.raises(psycopg.errors.RaiseException, match="is kept"),
        ):
            service.execute("SELECT andon_drop_usage_month(%s)", (month,))
    for month in (this_month + 25, this_month - 2):
        with (
            psycopg.connect(store.database.service_dsn) as service,
            pytest.raises(psycopg.errors.RaiseException, match="month of receipt"),
        ):
            service.execute("SELECT andon_make_usage_month(%s)", (month,))


def test_a_body_is_kept_as_it_comes(sweeping_postgres: tuple[Andon, PostgresStore]) -> None:
    andon, _ = sweeping_postgres
    stored = andon.rows(
        "SELECT DISTINCT attstorage::text FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        " WHERE a.attname = 'body' AND (c.relname = 'usage' OR c.relname ~ '^usage_\\d{4}_\\d\\d$')"
    )
    assert stored == [("e",)]


def test_nobody_else_may_call_the_owners_functions(
    sweeping_postgres: tuple[Andon, PostgresStore],
) -> None:
    andon, store = sweeping_postgres
    open_to_all = andon.rows(
        "SELECT proname FROM pg_proc WHERE proname LIKE 'andon%' AND"
        " (proacl IS NULL OR proacl::text LIKE '%{=X%' OR proacl::text LIKE '%,=X%')"
    )
    assert open_to_all == []
    with (
        psycopg.connect(store.database.service_dsn) as service,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        service.execute("SELECT andon_make_piece('usage', 'mine', 'DEFAULT')")
