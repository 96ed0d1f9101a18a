"""Other systems, each in a virtual environment of its own, measured beside Andon."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scripts.tree import ROOT

AGENTMESH = "agentmesh-ai==0.5.0"
_FOLDER = ROOT / ".bench-venv"
_WATCHDOG = ROOT / "tests" / "servers" / "watchdog.py"
_READY_SECONDS = 60.0
# Spans go straight into its store, past HTTP: the most that it can do in one process.
_DIRECT = """
import json, sys, tempfile, time, uuid
from agentmesh.ingest import SpanData
from agentmesh.storage import SQLiteStore
size, seconds, attributes = json.load(sys.stdin)
at = "2026-01-01T00:00:0{}+00:00"
with tempfile.TemporaryDirectory() as folder:
    store = SQLiteStore(folder + "/agentmesh.db")
    synchronous = store._conn.execute("pragma synchronous").fetchone()[0]
    done, start, cpu = 0, time.perf_counter(), time.process_time()
    while (elapsed := time.perf_counter() - start) < seconds:
        trace = uuid.uuid4().hex
        spans = [SpanData(trace, uuid.uuid4().hex[:16], "chat gpt-4o", at.format(1), at.format(3),
                          kind="CLIENT", status="ok", attributes=dict(attributes))
                 for _ in range(size)]
        done += store.ingest_spans(spans)["spans"]
    cpu = time.process_time() - cpu
    store.close()
print(json.dumps({"rate": done / elapsed, "cpu": cpu / done, "synchronous": synchronous}))
"""


class Absent(Exception):
    """A peer could not be installed here."""


def python_of(requirement: str) -> Path:
    """Install a peer, unless it is installed, and give its interpreter."""
    folder = _FOLDER / requirement.replace("==", "-")
    python, stamp = folder / "bin" / "python", folder / "installed"
    if stamp.exists():
        return python
    print(f"installing {requirement} into {folder.relative_to(ROOT)} ...", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    for command in (
        [sys.executable, "-m", "venv", str(folder)],
        [str(python), "-m", "pip", "--disable-pip-version-check", "-q", "install", requirement],
    ):
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            raise Absent(f"{requirement} could not be installed: {done.stderr.strip()[-300:]}")
    stamp.touch()
    return python


def direct_rate(python: Path, size: int, seconds: float, attributes: dict[str, Any]) -> Any:
    """Write spans through agentmesh's own store for a while; gives its rate and its PRAGMA."""
    done = subprocess.run(
        [str(python), "-c", _DIRECT],
        input=json.dumps([size, seconds, attributes]),
        capture_output=True,
        text=True,
        check=True,
        cwd=tempfile.gettempdir(),
    )
    return json.loads(done.stdout)


@contextmanager
def agentmesh_server(python: Path) -> Iterator[tuple[int, int]]:
    """Serve agentmesh's receiver on an empty database; gives its port and process id."""
    with tempfile.TemporaryDirectory(prefix="andon-peer-") as folder:
        port = _free_port()
        # The watchdog ends it when this process is gone, however it goes.
        command = [
            sys.executable,
            "-I",
            "-S",
            str(_WATCHDOG),
            "--",
            str(python.parent / "agentmesh"),
        ]
        command += ["--db", f"{folder}/agentmesh.db", "dashboard", "--port", str(port)]
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=folder,
                env={**os.environ, "PYTHONPATH": ""},
            )
        try:
            _wait_for(f"http://127.0.0.1:{port}/readyz", process)
            yield port, process.pid
        finally:
            process.terminate()
            process.wait(30)
            assert process.stdin is not None
            process.stdin.close()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
    raise Absent("agentmesh's server did not start")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
