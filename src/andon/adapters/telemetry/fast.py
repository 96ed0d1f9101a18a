"""The fast reading of a usage record; what it does not take at once, the model judges.

It may refuse what the model accepts, and never the other way round.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Raw, field
from pydantic_core import from_json, to_json

from andon.adapters.telemetry.wire import REDACTED_TEXTS, WireUsage, clean_json
from andon.models.redaction import mask_error_message, may_hold_raw_key, redact
from andon.schemas.cus import texts
from andon.schemas.cus.money import MAX_CALL_NANOUSD, NANOUSD_PER_CENT

_Id = Annotated[str, Meta(min_length=1, max_length=100)]
_Text50 = Annotated[str, Meta(max_length=50)]
_Text100 = Annotated[str, Meta(max_length=100)]
_Text255 = Annotated[str, Meta(max_length=255)]
_Tokens = Annotated[int, Meta(ge=0, le=texts.MAX_TOKENS)]
_ParamKey = Annotated[str, Meta(min_length=1, max_length=texts.MAX_NAME_CHARS)]
_Param = Annotated[str, Meta(max_length=texts.MAX_PARAM_CHARS)]
_Label = Annotated[str, Meta(max_length=texts.MAX_LABEL_CHARS)]
_Labels = Annotated[dict[_ParamKey, _Label], Meta(max_length=texts.MAX_LABELS)]

_ABSENT = Raw(b"")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WHOLE_DIGITS = 9
_CENT_DECIMALS = 7
_TIME_LENGTHS = (20, 24, 27)


class _Request(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    endpoint: _Text255 | None = None
    capability: _Text100 | None = None
    max_tokens_out: _Tokens | None = None
    stream: bool | None = None
    has_tools: bool | None = None
    has_images: bool | None = None
    params: Annotated[dict[_ParamKey, _Param], Meta(max_length=texts.MAX_PARAMS)] | None = None


class Incoming(
    WireUsage,
    kw_only=True,
    gc=False,
    forbid_unknown_fields=True,
    rename={
        "cost_stated_nanousd": "cost_nanousd",
        "metadata_json": "metadata",
        "request_json": "request",
        "labels_json": "labels",
        "occurred_at_us": "occurred_at",
    },
):
    """Hold a record as msgspec reads it, until `finish` has made it a `WireUsage` in place."""

    integration_id: _Id
    call_id: _Id
    session_id: _Text255 | None = None
    agent_id: _Text100 | None = None
    provider: Annotated[str, Meta(min_length=1, max_length=50)]
    model: _Id
    tokens_in: _Tokens
    tokens_out: _Tokens
    cost_stated_nanousd: Annotated[int, Meta(ge=0, le=MAX_CALL_NANOUSD)] | None = None
    latency_ms: Annotated[int, Meta(ge=0, le=texts.MAX_INT64)] | None = None
    policy_result: Literal["allowed", "warned", "blocked"] = "allowed"
    error_code: _Text50 | None = None
    error_message: str | None = None
    metadata_json: Raw = field(default=_ABSENT)  # type: ignore[assignment]
    request_json: Raw = field(default=_ABSENT)  # type: ignore[assignment]
    labels_json: Raw = field(default=_ABSENT)  # type: ignore[assignment]
    tokens_cache_read: _Tokens | None = None
    tokens_cache_write: _Tokens | None = None
    tokens_reasoning: _Tokens | None = None
    usage_source: Literal["reported", "estimated", "unknown"] = "reported"
    status_code: Annotated[int, Meta(ge=100, le=599)] | None = None
    error_class: _Text100 | None = None
    policy_id: _Text100 | None = None
    end_user: _Text100 | None = None
    occurred_at_us: Annotated[str, Meta(max_length=27)] | None = None  # type: ignore[assignment]
    cost_cents: Raw = field(default=_ABSENT)


class Envelope(msgspec.Struct, forbid_unknown_fields=True):
    """Hold a batch whose records are read in one go."""

    records: list[Incoming]


class RawEnvelope(msgspec.Struct, forbid_unknown_fields=True):
    """Hold a batch whose records are read one by one."""

    records: list[Raw]


read_batch = msgspec.json.Decoder(Envelope).decode
read_raw_batch = msgspec.json.Decoder(RawEnvelope).decode
read_record = msgspec.json.Decoder(Incoming).decode
_read_request = msgspec.json.Decoder(_Request).decode
_read_labels = msgspec.json.Decoder(_Labels).decode


class _Doubt(Exception):
    """The fast reading cannot tell; the model decides."""


class _Bounded(dict[Any, Any]):
    """Remember a bounded number of answers; forget all when full."""

    def keep(self, key: Any, answer: Any) -> None:
        if len(self) >= 4096:
            self.clear()
        self[key] = answer


_clean_names = _Bounded()
_known_metadata = _Bounded()
_REMEMBERED_BYTES = 200


def finish(record: Incoming) -> bool:
    """Check what msgspec cannot, and normalise in place; False sends the record to the model."""
    try:
        _finish(record)
    except (_Doubt, ValueError, RecursionError):
        # ValueError: also what msgspec and the JSON and time readers raise
        return False
    return True


def _finish(record: Incoming) -> None:
    if record.cost_cents is not _ABSENT:
        _settle_cost(record)
    occurred_at: Any = record.occurred_at_us
    if occurred_at is not None:
        record.occurred_at_us = _micros(occurred_at)
    metadata: Any = record.metadata_json
    record.metadata_json = None if metadata is _ABSENT else _metadata(bytes(metadata))
    _finish_rare(record)
    _finish_texts(record)


def _finish_rare(record: Incoming) -> None:
    request: Any = record.request_json
    record.request_json = None if request is _ABSENT else _request(bytes(request))
    labels: Any = record.labels_json
    record.labels_json = None if labels is _ABSENT else _labels(bytes(labels))
    read, write = record.tokens_cache_read, record.tokens_cache_write
    if (read or write) and (read or 0) + (write or 0) > record.tokens_in:
        raise _Doubt
    if record.tokens_reasoning and record.tokens_reasoning > record.tokens_out:
        raise _Doubt
    message = record.error_message
    if message is not None:
        if "\0" in message:
            raise _Doubt
        record.error_message = mask_error_message(message) if message else None


def _finish_texts(record: Incoming) -> None:
    fresh = record.call_id
    names = (record.integration_id, record.provider, record.model, record.agent_id)
    if names not in _clean_names:
        text = "\n".join(name for name in names if name)
        if "\0" in text:
            raise _Doubt
        if may_hold_raw_key(text):
            fresh = f"{fresh}\n{text}"
        else:
            _clean_names.keep(names, True)
    if record.session_id is not None:
        fresh = f"{fresh}\n{record.session_id}"
    if record.end_user is not None:
        fresh = f"{fresh}\n{record.end_user}"
    for extra in (record.error_code, record.error_class, record.policy_id):
        if extra is not None:
            fresh = f"{fresh}\n{extra}"
    if "\0" in fresh:
        raise _Doubt
    if may_hold_raw_key(fresh):
        _redact_texts(record)


def _redact_texts(record: Incoming) -> None:
    for name in REDACTED_TEXTS:
        text = getattr(record, name)
        if text and may_hold_raw_key(text):
            setattr(record, name, redact(text))


def _settle_cost(record: Incoming) -> None:
    raw = bytes(record.cost_cents)
    record.cost_cents = _ABSENT
    if raw == b"null":
        return
    whole, _, part = raw.partition(b".")
    if not whole.isdigit() or len(whole) > _WHOLE_DIGITS or len(part) > _CENT_DECIMALS:
        raise _Doubt
    nanousd = int(whole) * NANOUSD_PER_CENT
    if part:
        if not part.isdigit():
            raise _Doubt
        nanousd += int(part.ljust(_CENT_DECIMALS, b"0"))
    if nanousd > MAX_CALL_NANOUSD or record.cost_stated_nanousd not in (None, nanousd):
        raise _Doubt
    record.cost_stated_nanousd = nanousd


def _micros(text: str) -> int:
    size = len(text)
    if size not in _TIME_LENGTHS or not (
        text[10] == "T"
        and text[-1] == "Z"
        and text[4] == text[7] == "-"
        and text[13] == text[16] == ":"
        and (size == 20 or text[19] == ".")
    ):
        raise _Doubt
    since = datetime.fromisoformat(text) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _metadata(raw: bytes) -> str | None:
    known: str | None = _known_metadata.get(raw, "")
    if known != "":
        return known
    text = _json_text(raw)
    answer = None if text == "{}" else clean_json(text)
    if len(raw) <= _REMEMBERED_BYTES:
        _known_metadata.keep(raw, answer)
    return answer


def _json_text(raw: bytes) -> str:
    # An escape may hide what no store can hold; each bracket is a level at the most.
    if (
        not raw.startswith(b"{")
        or b"\\u" in raw
        or raw.count(b"{") + raw.count(b"[") > texts.MAX_JSON_DEPTH
    ):
        raise _Doubt
    encoded = to_json(from_json(raw, allow_inf_nan=False))
    if len(encoded) > texts.MAX_JSON_BYTES or b"Infinity" in encoded or b"NaN" in encoded:
        raise _Doubt
    return encoded.decode()


def _request(raw: bytes) -> str | None:
    if raw == b"null":
        return None
    if b"\\u" in raw:
        raise _Doubt
    request = msgspec.structs.asdict(_read_request(raw))
    given = {name: value for name, value in request.items() if value is not None}
    return clean_json(to_json(given).decode()) if given else None


def _labels(raw: bytes) -> str | None:
    if b"\\u" in raw:
        raise _Doubt
    labels = _read_labels(raw)
    return clean_json(to_json(labels).decode()) if labels else None
