"""Books still balance after an end user was erased, and after a month was dropped."""

from __future__ import annotations

from tests.integration.conftest import ServeWith
from tests.integration.records import USAGE, report_all, usage
from tests.integration.serving import Andon


def _balances(andon: Andon) -> None:
    found = andon.root.make("verify", {"all_tenants": True})
    assert found["differences"] == []
    assert found["balanced"]


def test_after_an_end_user_was_erased(serve_with: ServeWith) -> None:
    served = serve_with(verify_interval_seconds=0)
    tenant = served.tenant()
    integration_id = tenant.integrate()
    for number in range(3):
        report_all(
            tenant.admin,
            [
                usage(integration_id, end_user="gone", agent_id="a", error_message="no"),
                usage(integration_id, end_user="gone", session_id=f"wrong-{number}"),
                usage(integration_id, end_user="here", model=f"m{number}"),
            ],
        )
    for record in tenant.admin.items(USAGE, session_id="wrong-1"):
        tenant.admin.make(f"{USAGE}/{record['id']}/void", {"reason": "wrong"})
    tenant.admin.make("end-users/erase", {"end_user": "gone"})
    assert len(tenant.admin.items(USAGE)) == 3
    _balances(served)
    served.change("UPDATE usage_daily SET calls = calls - 1 WHERE agent_id = 'a'")
    assert served.root.make("verify", {"all_tenants": True})["difference_count"] == 1
