"""One process a store: a second is refused, a dead one's lock does not last, files are private."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.andon import AndonServer
from tests.servers.stores import SqliteStore

_COMMAND = [sys.executable, "-c", "from andon.cli import main; main()", "serve"]
_SECONDS = 60.0


@pytest.fixture
def embedded_server(tmp_path: Path) -> Iterator[AndonServer]:
    """Give a running server on an embedded store of its own."""
    with AndonServer.start(SqliteStore(tmp_path / "home")) as server:
        yield server


def _second(server: AndonServer) -> subprocess.CompletedProcess[str]:
    """Start another server with the same settings, as a person would."""
    return subprocess.run(
        _COMMAND,
        env=server.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )


def test_a_second_process_is_told_why_it_may_not_serve(embedded_server: AndonServer) -> None:
    refused = _second(embedded_server)
    assert refused.returncode == 1
    assert "home_in_use" in refused.stderr
    assert "Another Andon process holds this ANDON_HOME" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_first_process_does_not_notice_the_second(embedded_server: AndonServer) -> None:
    announced = embedded_server.announced_text()
    assert _second(embedded_server).returncode == 1
    assert embedded_server.announced_text() == announced
    integration = embedded_server.create_integration("still here")
    answer = embedded_server.client().post(
        "/api/v1/telemetry/llm-usage",
        json={
            "call_id": "after-the-second",
            "integration_id": integration,
            "provider": "openai",
            "model": "gpt-4o",
            "tokens_in": 1,
            "tokens_out": 1,
        },
    )
    assert answer.json()["status"] == "accepted"


def test_a_killed_process_does_not_block_the_next(embedded_server: AndonServer) -> None:
    dead = embedded_server.pid
    embedded_server.kill()
    assert f'"pid": {dead}' in embedded_server.announced_text()
    embedded_server.launch()
    assert embedded_server.pid != dead
    assert embedded_server.client().get("/readyz").status_code == 200


def test_a_process_that_is_asked_to_end_leaves_nothing_to_recover(
    embedded_server: AndonServer,
) -> None:
    home = embedded_server.store.home
    assert embedded_server.stop() == 0
    assert not (home / "server.json").exists()
    # The last connection that closes checkpoints; a log that is left shows that none did.
    assert not (home / "andon.db-wal").exists()


def test_files_are_their_owners_alone(embedded_server: AndonServer) -> None:
    home = embedded_server.store.home
    embedded_server.create_integration("so that there is a write-ahead log")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in home.iterdir()}
    expected = {"andon.db", "andon.db-wal", "andon.db-shm", "andon.db.lock", "server.json"}
    assert modes == dict.fromkeys(expected, 0o600)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
