"""A usage record in its normal form: JSON as compact text, money in nano-dollars, keys redacted."""

from __future__ import annotations

from typing import Any

import msgspec
from pydantic_core import from_json, to_json

from andon.models.redaction import mask_error_message, may_hold_raw_key, redact, redact_value
from andon.schemas.cus.moments import micros_of
from andon.schemas.cus_schemas import CusLLMUsageIngest


class WireUsage(msgspec.Struct, kw_only=True, gc=False):
    """Hold one reported call.

    Money is in nano-dollars, `occurred_at_us` in microseconds since 1970 UTC (None: at receipt).
    Metadata, request and labels are compact JSON, None when empty. No text holds a raw key;
    `error_message` is masked and cut.
    """

    integration_id: str
    call_id: str
    session_id: str | None = None
    agent_id: str | None = None
    provider: str
    model: str
    tokens_in: int
    tokens_out: int
    cost_stated_nanousd: int | None = None
    latency_ms: int | None = None
    policy_result: str = "allowed"
    error_code: str | None = None
    error_message: str | None = None
    metadata_json: str | None = None
    request_json: str | None = None
    labels_json: str | None = None
    tokens_cache_read: int | None = None
    tokens_cache_write: int | None = None
    tokens_reasoning: int | None = None
    usage_source: str = "reported"
    status_code: int | None = None
    error_class: str | None = None
    policy_id: str | None = None
    end_user: str | None = None
    occurred_at_us: int | None = None


REDACTED_TEXTS = (
    "integration_id",
    "call_id",
    "session_id",
    "agent_id",
    "provider",
    "model",
    "error_code",
    "error_class",
    "policy_id",
    "end_user",
)


def clean_json(text: str) -> str:
    """Redact the strings of a JSON text, where it may hold a key."""
    if not may_hold_raw_key(text):
        return text
    return to_json(redact_value(from_json(text))).decode()


def _clean(text: str | None) -> str | None:
    return redact(text) if text and may_hold_raw_key(text) else text


def _json_or_none(value: dict[str, Any] | None) -> str | None:
    return clean_json(to_json(value).decode()) if value else None


def to_wire(record: CusLLMUsageIngest) -> WireUsage:
    """Bring a checked record into its normal form."""
    request = record.request
    texts: dict[str, Any] = {name: _clean(getattr(record, name)) for name in REDACTED_TEXTS}
    return WireUsage(
        **texts,
        tokens_in=record.tokens_in,
        tokens_out=record.tokens_out,
        cost_stated_nanousd=record.cost_nanousd_stated,
        latency_ms=record.latency_ms,
        policy_result=record.policy_result.value,
        error_message=mask_error_message(record.error_message) if record.error_message else None,
        metadata_json=_json_or_none(record.metadata),
        request_json=_json_or_none(request.model_dump(exclude_none=True) if request else None),
        labels_json=_json_or_none(record.labels),
        tokens_cache_read=record.tokens_cache_read,
        tokens_cache_write=record.tokens_cache_write,
        tokens_reasoning=record.tokens_reasoning,
        usage_source=record.usage_source,
        status_code=record.status_code,
        occurred_at_us=micros_of(record.occurred_at) if record.occurred_at else None,
    )
