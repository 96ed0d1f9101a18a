"""What bounds usage: names a day, records that wait, and a store that does not answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest

from andon.drivers.database import sqlite
from tests.integration.conftest import ServeWith
from tests.integration.records import BATCH, USAGE, report, report_all, usage
from tests.integration.serving import Andon
from tests.servers.stores import PostgresStore, SqliteStore

OTHER = "(other)"


@pytest.fixture(scope="module")
def small(serve_with: ServeWith) -> Andon:
    """Serve with few names a day, a short queue and little patience with the store."""
    return serve_with(
        models_per_day=3,
        agents_per_day=2,
        ingest_queue_records=100,
        store_timeout_seconds=2.0,
    )


@contextmanager
def commits_held(andon: Andon) -> Iterator[None]:
    """Let no usage be committed while the block runs."""
    if isinstance(andon.store, PostgresStore):
        with psycopg.connect(andon.store.database.owner_dsn) as server:
            server.execute("LOCK TABLE usage_keys IN ACCESS EXCLUSIVE MODE")
            yield
    elif isinstance(andon.store, SqliteStore):
        engine = sqlite.writer_engine(andon.store.path, 10.0)
        try:
            with engine.begin():
                yield
        finally:
            engine.dispose()


def test_too_many_models_are_summed_as_other(small: Andon) -> None:
    tenant = small.tenant()
    integration_id = tenant.integrate()
    for number in range(6):
        report_all(
            tenant.admin, [usage(integration_id, model=f"m{number}", cost_cents=1, tokens_in=10)]
        )
    rows = tenant.admin.items("telemetry/daily-aggregates")
    sums = {row["model"]: (row["calls"], row["cost_cents"], row["tokens_in"]) for row in rows}
    assert sums == {
        "m0": (1, 1, 10),
        "m1": (1, 1, 10),
        "m2": (1, 1, 10),
        OTHER: (3, 3, 30),
    }
    hours = tenant.admin.items("telemetry/usage-history", bucket="hour", model=OTHER)
    assert sum(row["calls"] for row in hours) == 3
    # A single record keeps the model that it was reported with.
    kept = {one["model"] for one in tenant.admin.items(USAGE)}
    assert kept == {f"m{number}" for number in range(6)}
    assert tenant.admin.read("telemetry/usage-summary")["total_calls"] == 6


def test_a_known_model_stays_known(small: Andon) -> None:
    tenant = small.tenant()
    integration_id = tenant.integrate()
    report_all(tenant.admin, [usage(integration_id, model=f"m{n}") for n in range(5)])
    report_all(tenant.admin, [usage(integration_id, model="m0") for _ in range(3)])
    rows = tenant.admin.items("telemetry/daily-aggregates", model="m0")
    assert sum(row["calls"] for row in rows) == 4


def test_too_many_agents_are_summed_as_other(small: Andon) -> None:
    tenant = small.tenant()
    integration_id = tenant.integrate()
    report_all(tenant.admin, [usage(integration_id, agent_id=f"a{n}") for n in range(5)])
    rows = tenant.admin.items("telemetry/daily-aggregates")
    assert {row["agent_id"]: row["calls"] for row in rows} == {"a0": 1, "a1": 1, OTHER: 3}


def test_folded_names_are_counted(small: Andon) -> None:
    name = "andon_usage_names_folded_total"
    before = small.meter(name, kind="model")
    tenant = small.tenant()
    integration_id = tenant.integrate()
    report_all(tenant.admin, [usage(integration_id, model=f"m{n}") for n in range(5)])
    assert small.meter(name, kind="model") == before + 2


def await_depth(andon: Andon, depth: int) -> None:
    """Wait until this many records wait for a commit."""
    deadline = time.monotonic() + 10
    while andon.meter("andon_intake_queue_records") != depth:
        assert time.monotonic() < deadline, "the queue does not fill"


def test_a_full_queue_says_when_to_come_back(small: Andon) -> None:
    tenant = small.tenant()
    integration_id = tenant.integrate()
    door = tenant.door("ingest")
    waiting = [usage(integration_id) for _ in range(100)]
    one_more = usage(integration_id)
    report(door, usage(integration_id))
    refused = small.meter("andon_intake_refused_records_total")
    with ThreadPoolExecutor(1) as pool:
        with commits_held(small):
            pending = pool.submit(report_all, door, waiting)
            await_depth(small, 100)
            answer = report(door, one_more)
        assert pending.result() == (100, 0)
    assert (answer.status_code, answer.json()["code"]) == (503, "intake_full")
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["retry_after_seconds"] == 1
    assert small.meter("andon_intake_refused_records_total") == refused + 1
    assert report(door, one_more).json()["status"] == "accepted"
    assert tenant.admin.read("telemetry/usage-summary")["total_calls"] == 102


def test_a_tenant_that_floods_the_queue_leaves_room_for_others(small: Andon) -> None:
    loud, quiet = small.tenant(), small.tenant()
    integration_id, other_id = loud.integrate(), quiet.integrate()
    report(loud.admin, usage(integration_id))
    report(quiet.admin, usage(other_id))
    flood = [[usage(integration_id) for _ in range(size)] for size in (30, 20)]
    with ThreadPoolExecutor(3) as pool:
        with commits_held(small):
            pending = [pool.submit(report_all, loud.admin, flood[0])]
            await_depth(small, 30)
            pending.append(pool.submit(report_all, loud.admin, flood[1]))
            await_depth(small, 50)
            refused = loud.admin.post(BATCH, {"records": [usage(integration_id)] * 30})
            pending.append(pool.submit(report_all, quiet.admin, [usage(other_id)]))
            await_depth(small, 51)
        assert (refused.status_code, refused.json()["code"]) == (429, "tenant_queue_full")
        assert refused.headers["retry-after"] == "1"
        assert [one.result() for one in pending] == [(30, 0), (20, 0), (1, 0)]
    assert loud.admin.read("telemetry/usage-summary")["total_calls"] == 51


def test_a_store_that_does_not_answer_is_told(small: Andon) -> None:
    tenant = small.tenant()
    integration_id = tenant.integrate()
    door = tenant.door("ingest")
    records = [usage(integration_id) for _ in range(7)]
    report(door, usage(integration_id))
    with commits_held(small):
        answer = door.post(BATCH, {"records": records})
    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    assert report_all(door, records) == (7, 0)


def test_reading_goes_on_while_commits_wait(small: Andon) -> None:
    tenant = small.tenant()
    integration_id = tenant.integrate()
    report_all(tenant.admin, [usage(integration_id)])
    with commits_held(small):
        summary = tenant.admin.read("telemetry/usage-summary")
        assert small.http.get("/healthz").status_code == 200
    assert summary["total_calls"] == 1


def test_many_reporters_at_a_short_queue_lose_nothing(small: Andon) -> None:
    tenant = small.tenant()
    integration_id = tenant.integrate()
    door = tenant.door("ingest")
    batches = [[usage(integration_id) for _ in range(60)] for _ in range(12)]
    gate = threading.Barrier(6)

    def insist(start: int) -> int:
        gate.wait()
        refused = 0
        for batch in batches[start::6]:
            while (answer := door.post(BATCH, {"records": batch})).status_code == 503:
                refused += 1
                time.sleep(0.01)
            assert answer.json()["accepted"] == 60
        return refused

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(insist, range(6)))
    assert tenant.admin.read("telemetry/usage-summary")["total_calls"] == 12 * 60
