"""A real trace of LLM calls is counted to the token, through crashes and runs repeated."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.servers.andon import AndonServer
from tests.servers.stores import clean_environment

DATA = Path(__file__).parents[3] / "shared" / "data" / "azure_llm_trace"
INGEST = "from andon.cli import main; main()"
SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Trace:
    """A file of calls and what they sum to."""

    path: Path
    calls: int
    tokens_in: int
    tokens_out: int


def _real(name: str, calls: int, tokens_in: int, tokens_out: int) -> Trace:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"the Azure LLM inference trace ({name}) is not on this machine")
    return Trace(path, calls, tokens_in, tokens_out)


def conversations() -> Trace:
    """Find the trace of the conversation service (CC-BY, Patel et al., Splitwise, ISCA 2024)."""
    return _real("conv.csv", 19_366, 22_361_870, 4_088_665)


def code() -> Trace:
    """Find the trace of the code service."""
    return _real("code.csv", 8_819, 18_059_974, 245_896)


def small(folder: Path, calls: int = 50) -> Trace:
    """Write a trace with rows that are equal, of many forms, and of one day."""
    path = folder / "small.csv"
    tokens = [(1 + number * 37 % 4000, number * 11 % 600) for number in range(calls)]
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["TIMESTAMP", "ContextTokens", "GeneratedTokens"])
        for number, (read, written) in enumerate(tokens):
            # Three rows each are of the same moment; two of them are the same altogether.
            moment = f"2023-11-16 18:{number // 3 % 60:02}:46.6805900"
            rows.writerow([moment, read, written])
        rows.writerow(["2023-11-16 19:59:59", 7, 3])
        rows.writerow(["2023-11-16 19:59:59", 7, 3])
    return Trace(
        path, calls + 2, sum(one for one, _ in tokens) + 14, sum(two for _, two in tokens) + 6
    )


def _command(trace: Trace, integration: str) -> list[str]:
    command = [sys.executable, "-c", INGEST, "ingest", str(trace.path)]
    command += ["--format", "azure-llm-trace", "--integration", integration]
    return [*command, "--model", "gpt-4o", "--json"]


def _environment(server: AndonServer) -> dict[str, str]:
    return clean_environment({"ANDON_URL": server.url, "ANDON_KEY": server.key})


def ingest(server: AndonServer, trace: Trace, integration: str) -> dict[str, Any]:
    """Run the command to its end and read what it tells."""
    done = subprocess.run(
        _command(trace, integration),
        env=_environment(server),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def begin(server: AndonServer, trace: Trace, integration: str) -> subprocess.Popen[bytes]:
    """Start the command and leave it running."""
    return subprocess.Popen(
        _command(trace, integration),
        env=_environment(server),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _summary(server: AndonServer) -> dict[str, Any]:
    asked = {"period_start": "2023-11-16", "period_end": "2023-11-16"}
    answer = server.client().get("/api/v1/telemetry/usage-summary", params=asked)
    found: dict[str, Any] = answer.json()
    return found


def _check_summary(server: AndonServer, trace: Trace, integration: str) -> None:
    summary = _summary(server)
    own = [one for one in summary["by_integration"] if one["integration_id"] == integration]
    assert [one["total_calls"] for one in own] == [trace.calls]
    assert [one["total_tokens"] for one in own] == [trace.tokens_in + trace.tokens_out]


def _check_run(found: dict[str, Any], trace: Trace, accepted: int) -> None:
    assert found["read"] == found["calls"] == trace.calls
    assert found["accepted"] == accepted
    assert found["duplicates"] == trace.calls - accepted
    assert (found["rejected"], found["reasons"]) == (0, {})
    assert (found["tokens_in"], found["tokens_out"]) == (trace.tokens_in, trace.tokens_out)


def _check_twice(server: AndonServer, trace: Trace) -> None:
    integration = server.create_integration(trace.path.stem)
    first = ingest(server, trace, integration)
    _check_run(first, trace, trace.calls)
    _check_summary(server, trace, integration)
    again = ingest(server, trace, integration)
    _check_run(again, trace, 0)
    assert again["cost_added_nanousd"] == 0
    _check_summary(server, trace, integration)


def test_a_small_trace(andon_server: AndonServer, tmp_path: Path) -> None:
    _check_twice(andon_server, small(tmp_path))


def test_a_trace_that_has_grown_adds_its_new_calls(
    andon_server: AndonServer, tmp_path: Path
) -> None:
    integration = andon_server.create_integration("grown")
    before = small(tmp_path, 30)
    ingest(andon_server, before, integration)
    after = small(tmp_path, 50)
    renamed = Trace(tmp_path / "other.csv", after.calls, after.tokens_in, after.tokens_out)
    after.path.rename(renamed.path)
    _check_run(ingest(andon_server, renamed, integration), renamed, renamed.calls - before.calls)
    _check_summary(andon_server, renamed, integration)


def test_a_real_trace(andon_server: AndonServer) -> None:
    _check_twice(andon_server, code())


def _await_more(server: AndonServer, process: subprocess.Popen[bytes]) -> int:
    """Wait until more of the calls are counted, and tell how many."""
    before = int(_summary(server)["total_calls"])
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, "the command ended before it could be killed"
        calls = int(_summary(server)["total_calls"])
        if calls > before:
            return calls
        time.sleep(0.01)
    raise AssertionError("no more is counted")


def _kill_the_command(server: AndonServer, trace: Trace, integration: str) -> None:
    with begin(server, trace, integration) as process:
        _await_more(server, process)
        process.kill()


def _kill_the_server(server: AndonServer, trace: Trace, integration: str) -> None:
    with begin(server, trace, integration) as process:
        seen = _await_more(server, process)
        server.kill()
        process.kill()
    server.restart()
    assert int(_summary(server)["total_calls"]) >= seen


def _check_kills(server: AndonServer, trace: Trace) -> None:
    """Kill the command, then the server, in the middle of the trace; run it again to its end."""
    integration = server.create_integration("killed")
    _kill_the_command(server, trace, integration)
    _kill_the_server(server, trace, integration)
    kept = int(_summary(server)["total_calls"])
    assert 0 < kept < trace.calls
    found = ingest(server, trace, integration)
    _check_run(found, trace, trace.calls - kept)
    _check_summary(server, trace, integration)
    _check_run(ingest(server, trace, integration), trace, 0)
    _check_summary(server, trace, integration)


def test_kills_lose_and_double_nothing(fresh_server: AndonServer, tmp_path: Path) -> None:
    is_here = (DATA / "conv.csv").exists()
    _check_kills(fresh_server, conversations() if is_here else small(tmp_path, 6000))
