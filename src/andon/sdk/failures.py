"""How a report can fail: the server refused it, or no server took it."""

from __future__ import annotations

import json

import httpx2


class ReportFailed(Exception):
    """A usage record was not recorded."""

    def __init__(self, code: str, message: str, call_id: str) -> None:
        super().__init__(f"{message} [{code}]")
        self.code = code
        self.message = message
        self.call_id = call_id


class UsageRefused(ReportFailed):
    """The server read the record and refused it; sending it again changes nothing."""

    def __init__(self, code: str, message: str, call_id: str, status: int) -> None:
        super().__init__(code, message, call_id)
        self.status = status


class ServerUnavailable(ReportFailed):
    """No server took the record in the tries it had; report it again under the same call_id."""


def problem_of(answer: httpx2.Response) -> tuple[str, str]:
    """Read code and detail of a problem document (RFC 9457), or name the status without one."""
    try:
        body = json.loads(answer.content)
    except ValueError:
        body = None
    if isinstance(body, dict) and isinstance(body.get("code"), str):
        return body["code"], str(body.get("detail") or body.get("title") or body["code"])
    return (
        f"http_{answer.status_code}",
        f"the server answered {answer.status_code} without saying why; is it an Andon server?",
    )
