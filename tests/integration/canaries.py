"""Raw keys of many kinds, made up on the spot, that no sink of Andon may ever hold."""

from __future__ import annotations

import json
import random
import string
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2

from tests.integration.doors import JSON
from tests.integration.records import BATCH, USAGE, Record, usage

_RNG = random.Random(20260101)
_WORD = string.ascii_letters + string.digits
_HEX = "0123456789abcdef"
_UPPER = string.ascii_uppercase + string.digits


def _some(letters: str, length: int) -> str:
    return "".join(_RNG.choice(letters) for _ in range(length - 1)) + "7"


@dataclass(frozen=True, slots=True)
class Canary:
    """How a key stands in a text, and the part of it that must not get out."""

    text: str
    secret: str


def _whole(text: str) -> Canary:
    return Canary(text, text)


def _named(before: str, secret: str, after: str = "") -> Canary:
    return Canary(before + secret + after, secret)


CANARIES: dict[str, Canary] = {
    "OpenAI": _whole("sk-proj-" + _some(_WORD, 48)),
    "Anthropic": _whole("sk-ant-api03-" + _some(_WORD, 40)),
    "Google": _whole("AIza" + _some(_WORD, 35)),
    "AWS": _named("AKIA" + _some(_UPPER, 16) + " ", _some(_WORD, 40)),
    "AWS id": _whole("AKIA" + _some(_UPPER, 16)),
    "Bedrock": _whole("ABSK" + _some(_WORD, 44)),
    "Groq": _whole("gsk_" + _some(_WORD, 44)),
    "Hugging Face": _whole("hf_" + _some(_WORD, 34)),
    "xAI": _whole("xai-" + _some(_WORD, 44)),
    "GitHub": _whole("ghp_" + _some(_WORD, 36)),
    "Slack": _whole("xoxb-" + _some(string.digits, 12) + "-" + _some(_WORD, 24)),
    "JWT": _whole(f"eyJ{_some(_WORD, 12)}.eyJ{_some(_WORD, 10)}.{_some(_WORD, 12)}"),
    "Andon": _whole(f"andon_{_some(_WORD, 8)}_{_some(_WORD, 49)}"),
    "Azure": _named("api-key: ", _some(_HEX, 32)),
    "Bearer": _named("Bearer ", _some(_WORD, 40)),
    "password": _named("https://ada:", _some(_WORD, 20), "@llm.example/v1"),
}

MARKER = "nothing-secret-" + _some(_HEX, 12)
"""A word that is no secret and must be found where it was stored: the search can find."""

TEXTS = ("call_id", "session_id", "agent_id", "model", "error_code", "error_class", "policy_id")


def records(integration_id: str, canary: Canary) -> list[Record]:
    """Put a canary into every field of a usage record that takes text."""
    text = canary.text
    made = [usage(integration_id, **{name: text}) for name in (*TEXTS, "end_user", "provider")]
    made += [
        usage(text),
        usage(integration_id, error_message=f"{MARKER}: Incorrect API key provided: {text}."),
        usage(integration_id, error_message=json.dumps({"error": {"message": f"{text} x"}})),
        usage(integration_id, metadata={"note": f"see {text}", text: 1, "deep": [{"a": [text]}]}),
        usage(integration_id, labels={"a": text}),
        usage(integration_id, labels={text: "a"}),
        usage(integration_id, request={"params": {"a": text, text: "b"}}),
        usage(integration_id, request={"endpoint": text}),
        usage(integration_id, occurred_at=text),
        usage(integration_id, tokens_in=text),
        usage(integration_id, **{text: text}),
    ]
    return made


def bodies(canary: Canary) -> Iterator[tuple[str, Any]]:
    """Put a canary into every management body."""
    text = canary.text
    integration = {"name": "n", "provider_type": "custom", "credential_ref": None}
    yield "integrations", {**integration, "name": text}
    yield "integrations", {**integration, "name": f"key {text} of Ada"}
    yield "integrations", {**integration, "credential_ref": text}
    yield "integrations", {**integration, "credential_ref": f"env://{text}"}
    yield "integrations", {**integration, "config": {"note": text}}
    yield "integrations", {**integration, "config": {text: "a"}}
    yield "integrations", {**integration, "config": {"base_url": text}}
    yield "integrations", {**integration, "default_model": text}
    yield "integrations", {**integration, "provider_type": text}
    yield "integrations", {**integration, text: text}
    yield "tenants", {"name": text}
    yield "tenants", {"name": "n", "time_zone": text}
    yield "principals", {"kind": "person", "name": text}
    yield "principals", {"kind": text, "name": "n"}
    yield "keys", {"name": text, "role": "viewer"}
    yield "keys", {"name": "n", "role": "viewer", "principal_id": text}
    yield "keys", {"name": "n", "role": "viewer", "tenant_id": text}
    yield "imports", {"note": text}
    price = {"model": "m", "input_usd_per_mtok": "1", "output_usd_per_mtok": "1"}
    for name in (*price, "provider", "valid_from", "note", text):
        yield "prices", {**price, name: text}


