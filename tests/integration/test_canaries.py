"""No raw secret anywhere: canaries go in at every door and are looked for in every sink."""

from __future__ import annotations

import csv
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from andon.drivers.database import tables
from andon.drivers.telemetry.packing import unpack
from andon.models.redaction import contains_raw_key
from tests.integration.canaries import CANARIES, MARKER, Told, files_below, found_in
from tests.integration.records import USAGE, ago
from tests.integration.serving import fresh_store
from tests.servers.andon import AndonServer
from tests.servers.stores import PostgresStore, SqliteStore, clean_environment

INGEST = "from andon.cli import main; main()"


@dataclass
class Evidence:
    """A server that was told everything, and what it answered."""

    server: AndonServer
    told: Told
    processes: list[bytes] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def evidence(
    store_kind: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Evidence]:
    """Send every canary in at every door, before anything is looked at."""
    folder = tmp_path_factory.mktemp("canaries")
    postgres = request.getfixturevalue("postgres_server") if store_kind == "postgresql" else None
    with fresh_store(store_kind, folder, postgres) as store:
        if isinstance(store, PostgresStore):
            _log_everything(store)
        with AndonServer.start(store, log_level="debug") as server:
            found = Evidence(server, Told(server.client(), server.key))
            integration_id = server.create_integration("canaries")
            with ThreadPoolExecutor(8) as pool:
                send = found.told.send_everywhere
                list(pool.map(lambda one: send(one, integration_id), CANARIES.values()))
            found.processes.append(_process(server.pid))
            if importlib.util.find_spec("andon.cli.ingest") is not None:
                found.commands.append(_ingest(server, integration_id, folder))
            yield found


def _log_everything(store: PostgresStore) -> None:
    """Let the server's log show every statement with its values, as a careless operator would."""
    with psycopg.connect(store.database.admin_dsn, autocommit=True) as admin:
        for setting in ("log_statement = 'all'", "log_parameter_max_length_on_error = -1"):
            admin.execute(f"ALTER DATABASE {store.database.name} SET {setting}".encode())


def _process(pid: int) -> bytes:
    place = Path("/proc") / str(pid)
    if not place.exists():
        return b""
    return (place / "cmdline").read_bytes() + (place / "environ").read_bytes()


COLUMNS = ["call_id", "provider", "model", "agent_id", "error_message", "metadata", "tokens_in"]


def _ingest(server: AndonServer, integration_id: str, folder: Path) -> str:
    path = folder / "calls.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow([*COLUMNS, "tokens_out", "occurred_at"])
        for number, canary in enumerate(CANARIES.values()):
            plain = [
                f"c{number}",
                "openai",
                "gpt-4o",
                "a",
                "it failed",
                "{}",
                "1",
                "1",
                ago(days=1),
            ]
            for place in range(len(COLUMNS)):
                row = [*plain]
                row[0] = f"c{number}.{place}"
                row[place] = f'{{"a": "{canary.text}"}}' if place == 5 else canary.text
                rows.writerow(row)
    done = subprocess.run(
        [sys.executable, "-c", INGEST, "ingest", str(path), "--integration", integration_id],
        env=clean_environment({"ANDON_URL": server.url, "ANDON_KEY": server.key}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.stdout + done.stderr


def test_the_canaries_look_like_keys() -> None:
    assert len(CANARIES) >= 12
    for name, canary in CANARIES.items():
        assert contains_raw_key(canary.text), name
        assert found_in(canary.text.encode()), name


def test_no_answer_shows_one(evidence: Evidence) -> None:
    assert len(evidence.told.answers) > 1000
    # They were looked at and refused, or masked and taken; nothing broke.
    statuses = evidence.told.statuses()
    assert statuses[422] > 100
    assert statuses[200] > 100
    assert [status for status in statuses if status >= 500] == []
    for answer in evidence.told.answers:
        assert found_in(answer.encode()) == []


def test_what_may_be_read_shows_none(evidence: Evidence) -> None:
    client = evidence.server.client()
    marked = False
    for path in client.get("/openapi.json").json()["paths"]:
        if "{" in path:
            continue
        params: dict[str, str] | None = {"limit": "1000"} if "/api/" in path else None
        text = client.get(path, params=params).text
        assert found_in(text.encode()) == [], path
        marked = marked or MARKER in text
    assert marked, "the marker was not stored"


def test_the_log_shows_none(evidence: Evidence) -> None:
    text = evidence.server.log_text()
    assert "request_id" in text
    assert found_in(text.encode()) == []


def test_the_command_line_shows_none(evidence: Evidence) -> None:
    if not evidence.commands:
        pytest.skip("there is no `andon ingest` yet")
    for text in evidence.commands:
        assert found_in(text.encode()) == []
        assert "accepted" in text


def test_the_process_shows_none(evidence: Evidence) -> None:
    for shown in evidence.processes:
        assert found_in(shown) == []
        assert not shown or b"ANDON_HOME" in shown


def test_the_metrics_show_none(evidence: Evidence) -> None:
    text = evidence.server.client().get("/metrics").text
    assert "andon_usage_records_total" in text
    assert found_in(text.encode()) == []


def test_no_table_holds_one(evidence: Evidence) -> None:
    store = evidence.server.store
    with store.snapshot() as read:
        dumped = {
            name: "\n".join(str(row) for row in read(f"SELECT * FROM {name}"))
            for name in (table.name for table in tables.tables_of(store.kind))
        }
        dumped["usage"] += "".join(
            str(unpack(bytes(body))) for (body,) in read("SELECT body FROM usage")
        )
    for name, text in dumped.items():
        assert found_in(text.encode()) == [], name
    assert MARKER in dumped["usage_errors"]
    assert "[redacted:" in dumped["usage_errors"]
    assert "[redacted:" in dumped["usage"]


def test_no_file_of_the_home_holds_one(evidence: Evidence) -> None:
    store = evidence.server.store
    files = files_below(store.home)
    if isinstance(store, SqliteStore):
        assert {"andon.db", "andon.db-wal"} <= set(files)
        assert any(MARKER.encode() in blob for blob in files.values())
    for name, blob in files.items():
        assert found_in(blob) == [], name


def test_the_databases_log_shows_none(evidence: Evidence, request: pytest.FixtureRequest) -> None:
    if evidence.server.store.kind == "sqlite":
        pytest.skip("an embedded store has no server with a log")
    text = request.getfixturevalue("postgres_server").log_text()
    assert "log_statement" in text or "statement:" in text or "execute" in text
    assert "duplicate key value violates unique constraint" in text
    assert found_in(text.encode()) == []


def test_an_error_message_tells_where_a_key_stood(evidence: Evidence) -> None:
    page = evidence.server.client().get(f"/api/v1/{USAGE}", params={"limit": "1000"}).json()
    texts = [one["error_message"] for one in page["items"] if one["error_message"]]
    marked = [text for text in texts if text.startswith(MARKER)]
    assert len(marked) == len(CANARIES)
    for text in marked:
        assert "Incorrect API key provided" in text
        assert "[redacted:" in text or "[userinfo]@" in text


def test_nothing_is_left_after_the_end(evidence: Evidence) -> None:
    """Runs last: what the end of the server writes is looked through too."""
    server = evidence.server
    assert server.stop() == 0
    for name, blob in files_below(server.store.home).items():
        assert found_in(blob) == [], name
    assert found_in(server.log_text().encode()) == []
