"""The oldest PostgreSQL that is supported migrates, serves and keeps usage."""

from __future__ import annotations

from pathlib import Path

from tests.integration.records import USAGE, rejected, report, report_all, usage
from tests.integration.serving import migrate, serving
from tests.servers.postgres import PostgresDatabase, PostgresServer
from tests.servers.stores import PostgresStore


def test_usage_is_recorded_and_summed(
    oldest_postgres_server: PostgresServer,
    oldest_postgres_database: PostgresDatabase,
    tmp_path: Path,
) -> None:
    assert oldest_postgres_server.version // 10000 == 15
    store = PostgresStore(tmp_path / "home", oldest_postgres_database)
    for _ in range(2):
        migrate(store)
    with serving(store) as andon:
        tenant = andon.tenant()
        integration_id = tenant.integrate()
        calls = [
            usage(integration_id, cost_cents=0.01, error_message="it failed") for _ in range(100)
        ]
        assert report_all(tenant.admin, calls) == (100, 0)
        assert report_all(tenant.admin, calls) == (0, 100)
        assert rejected(tenant.admin, [{**calls[0], "tokens_in": 1}]) == {0: "call_id_conflict"}
        summary = tenant.admin.read("telemetry/usage-summary")
        assert summary["total_cost_cents"] == 1
        assert summary["total_calls"] == summary["error_count"] == 100
        assert len(tenant.admin.items(USAGE, limit=40)) == 100
        stranger = andon.tenant()
        assert stranger.admin.get(f"integrations/{integration_id}").status_code == 404
        assert report(stranger.admin, usage(integration_id)).status_code == 422
    with serving(store) as andon:
        again = andon.root.read(f"tenants/{tenant.id}")
        assert again["status"] == "active"
