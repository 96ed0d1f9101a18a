"""The fast reading of a usage record; what it does not take at once, the model judges.

It may refuse what the model accepts, and never the other way round.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Raw
from pydantic_core import from_json, to_json

from andon.adapters.telemetry.wire import REDACTED_TEXTS, WireUsage, clean_json
from andon.models.money import NANOUSD_PER_CENT
from andon.models.redaction import mask_error_message, may_hold_raw_key, redact
from andon.schemas.cus import texts
from andon.schemas.cus.money import MAX_CALL_CENTS, MAX_CALL_NANOUSD

_Id = Annotated[str, Meta(min_length=1, max_length=100)]
_Text50 = Annotated[str, Meta(max_length=50)]
_Text100 = Annotated[str, Meta(max_length=100)]
_Text255 = Annotated[str, Meta(max_length=255)]
_Tokens = Annotated[int, Meta(ge=0, le=texts.MAX_TOKENS)]
_ParamKey = Annotated[str, Meta(min_length=1, max_length=texts.MAX_NAME_CHARS)]
_Param = Annotated[str, Meta(max_length=texts.MAX_PARAM_CHARS)]
_Label = Annotated[str, Meta(max_length=texts.MAX_LABEL_CHARS)]
_Labels = Annotated[dict[_ParamKey, _Label], Meta(max_length=texts.MAX_LABELS)]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EXACT_CHARS = 15
_ZEROS = (b"0", b"0.0")  # others may be too small for a float
_SECOND_CHARS = 19
_FRACTIONS = {"Z": 0} | {f".{millis:03}Z": millis * 1000 for millis in range(1000)}


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
    metadata_json: Raw = None  # type: ignore[assignment]
    request_json: Raw = None  # type: ignore[assignment]
    labels_json: Raw = None  # type: ignore[assignment]
    tokens_cache_read: _Tokens | None = None
    tokens_cache_write: _Tokens | None = None
    tokens_reasoning: _Tokens | None = None
    usage_source: Literal["reported", "estimated", "unknown"] = "reported"
    status_code: Annotated[int, Meta(ge=100, le=599)] | None = None
    error_class: _Text100 | None = None
    policy_id: _Text100 | None = None
    end_user: _Text100 | None = None
    occurred_at_us: Annotated[str, Meta(max_length=27)] | None = None  # type: ignore[assignment]
    cost_cents: Raw = None  # type: ignore[assignment]


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


_UNDECIDED = (_Doubt, ValueError, RecursionError)
"""ValueError: also what msgspec and the JSON and time readers raise."""


class _Bounded(dict[Any, Any]):
    """Remember a bounded number of answers; forget all when full."""

    def keep(self, key: Any, answer: Any) -> None:
        if len(self) >= 4096:
            self.clear()
        self[key] = answer


_clean_names = _Bounded()
_known_metadata = _Bounded()
_known_seconds = _Bounded()
_REMEMBERED_BYTES = 200
_READ_BYTES = 4 * texts.MAX_JSON_BYTES


def finish(record: Incoming) -> bool:
    """Check what msgspec cannot, and normalise in place; False sends the record to the model."""
    try:
        _settle(record)
        _finish_texts(record)
    except _UNDECIDED:
        return False
    return True


def finish_all(records: Sequence[Incoming]) -> bool:
    """Do what `finish` does for a whole batch at once, False when one of its records is in doubt.

    Texts that no two records share are looked through together: that costs a third.
    """
    fresh: list[str] = []
    try:
        for record in records:
            _settle(record)
            fresh.append(f"{record.call_id}\n{record.session_id}\n{record.end_user}")
            names = (record.integration_id, record.provider, record.model, record.agent_id)
            if names not in _clean_names:
                fresh.append(_unless_clean(names))
            if record.policy_id is not None:
                fresh.append(record.policy_id)
            if (
                record.error_message is not None
                or record.error_code is not None
                or record.error_class is not None
            ):
                fresh.append(_finish_error(record))
    except _UNDECIDED:
        return False
    text = "\n".join(fresh)
    return "\0" not in text and not may_hold_raw_key(text)


def _settle(record: Incoming) -> None:
    # While it is read, the fields named ..._json and occurred_at_us hold what came.
    wire: Any = record
    if wire.cost_cents is not None:
        _settle_cost(wire)
    if wire.occurred_at_us is not None:
        wire.occurred_at_us = _micros(wire.occurred_at_us)
    if wire.metadata_json is not None:
        wire.metadata_json = _metadata(bytes(wire.metadata_json))
    if wire.request_json is not None:
        wire.request_json = _request(bytes(wire.request_json))
    if wire.labels_json is not None:
        wire.labels_json = _labels(bytes(wire.labels_json))
    if wire.tokens_cache_read or wire.tokens_cache_write or wire.tokens_reasoning:
        _check_included(wire)


def _check_included(record: Incoming) -> None:
    read, write = record.tokens_cache_read, record.tokens_cache_write
    if (read or write) and (read or 0) + (write or 0) > record.tokens_in:
        raise _Doubt
    if record.tokens_reasoning and record.tokens_reasoning > record.tokens_out:
        raise _Doubt


def _finish_texts(record: Incoming) -> None:
    fresh = record.call_id
    names = (record.integration_id, record.provider, record.model, record.agent_id)
    if names not in _clean_names:
        fresh = f"{fresh}{_unless_clean(names)}"
    if record.session_id is not None:
        fresh = f"{fresh}\n{record.session_id}"
    if record.end_user is not None:
        fresh = f"{fresh}\n{record.end_user}"
    if record.policy_id is not None:
        fresh = f"{fresh}\n{record.policy_id}"
    if record.error_message is not None or record.error_code is not None or record.error_class:
        fresh = f"{fresh}{_finish_error(record)}"
    if "\0" in fresh:
        raise _Doubt
    if may_hold_raw_key(fresh):
        _redact_texts(record)


def _unless_clean(names: tuple[str | None, ...]) -> str:
    text = "\n".join(name for name in names if name)
    if "\0" in text or may_hold_raw_key(text):
        return "\n" + text
    _clean_names.keep(names, True)
    return ""


def _finish_error(record: Incoming) -> str:
    message = record.error_message
    if message is not None:
        if "\0" in message:
            raise _Doubt
        record.error_message = mask_error_message(message) if message else None
    return f"\n{record.error_code}\n{record.error_class}"


def _redact_texts(record: Incoming) -> None:
    for name in REDACTED_TEXTS:
        text = getattr(record, name)
        if text and may_hold_raw_key(text):
            setattr(record, name, redact(text))


def _settle_cost(record: Any) -> None:
    raw = bytes(record.cost_cents)
    record.cost_cents = None
    if raw == b"null":
        return
    # Up to 15 digits name a double of their own, so a float that equals a quotient of
    # nano-dollars was written as that very decimal.
    cents = float(raw) if len(raw) <= _EXACT_CHARS else -1.0
    if not 0.0 <= cents <= MAX_CALL_CENTS:
        raise _Doubt
    nanousd = int(cents * NANOUSD_PER_CENT + 0.5)
    if nanousd / NANOUSD_PER_CENT != cents or (not nanousd and raw not in _ZEROS):
        raise _Doubt
    if record.cost_stated_nanousd is not None and record.cost_stated_nanousd != nanousd:
        raise _Doubt
    record.cost_stated_nanousd = nanousd


def _micros(text: str) -> int:
    second, rest = text[:_SECOND_CHARS], text[_SECOND_CHARS:]
    micros: int | None = _known_seconds.get(second)
    if micros is None:
        micros = _second_micros(second)
        _known_seconds.keep(second, micros)
    fraction = _FRACTIONS.get(rest)
    if fraction is not None:
        return micros + fraction
    digits = rest[1:-1]
    if rest[:1] != "." or rest[-1] != "Z" or not (digits.isdigit() and digits.isascii()):
        raise _Doubt
    return micros + int(digits.ljust(6, "0")[:6])


def _second_micros(second: str) -> int:
    if len(second) != _SECOND_CHARS or not (
        second[10] == "T"
        and second[4] == second[7] == "-"
        and second[13] == second[16] == ":"
        and second.isascii()
    ):
        raise _Doubt
    since = datetime.fromisoformat(second).replace(tzinfo=UTC) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000


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
    # An escape may hide what no store can hold; each bracket is a level at the most. Looking
    # for one character in a str costs a tenth of what it does in bytes.
    came = raw.decode()
    if (
        len(raw) > _READ_BYTES
        or came[0] != "{"
        or ("\\" in came and "\\u" in came)
        or came.count("{") + came.count("[") > texts.MAX_JSON_DEPTH
    ):
        raise _Doubt
    encoded = to_json(from_json(raw, allow_inf_nan=False))
    text = encoded.decode()
    if len(encoded) > texts.MAX_JSON_BYTES or ("I" in text and "Infinity" in text):
        raise _Doubt
    return text


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
