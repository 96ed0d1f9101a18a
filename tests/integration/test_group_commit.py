"""One commit holds the usage of several tenants, and each gets its own and no more."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.integration.conftest import ServeWith
from tests.integration.doors import new_integration
from tests.integration.records import USAGE, report_all, usage
from tests.integration.serving import Andon, fresh_store, serving
from tests.integration.test_usage_bounds import await_depth, commits_held


@pytest.fixture(scope="module")
def served(serve_with: ServeWith) -> Andon:
    return serve_with()


def test_a_group_spans_tenants(served: Andon) -> None:
    tenants = [served.tenant() for _ in range(6)]
    calls = {
        tenant.id: [usage(tenant.integrate(), error_message="it failed") for _ in range(5)]
        for tenant in tenants
    }
    for tenant in tenants:
        # Known before the commits are held, so that only the commit itself waits.
        report_all(tenant.admin, [usage(calls[tenant.id][0]["integration_id"])])
    with ThreadPoolExecutor(len(tenants)) as pool:
        with commits_held(served):
            pending = [
                pool.submit(report_all, tenant.admin, calls[tenant.id]) for tenant in tenants
            ]
            await_depth(served, 5 * len(tenants))
        assert [one.result() for one in pending] == [(5, 0)] * len(tenants)
    spans = [text.split(",") for (text,) in served.rows("SELECT tenants FROM blocks")]
    assert max(map(len, spans)) >= 2, "no commit held the usage of two tenants"
    for tenant in tenants:
        own = {one["call_id"] for one in calls[tenant.id]}
        kept = tenant.admin.items(USAGE)
        assert own < {one["call_id"] for one in kept}
        assert len(kept) == 6
        assert tenant.admin.read("telemetry/usage-summary")["error_count"] == 5


def test_blocks_are_numbered_without_gaps(served: Andon) -> None:
    tenant = served.tenant()
    integration_id = tenant.integrate()
    with ThreadPoolExecutor(8) as pool:
        batches = [[usage(integration_id) for _ in range(10)] for _ in range(24)]
        list(pool.map(lambda batch: report_all(tenant.admin, batch), batches))
    rows = served.rows("SELECT block, records, committed_us FROM blocks ORDER BY block")
    assert [number for number, _, _ in rows] == list(range(1, len(rows) + 1))
    kept = served.rows("SELECT block, sum(records) FROM usage GROUP BY block ORDER BY block")
    assert kept == [(number, records) for number, records, _ in rows]


def test_a_group_that_fails_in_part_is_told_record_by_record(served: Andon) -> None:
    tenant, other = served.tenant(), served.tenant()
    first = usage(tenant.integrate())
    report_all(tenant.admin, [first])
    conflict = {**first, "tokens_in": 1}
    with ThreadPoolExecutor(2) as pool:
        refused = pool.submit(tenant.admin.post, USAGE, conflict)
        accepted = pool.submit(report_all, other.admin, [usage(other.integrate())])
        assert refused.result().status_code == 409
        assert accepted.result() == (1, 0)


def test_a_call_is_found_by_its_id_right_after_a_restart(
    store_kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    postgres = request.getfixturevalue("postgres_server") if store_kind == "postgresql" else None
    with fresh_store(store_kind, tmp_path, postgres) as store:
        with serving(store) as andon:
            call = usage(new_integration(andon.root))
            report_all(andon.root, [call])
        with serving(store) as andon:
            assert len(andon.root.items(USAGE, call_id=call["call_id"])) == 1
            assert report_all(andon.root, [call]) == (0, 1)
