"""The SDK's client reports to a real server, exactly once, and names what went wrong."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from andon.sdk import Client, Recorded, Retries, ServerUnavailable, UsageRefused
from tests.servers.andon import AndonServer


class Reporter:
    """A tenant of the test's own, an ingest key of it, and a client with that key."""

    def __init__(self, server: AndonServer) -> None:
        self._admin = server.client()
        self.tenant_id = self._made("tenants", {"name": "reporter"})["id"]
        self._reader = server.client(self._key("admin"))
        self.key = self._key("ingest")
        self.integration_id = server.create_integration("sdk", key=self._key("operator"))
        self.client = Client(server.url, self.key, retries=Retries(tries=2, first_seconds=0.01))

    def _made(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self._admin.post(f"/api/v1/{path}", json=body)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def _key(self, role: str) -> str:
        body = {"name": role, "role": role, "tenant_id": self.tenant_id}
        return str(self._made("keys", body)["key"])

    def call(self, **fields: Any) -> dict[str, Any]:
        """Describe a call to report."""
        return {
            "integration_id": self.integration_id,
            "provider": "openai",
            "model": "gpt-4o",
            "tokens_in": 1200,
            "tokens_out": 300,
            **fields,
        }

    def kept(self) -> list[dict[str, Any]]:
        """Read what the server keeps."""
        answer = self._reader.get("/api/v1/telemetry/llm-usage", params={"limit": 1000})
        found: list[dict[str, Any]] = answer.json()["items"]
        return found


@pytest.fixture
def reporter(andon_server: AndonServer) -> Iterator[Reporter]:
    made = Reporter(andon_server)
    with made.client:
        yield made


def test_a_call_is_recorded(reporter: Reporter) -> None:
    recorded = reporter.client.record(**reporter.call())
    assert isinstance(recorded, Recorded)
    assert recorded.status == "accepted"
    kept = reporter.kept()
    assert [(one["id"], one["call_id"]) for one in kept] == [(recorded.id, recorded.call_id)]


def test_a_call_id_of_the_clients_own_sorts_by_time(reporter: Reporter) -> None:
    ids = [reporter.client.record(**reporter.call()).call_id for _ in range(5)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 5


def test_a_call_reported_again_is_a_duplicate(reporter: Reporter) -> None:
    call = reporter.call(call_id="mine")
    first = reporter.client.record(**call)
    again = reporter.client.record(**call)
    assert (first.status, again.status) == ("accepted", "duplicate")
    assert first.id == again.id
    assert len(reporter.kept()) == 1


def test_every_kind_of_value_arrives_exactly(reporter: Reporter) -> None:
    moment = datetime.now(UTC) - timedelta(hours=1)
    reporter.client.record(
        **reporter.call(
            cost_cents=Decimal("0.0123"),
            occurred_at=moment,
            metadata={"step": 3, "note": "ключ", "share": 0.1, "list": [1, None, True]},
            labels={"team": "a"},
            end_user=None,
        )
    )
    kept = reporter.kept()[0]
    assert kept["cost_nanousd"] == 123_000
    assert datetime.fromisoformat(kept["occurred_at"]) == moment
    assert kept["metadata"] == {"step": 3, "note": "ключ", "share": 0.1, "list": [1, None, True]}
    assert kept["labels"] == {"team": "a"}


def test_many_threads_share_a_client(reporter: Reporter) -> None:
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: reporter.client.record(**reporter.call()), range(64)))
    assert {one.status for one in done} == {"accepted"}
    assert {one["call_id"] for one in reporter.kept()} == {one.call_id for one in done}


@pytest.mark.parametrize(
    ("fields", "code", "status"),
    [
        ({"tokens_in": -1}, "number_out_of_range", 422),
        ({"prompt": "what"}, "unknown_field", 422),
        ({"integration_id": "nothing"}, "unknown_integration", 422),
        ({"occurred_at": datetime(2020, 1, 1, tzinfo=UTC)}, "backfill_not_allowed", 422),
    ],
)
def test_a_refusal_has_its_code(
    reporter: Reporter, fields: dict[str, Any], code: str, status: int
) -> None:
    with pytest.raises(UsageRefused) as refused:
        reporter.client.record(**reporter.call(call_id="mine", **fields))
    assert (refused.value.code, refused.value.status) == (code, status)
    assert refused.value.call_id == "mine"
    assert reporter.kept() == []


def test_a_contradiction_is_a_refusal(reporter: Reporter) -> None:
    reporter.client.record(**reporter.call(call_id="mine"))
    with pytest.raises(UsageRefused) as refused:
        reporter.client.record(**reporter.call(call_id="mine", tokens_in=1))
    assert (refused.value.code, refused.value.status) == ("call_id_conflict", 409)


def test_a_wrong_key_is_a_refusal_and_never_shown(
    andon_server: AndonServer, reporter: Reporter
) -> None:
    key = "andon_notakey0_" + secrets.token_hex(20)
    with Client(andon_server.url, key) as client:
        with pytest.raises(UsageRefused) as refused:
            client.record(**reporter.call())
        assert refused.value.status == 401
        assert key not in str(refused.value) + repr(client)


def test_no_server_is_unavailable(fresh_server: AndonServer) -> None:
    reporter = Reporter(fresh_server)
    with reporter.client as client:
        client.record(**reporter.call(call_id="before"))
        fresh_server.kill()
        with pytest.raises(ServerUnavailable) as failed:
            client.record(**reporter.call(call_id="during"))
        assert failed.value.call_id == "during"
        assert failed.value.code == "unreachable"
    fresh_server.restart()
    with Client(fresh_server.url, reporter.key) as client:
        assert client.record(**reporter.call(call_id="during")).status in {"accepted", "duplicate"}
        assert client.record(**reporter.call(call_id="before")).status == "duplicate"


def test_url_and_key_come_from_the_environment(
    andon_server: AndonServer, reporter: Reporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANDON_URL", andon_server.url)
    monkeypatch.setenv("ANDON_KEY", reporter.key)
    with Client() as client:
        assert client.record(**reporter.call()).status == "accepted"


def test_the_three_lines_of_the_first_page_work(
    andon_server: AndonServer, reporter: Reporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = httpx2.get(f"{andon_server.url}/").text
    begin = page.index("from andon.sdk import Client")
    lines = page[begin : page.index("</pre>", begin)].replace("&quot;", '"')
    monkeypatch.setenv("ANDON_URL", andon_server.url)
    monkeypatch.setenv("ANDON_KEY", reporter.key)
    names: dict[str, Any] = {}
    exec(lines.replace("INTEGRATION_ID", reporter.integration_id), names)  # the page's own words
    names["client"].close()
    assert len(reporter.kept()) == 1
