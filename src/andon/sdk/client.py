"""The client with which an application reports its LLM calls."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self

import httpx2

from andon.models.ids import uuid7
from andon.sdk.address import DEFAULT_URL, checked_url, open_client
from andon.sdk.encoding import to_json
from andon.sdk.failures import ServerUnavailable, UsageRefused, problem_of
from andon.sdk.retries import PATIENCE, Retries

USAGE_PATH = "/api/v1/telemetry/llm-usage"
_JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Recorded:
    """A record that the server keeps; `duplicate` when it had this call_id before."""

    status: Literal["accepted", "duplicate"]
    id: str
    call_id: str


class Client:
    """Reports usage to one server, exactly once a call_id; safe to share between threads."""

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        timeout_seconds: float = 10.0,
        retries: Retries | None = None,
    ) -> None:
        """Take url and key, else ANDON_URL and ANDON_KEY; ValueError when they cannot be used."""
        self._url = checked_url(url or os.environ.get("ANDON_URL") or DEFAULT_URL)
        key = key if key is not None else os.environ.get("ANDON_KEY", "")
        self._http = open_client(self._url, key, timeout_seconds)
        self._retries = retries or Retries()

    def __repr__(self) -> str:
        return f"Client(url={self._url!r})"

    def record(self, **fields: Any) -> Recorded:
        """Record one call, with the fields of CusLLMUsageIngest; returns after it is durable.

        Without a call_id a UUIDv7 is made. A lost connection or a busy server is tried again
        under the same call_id. Raises UsageRefused or ServerUnavailable, which carry it too.
        """
        given = fields.get("call_id")
        call_id = new_call_id() if given is None else given
        text = to_json({**fields, "call_id": call_id})
        answer = self._post(text.encode(), str(call_id))
        if answer.status_code in PATIENCE:
            raise ServerUnavailable(*problem_of(answer), str(call_id))
        if answer.status_code != httpx2.codes.OK:
            raise UsageRefused(*problem_of(answer), str(call_id), answer.status_code)
        return self._recorded(answer, str(call_id))

    def _post(self, body: bytes, call_id: str) -> httpx2.Response:
        try:
            return self._retries.run(
                lambda: self._http.post(USAGE_PATH, content=body, headers=_JSON)
            )
        except httpx2.TransportError as fault:
            message = f"no server answers at {self._url} ({type(fault).__name__})"
        raise ServerUnavailable("unreachable", message, call_id)

    def _recorded(self, answer: httpx2.Response, call_id: str) -> Recorded:
        try:
            body = json.loads(answer.content)
            status, record_id = body["status"], str(body["id"])
        except (ValueError, KeyError, TypeError):
            status, record_id = None, ""
        if status not in {"accepted", "duplicate"}:
            message = f"{self._url} answered something else than an Andon server does"
            raise ServerUnavailable("unexpected_answer", message, call_id)
        return Recorded(status, record_id, call_id)

    def close(self) -> None:
        """Close the connections; the client records nothing afterwards."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def new_call_id() -> str:
    """Make a call_id that sorts by time, which the server's index takes fastest."""
    return str(uuid7(time.time_ns() // 1000, os.urandom(9)))
