"""What a test talks to Andon with: a key at its door, and a tenant with keys of every role."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import httpx2

JSON = "application/json"


def unique(word: str) -> str:
    """Make a name that no other test uses."""
    return f"{word}-{secrets.token_hex(6)}"


@dataclass(frozen=True, slots=True)
class Door:
    """One key at one server; paths are relative to /api/v1 unless they begin with a slash."""

    http: httpx2.Client
    key: str
    key_id: str = ""
    principal_id: str = ""

    def ask(self, method: str, path: str, **sent: Any) -> httpx2.Response:
        """Send a request with the key, and give the answer whatever it is."""
        at = path if path.startswith("/") else f"/api/v1/{path}"
        headers = {"Authorization": f"Bearer {self.key}", **sent.pop("headers", {})}
        return self.http.request(method, at, headers=headers, **sent)

    def get(self, path: str, **params: Any) -> httpx2.Response:
        """Read with query parameters."""
        return self.ask("GET", path, params=params)

    def post(self, path: str, body: Any = None, **sent: Any) -> httpx2.Response:
        """Send a body as JSON."""
        return self.ask("POST", path, json=body, **sent)

    def read(self, path: str, **params: Any) -> Any:
        """Read what must be there."""
        return _taken(self.get(path, **params))

    def make(self, path: str, body: Any = None, **sent: Any) -> Any:
        """Send a body that must be accepted, and give what was answered."""
        return _taken(self.post(path, body, **sent))

    def items(self, path: str, **params: Any) -> list[Any]:
        """Read all pages of a list."""
        found: list[Any] = []
        cursor: str | None = None
        while True:
            asked = params if cursor is None else {**params, "cursor": cursor}
            page = self.read(path, **asked)
            found += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return found


def _taken(answer: httpx2.Response) -> Any:
    assert answer.is_success, f"{answer.status_code}: {answer.text}"
    return answer.json() if answer.content else None


@dataclass(frozen=True, slots=True)
class Tenancy:
    """A tenant of the test's own."""

    id: str
    root: Door
    admin: Door

    @classmethod
    def open(cls, root: Door, **fields: Any) -> Tenancy:
        """Make a tenant and its first admin key, as an admin of the tenant `default`."""
        made = root.make("tenants", {"name": unique("tenant"), **fields})
        return cls(made["id"], root, new_door(root, "admin", tenant_id=made["id"]))

    def door(self, role: str) -> Door:
        """Make a key of a role."""
        return new_door(self.admin, role)

    def integrate(self, **fields: Any) -> str:
        """Make an integration and give its id."""
        return new_integration(self.admin, **fields)


def new_door(maker: Door, role: str, **fields: Any) -> Door:
    """Make a key as `maker` and open its door."""
    made = maker.make("keys", {"name": unique(role), "role": role, **fields})
    return Door(maker.http, made["key"], made["id"], made["principal_id"])


def new_integration(maker: Door, **fields: Any) -> str:
    """Make an integration as `maker` and give its id."""
    body = {
        "name": unique("integration"),
        "provider_type": "openai",
        "credential_ref": "env://OPENAI_API_KEY",
        **fields,
    }
    return str(maker.make("integrations", body)["id"])
