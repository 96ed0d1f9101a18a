"""The service itself: whether it lives and is ready, what it measures, logs and always sends."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest

from andon import app, errors
from andon.api.edge import SECURITY_HEADERS
from andon.runtime import audit
from tests.integration.doors import Tenancy, new_door
from tests.integration.records import BATCH, USAGE, report, usage
from tests.integration.serving import Andon, fresh_store, serving
from tests.servers.andon import AndonServer
from tests.servers.postgres import PostgresServer
from tests.servers.stores import Store


def test_it_lives_and_is_ready(andon: Andon) -> None:
    assert andon.http.get("/healthz").json() == {"status": "ok"}
    assert andon.http.get("/readyz").json() == {"status": "ready"}


def _await_status(http: httpx2.Client, status: int) -> httpx2.Response:
    deadline = time.monotonic() + 20
    while (answer := http.get("/readyz")).status_code != status:
        assert time.monotonic() < deadline, f"/readyz still answers {answer.status_code}"
        time.sleep(0.05)
    return answer


def test_it_is_not_ready_without_its_database(tmp_path: Path) -> None:
    with (
        PostgresServer.start("pip") as postgres,
        fresh_store("postgresql", tmp_path, postgres) as store,
        serving(store, store_timeout_seconds=2.0) as andon,
    ):
        tenant = andon.tenant()
        call = usage(tenant.integrate())
        report(tenant.admin, call)
        postgres.stop()
        answer = _await_status(andon.http, 503)
        assert answer.json()["status"] == "not ready"
        assert andon.http.get("/healthz").status_code == 200
        refused = report(tenant.admin, call)
        assert (refused.status_code, refused.json()["code"]) == (503, "store_unavailable")
        assert "retry-after" in refused.headers
        postgres.restart()
        _await_status(andon.http, 200)
        assert report(tenant.admin, call).json()["status"] == "duplicate"
        assert tenant.admin.read("telemetry/usage-summary")["total_calls"] == 1


METERS = [
    "andon_http_requests_total",
    "andon_http_request_duration_seconds_bucket",
    "andon_usage_records_total",
    "andon_intake_queue_records",
    "andon_intake_refused_records_total",
    "andon_intake_group_records_bucket",
    "andon_intake_commit_duration_seconds_bucket",
    "andon_intake_commit_failures_total",
    "andon_auth_failures_total",
]


def test_what_is_measured(andon: Andon, tenant: Tenancy) -> None:
    report(tenant.admin, usage(tenant.integrate()))
    answer = andon.http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    names = {line.split("{")[0].split(" ")[0] for line in answer.text.splitlines()}
    assert set(METERS) <= names
    # Labels are of few values: neither a path nor a tenant is one.
    assert tenant.id not in answer.text


def test_records_are_counted_by_outcome(andon: Andon, tenant: Tenancy) -> None:
    def counts() -> tuple[float, ...]:
        name = "andon_usage_records_total"
        kinds = ("accepted", "duplicate", "rejected")
        return tuple(andon.meter(name, outcome=kind) for kind in kinds)

    before = counts()
    call = usage(tenant.integrate())
    records = [call, call, {**call, "tokens_in": 1}, usage("nothing"), {}]
    tenant.admin.make(BATCH, {"records": records})
    assert [now - then for now, then in zip(counts(), before, strict=True)] == [1, 1, 3]


def test_metrics_beyond_loopback_need_a_key_of_default(store: Store) -> None:
    with AndonServer.start(store, host="0.0.0.0") as server:
        open_door = httpx2.get(f"{server.url}/metrics")
        assert (open_door.status_code, open_door.json()["code"]) == (401, "not_authenticated")
        admin = server.client()
        assert admin.get("/metrics").status_code == 200
        for role in ("ingest", "viewer", "operator"):
            key = admin.post("/api/v1/keys", json={"name": role, "role": role}).json()["key"]
            assert server.client(key).get("/metrics").status_code == 200
        other = admin.post("/api/v1/tenants", json={"name": "other"}).json()["id"]
        body = {"name": "admin", "role": "admin", "tenant_id": other}
        key = admin.post("/api/v1/keys", json=body).json()["key"]
        assert server.client(key).get("/metrics").status_code == 403
        for path in ("/", "/healthz", "/readyz", "/openapi.json"):
            assert httpx2.get(f"{server.url}{path}").status_code == 200
        assert "listening beyond loopback without TLS" in server.log_text()


ANSWERS: list[tuple[str, str, int]] = [
    ("GET", "/", 200),
    ("GET", "/welcome.css", 200),
    ("GET", "/healthz", 200),
    ("GET", "/openapi.json", 200),
    ("GET", "/metrics", 200),
    ("GET", "/nothing", 404),
    ("GET", "/docs", 404),
    ("GET", "/api/v1/integrations/", 404),
    ("GET", "//healthz", 404),
    ("POST", "/healthz", 405),
    ("PUT", "/api/v1/integrations", 405),
    ("PUT", "/api/v1/telemetry/llm-usage", 405),
    ("GET", "/api/v1/telemetry/llm-usage/batch", 405),
    ("GET", "/api/v1/integrations", 401),
    ("POST", "/api/v1/telemetry/llm-usage", 401),
    ("OPTIONS", "/api/v1/integrations", 405),
    ("TRACE", "/api/v1/integrations", 405),
]


@pytest.mark.parametrize(("method", "path", "status"), ANSWERS)
def test_every_answer_has_the_security_headers(
    andon: Andon, method: str, path: str, status: int
) -> None:
    answer = andon.http.request(method, f"{andon.url}{path}")
    assert answer.status_code == status
    for name, value in SECURITY_HEADERS:
        assert answer.headers.get_list(name.decode()) == [value.decode()], name
    assert answer.headers["x-request-id"]
    assert "server" not in answer.headers
    if status >= 400:
        _check_problem(answer)


def _check_problem(answer: httpx2.Response) -> None:
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["type"] == f"urn:andon:error:{body['code']}"
    assert body["title"]
    assert body["detail"]


def test_a_policy_for_content_that_allows_nothing_foreign(andon: Andon) -> None:
    policy = andon.http.get("/").headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "http" not in policy


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("integrations", {"GET", "POST"}),
        ("telemetry/llm-usage", {"GET", "POST"}),
        ("telemetry/llm-usage/batch", {"POST"}),
    ],
)
def test_a_method_that_is_not_taken_names_those_that_are(
    tenant: Tenancy, path: str, allowed: set[str]
) -> None:
    answer = tenant.admin.ask("PUT", path, json={})
    assert answer.status_code == 405
    assert set(answer.headers["allow"].replace(" ", "").split(",")) == allowed


@pytest.mark.parametrize("sent", ["abc", "A-1.b_2", "x" * 64])
def test_a_request_keeps_the_id_it_came_with(andon: Andon, sent: str) -> None:
    answer = andon.http.get("/healthz", headers={"X-Request-Id": sent})
    assert answer.headers["x-request-id"] == sent


@pytest.mark.parametrize(
    "sent",
    ["", "x" * 65, "a b", "a\tb", "<script>", 'a"b', "sk-proj-" + "A1b2" * 10, "\xe9"],
)
def test_a_request_id_that_is_none_is_replaced(andon: Andon, sent: str) -> None:
    headers = [(b"X-Request-Id", sent.encode("latin-1"))]
    answer = andon.http.get("/healthz", headers=headers)
    assert answer.headers["x-request-id"] != sent
    assert len(answer.headers["x-request-id"]) == 36


SECRET = "an unforeseen thing happened to ada@example.com"


def _fail(*_: Any, **__: Any) -> Any:
    raise RuntimeError(SECRET)


@pytest.mark.parametrize("way", ["management", "ingest"])
def test_what_nobody_foresaw(
    andon: Andon, tenant: Tenancy, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    headers = {"X-Request-Id": f"unforeseen-{way}"}
    with monkeypatch.context() as patch:
        patch.setattr(audit, "list_changes", _fail)
        patch.setattr("andon.api.ingest.decode_one", _fail)
        if way == "management":
            answer = tenant.admin.ask("GET", "audit/changes", headers=headers)
        else:
            answer = tenant.admin.ask("POST", USAGE, json={}, headers=headers)
    assert answer.status_code == 500
    _check_problem(answer)
    assert answer.json()["code"] == "internal_error"
    assert f"unforeseen-{way}" in answer.json()["detail"]
    assert answer.headers["x-request-id"] == f"unforeseen-{way}"
    assert "ada@" not in answer.text
    assert "RuntimeError" not in answer.text
    # The server goes on.
    assert tenant.admin.get("audit/changes").status_code == 200


def test_a_body_that_ends_early_sinks_nobody(andon: Andon, tenant: Tenancy) -> None:
    host, port = andon.url.removeprefix("http://").split(":")
    for path in (f"/api/v1/{USAGE}", "/api/v1/integrations"):
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1000\r\n"
            f"Authorization: Bearer {tenant.admin.key}\r\n\r\n{{"
        )
        with closing(socket.create_connection((host, int(port)))) as client:
            client.sendall(head.encode())
    assert report(tenant.admin, usage(tenant.integrate())).status_code == 200


def _other_end(client: socket.socket) -> socket.socket:
    """Find the server's end of a connection among the descriptors of this process."""
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            end = socket.socket(fileno=os.dup(int(name)))
            with contextlib.suppress(OSError):
                if end.getpeername() == client.getsockname():
                    return end
            end.close()
    raise AssertionError("the server's end of the connection is not in this process")