def disguises(body: Any) -> Iterator[bytes]:
    """Write a body as JSON in which no key stands letter by letter."""
    text = json.dumps(body)
    yield text.replace("k", "\\u006b").replace("e", "\\u0065").encode()
    yield text.replace("/", "\\/").encode()
    for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        yield text.encode(encoding)


class Told:
    """Sends canaries in at every door and keeps all that was answered."""

    def __init__(self, http: httpx2.Client, key: str) -> None:
        self._http = http
        self._authorization = {"Authorization": f"Bearer {key}"}
        self.answers: list[str] = []

    def ask(self, method: str, path: str, **sent: Any) -> httpx2.Response:
        """Send one request and keep its answer whole."""
        headers = {**self._authorization, **sent.pop("headers", {})}
        answer = self._http.request(method, path, headers=headers, **sent)
        self.answers.append(f"{answer.status_code} {answer.headers} {answer.text}")
        return answer

    def statuses(self) -> Counter[int]:
        """Count the answers by their status."""
        return Counter(int(answer.split(" ", 1)[0]) for answer in self.answers)

    def send_everywhere(self, canary: Canary, integration_id: str) -> None:
        """Put a canary into bodies, headers, paths and queries."""
        self._bodies(canary, integration_id)
        self._headers(canary, integration_id)
        self._addresses(canary)

    def _bodies(self, canary: Canary, integration_id: str) -> None:
        for path, body in bodies(canary):
            self.ask("POST", f"/api/v1/{path}", json=body)
            for hidden in disguises(body):
                self.ask("POST", f"/api/v1/{path}", content=hidden, headers={"Content-Type": JSON})
        for path in (f"integrations/{integration_id}", "tenants/default"):
            self.ask("PATCH", f"/api/v1/{path}", json={"name": canary.text})
        made = records(integration_id, canary)
        self.ask("POST", f"/api/v1/{BATCH}", json={"records": made})
        for record in made:
            self.ask("POST", f"/api/v1/{USAGE}", json=record)
        broken = json.dumps(made[0])[:-2].encode()
        self.ask("POST", f"/api/v1/{USAGE}", content=broken)
        self.ask("POST", f"/api/v1/{BATCH}", content=b"[" + broken)

    def _headers(self, canary: Canary, integration_id: str) -> None:
        text = canary.text
        for name in ("X-Request-Id", "User-Agent", "If-Match", "Content-Type", "Cookie", "Origin"):
            self.ask("PATCH", f"/api/v1/integrations/{integration_id}", headers={name: text})
        for _ in range(2):  # the second time, a constraint of the database fails
            body = {"kind": "service", "name": "n"}
            sent = {"Idempotency-Key": text, "X-Request-Id": text}
            self.ask("POST", "/api/v1/principals", json=body, headers=sent)
        for value in (text, f"Bearer {text}", f"Basic {text}"):
            self.ask("GET", "/api/v1/integrations", headers={"Authorization": value})
            self.ask("POST", f"/api/v1/{USAGE}", json={}, headers={"Authorization": value})

    def _addresses(self, canary: Canary) -> None:
        part = quote(canary.text, safe="")
        for kind in ("integrations", "keys", "principals", "tenants"):
            self.ask("GET", f"/api/v1/{kind}/{part}")
            self.ask("DELETE", f"/api/v1/{kind}/{part}")
        self.ask("GET", f"/{part}")
        self.ask("POST", f"/api/v1/integrations/{part}/enable", headers={"Idempotency-Key": "k"})
        for path in ("integrations", USAGE, "telemetry/daily-aggregates", "audit/changes"):
            for name in ("cursor", "model", "call_id", "name", "status", "limit", part):
                self.ask("GET", f"/api/v1/{path}?{name}={part}")
        self.ask("POST", f"/api/v1/{USAGE}?import_id={part}", json={})
        self.ask("POST", f"/api/v1/{USAGE}?{part}={part}", json={})


def found_in(blob: bytes) -> list[str]:
    """Name the canaries whose secret is in these bytes, plainly or percent-encoded."""
    return [
        name
        for name, canary in CANARIES.items()
        if canary.secret.encode() in blob or quote(canary.secret, safe="").encode() in blob
    ]


def files_below(folder: Path) -> dict[str, bytes]:
    """Read every file of a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
