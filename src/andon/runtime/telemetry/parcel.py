"""Records on their way into the store, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from andon.runtime.tenants.caller import Tenant


class UsageRecord(Protocol):
    """A decoded usage record, texts already masked, JSON parts already checked."""

    integration_id: str
    call_id: str
    session_id: str | None
    agent_id: str | None
    provider: str
    model: str
    tokens_in: int
    tokens_out: int
    cost_stated_nanousd: int | None
    latency_ms: int | None
    policy_result: str
    error_code: str | None
    error_message: str | None
    metadata_json: str | None
    request_json: str | None
    labels_json: str | None
    tokens_cache_read: int | None
    tokens_cache_write: int | None
    tokens_reasoning: int | None
    usage_source: str
    status_code: int | None
    error_class: str | None
    policy_id: str | None
    end_user: str | None
    occurred_at_us: int | None


class Refusal(NamedTuple):
    """Why a record is not taken: a stable code, and what to do."""

    code: str
    message: str


class Refused(NamedTuple):
    """A record that was not taken: its place in what was sent, a stable code, what to do."""

    place: int
    code: str
    message: str


@dataclass(slots=True)
class Receipt:
    """What became of the records of one request; `last_id` is that of the last one taken."""

    accepted: int = 0
    duplicates: int = 0
    refused: list[Refused] = field(default_factory=list)
    last_id: bytes = b""


@dataclass(slots=True)
class Parcel:
    """The records of one request: all of one tenant, each with its integration's number.

    `places` are those that the records had in what was sent.
    """

    tenant: Tenant
    records: Sequence[UsageRecord]
    integrations: Sequence[int]
    places: Sequence[int]
    import_id: str | None = None
    may_backfill: bool = False
    receipt: Receipt = field(default_factory=Receipt)
