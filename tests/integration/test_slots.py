"""Many slots in one PostgreSQL database: each tenant lives in one, and nothing spans two."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from andon import errors
from andon.drivers.database import Tx
from tests.integration.doors import Tenancy
from tests.integration.records import USAGE, report_all, usage
from tests.integration.serving import Andon, fresh_store, serving
from tests.servers.postgres import PostgresServer

SLOTS = 16
TENANTS = 24
CALLS = 30


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer
) -> Iterator[Andon]:
    """Serve a database of 16 slots."""
    folder = tmp_path_factory.mktemp("slots")
    with (
        fresh_store("postgresql", folder, postgres_server, SLOTS) as store,
        serving(store) as andon,
    ):
        yield andon


@pytest.fixture(scope="module")
def tenants(served: Andon) -> list[Tenancy]:
    """Let tenants report calls and retries side by side."""
    made = [served.tenant() for _ in range(TENANTS)]

    def tell(tenant: Tenancy) -> tuple[int, int]:
        integration_id = tenant.integrate()
        calls = [usage(integration_id, cost_cents=1) for _ in range(CALLS)]
        accepted, again = report_all(tenant.admin, calls), report_all(tenant.admin, calls)
        return accepted[0], again[1]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(tell, made)) == [(CALLS, CALLS)] * TENANTS
    return made


def test_tenants_are_spread_over_the_slots(served: Andon, tenants: list[Tenancy]) -> None:
    slots = {slot for (slot,) in served.rows("SELECT slot FROM tenants")}
    assert len(tenants) == TENANTS
    assert slots == set(range(SLOTS))


def test_every_row_of_usage_is_in_its_tenants_slot(served: Andon, tenants: list[Tenancy]) -> None:
    home = dict(served.rows("SELECT tenant, slot FROM tenants"))
    assert tenants
    for table in ("usage", "usage_keys", "usage_hourly", "usage_daily", "usage_names"):
        rows = served.rows(f"SELECT DISTINCT tenant, slot FROM {table}")
        assert rows
        assert all(home[tenant] == slot for tenant, slot in rows), table


def test_each_slot_numbers_its_own_blocks_without_gaps(
    served: Andon, tenants: list[Tenancy]
) -> None:
    assert tenants
    numbers = defaultdict(list)
    for slot, block in served.rows("SELECT slot, block FROM blocks ORDER BY slot, block"):
        numbers[slot].append(block)
    for slot, blocks in numbers.items():
        assert blocks == list(range(1, len(blocks) + 1)), slot
    reached = served.rows("SELECT slot, block FROM slots WHERE block > 0 ORDER BY slot")
    assert reached == [(slot, len(blocks)) for slot, blocks in sorted(numbers.items())]


def test_every_tenant_reads_its_own(tenants: list[Tenancy]) -> None:
    for tenant in tenants:
        summary = tenant.admin.read("telemetry/usage-summary")
        assert (summary["total_calls"], summary["total_cost_cents"]) == (CALLS, CALLS)
        kept = tenant.admin.items(USAGE)
        assert len(kept) == CALLS
        found = tenant.admin.items(USAGE, call_id=kept[0]["call_id"])
        assert [one["id"] for one in found] == [kept[0]["id"]]


def test_a_conflict_is_seen_in_every_slot(tenants: list[Tenancy]) -> None:
    for tenant in tenants:
        kept = tenant.admin.items(USAGE)[0]
        again = usage(kept["integration_id"], call_id=kept["call_id"], tokens_in=1)
        assert tenant.admin.post(USAGE, again).status_code == 409


def test_a_transaction_that_touches_two_slots_is_refused() -> None:
    tx = Tx(None, 0, (1,), "postgresql")  # type: ignore[arg-type]
    tx.touch(3)
    tx.touch(3)
    with pytest.raises(errors.StoreRefused):
        tx.touch(4)