def test_answers_are_not_held_back_by_the_network(andon: Andon) -> None:
    # Head and body leave in two writes: without TCP_NODELAY the second one waits some 40 ms for
    # the peer's delayed acknowledgement of the first.
    host, port = andon.url.removeprefix("http://").split(":")
    with closing(socket.create_connection((host, int(port)))) as client:
        client.sendall(f"GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert client.recv(1) == b"H"
        with closing(_other_end(client)) as end:
            assert end.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


def _lines(server: AndonServer) -> list[dict[str, Any]]:
    return [json.loads(line) for line in server.log_text().splitlines() if line.startswith("{")]


def _await_line(server: AndonServer, request_id: str) -> dict[str, dict[str, Any]]:
    """Read the lines by request, once this one's is there: an answer may be quicker."""
    deadline = time.monotonic() + 10
    while request_id not in (lines := {str(one.get("request_id")): one for one in _lines(server)}):
        assert time.monotonic() < deadline, f"nothing is logged of {request_id}"
        time.sleep(0.02)
    return lines


def test_the_log_is_one_json_line_a_request(andon_server: AndonServer) -> None:
    admin = andon_server.client()
    made = andon_server.create_integration("logged")
    admin.get(f"/api/v1/integrations/{made}", headers={"X-Request-Id": "log-1"})
    admin.get("/api/v1/nothing/at/all", headers={"X-Request-Id": "log-2"})
    admin.post(f"/api/v1/{USAGE}", json=usage(made), headers={"X-Request-Id": "log-3"})
    httpx2.get(f"{andon_server.url}/api/v1/keys", headers={"X-Request-Id": "log-4"})
    lines = _await_line(andon_server, "log-4")
    assert lines["log-1"]["route"].endswith("/integrations/{integration_id}")
    assert lines["log-1"]["status"] == 200
    assert lines["log-1"]["method"] == "GET"
    assert lines["log-1"]["tenant_id"] == "default"
    assert lines["log-1"]["key_id"]
    assert 0 <= lines["log-1"]["duration_seconds"] < 60
    assert lines["log-2"]["route"] == "unknown"
    assert lines["log-2"]["status"] == 404
    assert lines["log-3"]["route"] == f"/api/v1/{USAGE}"
    assert lines["log-3"]["tenant_id"] == "default"
    assert lines["log-4"]["status"] == 401
    assert lines["log-4"]["tenant_id"] is None
    for line in lines.values():
        assert {"time", "level", "logger", "message"} <= set(line)
    assert made not in andon_server.log_text()


def test_all_that_is_logged_is_json(andon_server: AndonServer) -> None:
    told = [line for line in andon_server.log_text().splitlines() if line.strip()]
    plain = [line for line in told if not line.startswith("{")]
    assert len(plain) == 1
    assert plain[0].startswith("Andon serves on http://127.0.0.1:")


def test_a_metrics_route_is_a_template(andon: Andon, tenant: Tenancy) -> None:
    made = tenant.integrate()
    tenant.admin.get(f"integrations/{made}")
    tenant.admin.get("no-such-thing/at-all")
    text = andon.http.get("/metrics").text
    assert made not in text
    assert "no-such-thing" not in text
    assert 'route="unknown"' in text


def test_a_host_that_is_none_does_not_reach_the_page(andon: Andon) -> None:
    for host in ('x"><script>alert(1)</script>', "evil.example/<b>", "a b"):
        answer = andon.http.get("/", headers={"Host": host})
        assert "<script>" not in answer.text
        assert "<b>" not in answer.text


def test_the_document_names_every_route_and_its_problems(andon: Andon) -> None:
    document = andon.http.get("/openapi.json").json()
    assert document["openapi"].startswith("3.")
    assert {"/api/v1/telemetry/llm-usage/batch", "/api/v1/keys/{key_id}"} <= set(document["paths"])
    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert operation["summary"], (method, path)
            problem = operation["responses"]["default"]["content"]
            assert "application/problem+json" in problem, (method, path)


def test_one_process_serves_an_embedded_store(store: Store) -> None:
    if store.kind != "sqlite":
        pytest.skip("PostgreSQL is served by any number of processes")
    with serving(store) as first:
        with pytest.raises(errors.HomeInUse, match="another ANDON_HOME"):
            app.init(first.settings)
        assert first.http.get("/readyz").status_code == 200


def test_files_are_for_their_owner_only(andon_server: AndonServer) -> None:
    home = andon_server.store.home
    assert home.stat().st_mode & 0o777 == 0o700
    for file in home.rglob("*"):
        if file.is_file():
            assert file.stat().st_mode & 0o077 == 0, file.name


def test_what_this_machine_is_told_of_the_server(andon_server: AndonServer) -> None:
    told = json.loads(andon_server.announced_text())
    assert told["url"] == andon_server.url
    local = andon_server.client(told["token"])
    assert local.get("/api/v1/keys").status_code == 200
    made = local.post("/api/v1/imports", json={}).json()
    assert made["created_by"] == "local"


def test_any_key_of_default_reads_metrics(andon: Andon) -> None:
    for role in ("ingest", "viewer"):
        assert new_door(andon.root, role).get("/metrics").status_code == 200
