"""Clients that report while a backup is made, and the command line as an operator runs it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2

from tests.integration.doors import unique
from tests.integration.records import BATCH, usage
from tests.servers.andon import AndonServer
from tests.servers.stores import clean_environment

_COMMAND = "from andon.cli import main; main(prog_name='andon')"
_CLIENTS = 3
_NEW, _AGAIN = 40, 10
_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended and what it printed."""

    status: int
    out: str
    err: str

    @property
    def told(self) -> Any:
        """What --json printed."""
        assert self.status == 0, self.err
        return json.loads(self.out)


def command(*words: str | Path, **variables: str | Path) -> Done:
    """Run `andon WORDS` in a process of its own, with these ANDON_* variables and no others."""
    named = {f"ANDON_{name.upper()}": str(value) for name, value in variables.items()}
    done = subprocess.run(
        [sys.executable, "-c", _COMMAND, *map(str, words)],
        env=clean_environment(named),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )
    return Done(done.returncode, done.stdout, done.stderr)


class Load:
    """Clients that report batches, each with some records again, for as long as the block runs."""

    def __init__(self, server: AndonServer, integration_id: str) -> None:
        self._server = server
        self._integration_id = integration_id
        self._lock = threading.Condition()
        self._stop = threading.Event()
        self._acked: dict[str, Any] = {}
        self._faults: list[str] = []
        self._threads = [threading.Thread(target=self._report) for _ in range(_CLIENTS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        assert not self._faults, self._faults

    def acked(self, more_than: int = 0) -> dict[str, Any]:
        """Give the acknowledged records by call_id, once there are more than so many."""
        with self._lock:
            enough = self._lock.wait_for(lambda: len(self._acked) > more_than, _SECONDS)
            assert enough, self._faults
            return dict(self._acked)

    def _report(self) -> None:
        before: list[Any] = []
        with httpx2.Client(base_url=self._server.url, timeout=30.0, trust_env=False) as http:
            while not self._stop.is_set() and not self._faults:
                new = [usage(self._integration_id, call_id=unique("c")) for _ in range(_NEW)]
                again = before[-_AGAIN:]
                self._send(http, new, again)
                before = new

    def _send(self, http: httpx2.Client, new: list[Any], again: list[Any]) -> None:
        headers = {"Authorization": f"Bearer {self._server.key}"}
        body = {"records": [*new, *again]}
        answer = http.post(f"/api/v1/{BATCH}", json=body, headers=headers)
        expected = {"accepted": len(new), "duplicates": len(again), "rejected": []}
        with self._lock:
            if answer.status_code != 200 or answer.json() != expected:
                self._faults.append(f"{answer.status_code}: {answer.text[:300]}")
            else:
                self._acked |= {one["call_id"]: one for one in new}
            self._lock.notify_all()
