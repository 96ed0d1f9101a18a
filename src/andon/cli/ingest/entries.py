"""What a file yields: usage records ready to be sent, and lines that are none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from andon.cli.connection import Api, Refused
from andon.cli.failures import Failure
from andon.cli.ingest.source import Source
from andon.cli.integrations import find_integration


@dataclass(frozen=True, slots=True)
class Entry:
    """One usage record as JSON text, with what the command itself reads of it."""

    number: int
    text: str
    call_id: str
    integration_id: str
    tokens_in: int
    tokens_out: int
    occurred_at: datetime | None


@dataclass(frozen=True, slots=True)
class Bad:
    """A line that is no usage record; the message never repeats what it holds."""

    number: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A record of an export that counts no more, since it was voided."""

    number: int


class Entries(Protocol):
    """A format of files."""

    def read(self, source: Source) -> Iterator[Entry | Bad | Skipped]:
        """Read a file from its beginning; equal files yield equal entries."""


TOO_LONG = "the line is longer than 1 MiB"
NOT_UTF8 = "the line is not UTF-8"


@dataclass(frozen=True, slots=True)
class Defaults:
    """What records get that do not say it themselves, and other ids for integrations they name."""

    integration_id: str | None = None
    model: str | None = None
    provider: str | None = None
    mapped: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def resolve(
        cls, api: Api, integration: str | None, model: str | None, provider: str | None
    ) -> Defaults:
        """Look the integration up; a key that reads nothing needs its id and the provider."""
        if integration is None:
            return cls(None, model, provider)
        try:
            found = find_integration(api, integration)
        except Refused as refused:
            if refused.code != "not_allowed":
                raise
            return cls(_unread_id(integration, provider), model, provider)
        return cls(found["id"], model, provider or found["provider_type"])

    def fields(self) -> dict[str, str]:
        """Give the fields that are known, by their names in a record."""
        named = {
            "integration_id": self.integration_id,
            "model": self.model,
            "provider": self.provider,
        }
        return {name: value for name, value in named.items() if value is not None}


def _unread_id(integration: str, provider: str | None) -> str:
    try:
        found = str(UUID(integration))
    except ValueError:
        found = ""
    if not found or provider is None:
        raise Failure(
            "this key may not read integrations: give --integration as an id, and --provider",
            "not_allowed",
        )
    return found
