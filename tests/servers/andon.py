"""A real Andon server process for tests: started, killed, stopped and started again."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2

from tests.servers.stores import Store, clean_environment

SERVE = "from andon import app, settings; raise SystemExit(app.serve(settings.Settings()))"

_WATCHDOG = Path(__file__).with_name("watchdog.py")
_READY_SECONDS = 60.0
_STOP_SECONDS = 60.0
_POLL_SECONDS = 0.02


class AndonServer:
    """One server on one store; it ends with this process, however that ends."""

    def __init__(self, store: Store, **variables: str) -> None:
        """Take a store; variables are more ANDON_* settings, written without the prefix."""
        self.store = store
        self.key = f"key-for-tests-{secrets.token_urlsafe(24)}"
        self.url = ""
        self.token = ""
        self.pid = 0
        self.log_path = store.home.with_name(f"{store.home.name}.log")
        self._variables = {f"ANDON_{name.upper()}": value for name, value in variables.items()}
        self._process: subprocess.Popen[bytes] | None = None
        self._clients: list[httpx2.Client] = []

    @classmethod
    def start(cls, store: Store, **variables: str) -> Self:
        """Prepare the store, serve on it and wait until the server is ready."""
        store.prepare()
        server = cls(store, **variables)
        server.launch()
        return server

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def running(self) -> bool:
        """Whether the server process is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment that the server is started with."""
        own = {
            "ANDON_ADMIN_KEY": self.key,
            "ANDON_HOST": "127.0.0.1",
            "ANDON_PORT": "0",
            **self.store.environment(),
            **self._variables,
        }
        return clean_environment(own)

    def launch(self) -> None:
        """Start the process and wait until it is ready."""
        announced = self.announced_text()
        command = [sys.executable, "-I", "-S", str(_WATCHDOG), "--orphan-signal=SIGKILL"]
        command += ["--", sys.executable, "-c", SERVE]
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            self._wait_until_ready(self._process, announced)
        except BaseException:
            self._end_group()
            raise

    def restart(self) -> None:
        """Start again on the same store, on a new port, after `kill` or `stop`."""
        if self.running:
            self.stop()
        self.launch()

    def kill(self) -> int:
        """End the server by SIGKILL, wait until the process is gone; gives its exit status."""
        # The watchdog reaps it, so that its locks are free when this returns.
        self.strike()
        return self.wait()

    def strike(self) -> None:
        """Send SIGKILL this instant, from whatever thread; `kill` waits for what follows."""
        with contextlib.suppress(ProcessLookupError):
            if self.running:
                os.kill(self.pid, signal.SIGKILL)

    def terminate(self) -> None:
        """Ask the server to end (SIGTERM) and do not wait."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        """Wait for the server's end and return its exit status."""
        process = self._process
        if process is None:
            raise RuntimeError("the server was not started, or its end was waited for before")
        return self._reap(process)

    def stop(self) -> int:
        """Ask the server to end, wait for it and return its exit status."""
        self.terminate()
        return self.wait()

    def close(self) -> None:
        """End the server in whatever state it is, and its clients."""
        for client in self._clients:
            client.close()
        self._clients.clear()
        if self._process is not None:
            self._end_group()

    def client(self, key: str | None = None) -> httpx2.Client:
        """Give an HTTP client with the admin's key, or another one; closed with the server."""
        client = httpx2.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {key or self.key}"},
            timeout=30.0,
            trust_env=False,
        )
        self._clients.append(client)
        return client

    def create_integration(self, name: str, *, key: str | None = None, **fields: Any) -> str:
        """Make an integration of the key's tenant (without one `default`) and return its id."""
        body = {
            "name": name,
            "provider_type": "openai",
            "credential_ref": "env://OPENAI_API_KEY",
            **fields,
        }
        answer = httpx2.post(
            f"{self.url}/api/v1/integrations",
            json=body,
            headers={"Authorization": f"Bearer {key or self.key}"},
            timeout=30.0,
        )
        if answer.status_code != 201:
            raise RuntimeError(f"no integration was made: {answer.status_code} {answer.text}")
        return str(answer.json()["id"])

    def log_text(self) -> str:
        """Read all that the server has written so far, over restarts."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def announced_text(self) -> str:
        """Read server.json as it is; empty when there is none."""
        path = self.store.home / "server.json"
        with contextlib.suppress(FileNotFoundError):
            return path.read_text()
        return ""

    def _wait_until_ready(self, process: subprocess.Popen[bytes], before: str) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while not self._is_ready(before):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_POLL_SECONDS)
                raise RuntimeError(f"Andon did not start:\n{self.log_text()[-4000:]}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"Andon is not ready:\n{self.log_text()[-4000:]}")

    def _is_ready(self, before: str) -> bool:
        """Tell whether a new server.json is there and its server answers."""
        text = self.announced_text()
        if not text or text == before:
            return False
        told = json.loads(text)
        self.url, self.token, self.pid = told["url"], told["token"], int(told["pid"])
        with contextlib.suppress(httpx2.TransportError):
            return httpx2.get(f"{self.url}/readyz", timeout=5.0).status_code == 200
        return False

    def _end_group(self) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._reap(self._process)

    def _reap(self, process: subprocess.Popen[bytes]) -> int:
        status = process.wait(_STOP_SECONDS)
        assert process.stdin is not None
        process.stdin.close()
        self._process = None
        return status
