"""Usage records from the wire: decoded once, judged one by one, texts masked."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

import msgspec
from msgspec import Struct
from pydantic import ValidationError

from andon.models.redaction import mask_error_message, may_contain_raw_key, redact, redact_value
from andon.schemas.cus.moments import micros_of
from andon.schemas.cus.errors import safe_errors
from andon.schemas.cus_schemas import CusLLMUsageIngest

BATCH_MAX = 100


class WireUsage(Struct):
    """A usage record in its normal form: costs in nano-dollars, times in microseconds."""

    integration_id: str
    call_id: str
    session_id: str | None
    agent_id: str | None
    provider: str
    model: str
    tokens_in: int
    tokens_out: int
    tokens_cache_read: int | None
    tokens_cache_write: int | None
    tokens_reasoning: int | None
    cost_stated_nanousd: int | None
    usage_source: str
    latency_ms: int | None
    policy_result: str
    policy_id: str | None
    status_code: int | None
    error_code: str | None
    error_class: str | None
    error_message: str | None
    end_user: str | None
    occurred_at_us: int | None
    metadata_json: str | None
    request_json: str | None
    labels_json: str | None


_CODES = {
    "missing": "missing_field",
    "extra_forbidden": "unknown_field",
    "greater_than_equal": "number_out_of_range",
    "less_than_equal": "number_out_of_range",
    "json_invalid": "invalid_json",
}


class RecordRefused(Exception):
    """A record cannot be accepted; the message names the field and never its value."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def judge(raw: bytes) -> WireUsage:
    """Let the contract decide about one record."""
    try:
        raw.decode()
    except UnicodeDecodeError:
        raise RecordRefused("invalid_utf8", "the record is not valid UTF-8") from None
    try:
        return normal(CusLLMUsageIngest.model_validate_json(raw))
    except ValidationError as fault:
        raise _refusal(fault) from None


def _refusal(fault: ValidationError) -> RecordRefused:
    first = safe_errors(fault)[0]
    kind = str(first["type"])
    code = _CODES.get(kind, kind)
    field = ".".join(str(part) for part in first["loc"] if _is_ours(part))
    where = f"{field}: " if field else ""
    message = "is no field of a usage record" if kind == "extra_forbidden" else first["msg"]
    if kind == "extra_forbidden":
        return RecordRefused(code, "the record has a field that the contract does not know")
    return RecordRefused(code, f"{where}{message}")


def _is_ours(part: object) -> bool:
    # A key inside metadata or labels is the caller's text; only our own fields are named.
    return isinstance(part, str) and part in _FIELDS


_FIELDS = frozenset(CusLLMUsageIngest.model_fields) | {"params", "endpoint", "capability"}


def _compact(value: object) -> str | None:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) if value else None


def normal(record: CusLLMUsageIngest) -> WireUsage:
    """Turn an accepted record into its normal form."""
    occurred_at = record.occurred_at
    return WireUsage(
        record.integration_id,
        record.call_id,
        record.session_id,
        record.agent_id,
        record.provider,
        record.model,
        record.tokens_in,
        record.tokens_out,
        record.tokens_cache_read,
        record.tokens_cache_write,
        record.tokens_reasoning,
        record.cost_nanousd_stated,
        record.usage_source,
        record.latency_ms,
        record.policy_result.value,
        record.policy_id,
        record.status_code,
        record.error_code,
        record.error_class,
        mask_error_message(record.error_message) if record.error_message else None,
        record.end_user,
        None if occurred_at is None else micros_of(occurred_at),
        _compact(record.metadata),
        None if record.request is None else _compact(record.request.model_dump(mode="json")),
        _compact(record.labels),
    )


_TEXTS = (
    "call_id",
    "session_id",
    "agent_id",
    "provider",
    "model",
    "policy_id",
    "error_code",
    "error_class",
    "end_user",
)
_JSON = ("metadata_json", "request_json", "labels_json")


def redacted(record: WireUsage) -> WireUsage:
    """Replace raw keys by marks; equal texts stay equal, so a call_id still tells calls apart."""
    for name in _TEXTS:
        text = getattr(record, name)
        if text is not None:
            setattr(record, name, redact(text))
    for name in _JSON:
        text = getattr(record, name)
        if text is not None:
            value = redact_value(json.loads(text))
            setattr(record, name, json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    return record


_HEAD = re.compile(r'\s*\{\s*"records"\s*:\s*\[\s*')
_BETWEEN = re.compile(r"\s*(?:(,)\s*|(\]))")
_TAIL = re.compile(r"\s*\}\s*\Z")


def split_tolerantly(body: bytes, most: int) -> list[bytes] | None:
    """Find the records' texts, up to one more than `most`; None where there is no list of records.

    NaN, Infinity and invalid UTF-8 are let through here and refused record by record.
    """
    text = body.decode("utf-8", "surrogateescape")
    head = _HEAD.match(text)
    if head is None:
        return None
    decoder = json.JSONDecoder()
    found: list[bytes] = []
    at = head.end()
    while len(found) <= most:
        try:
            _, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return None
        found.append(text[at:end].encode("utf-8", "surrogateescape"))
        between = _BETWEEN.match(text, end)
        if between is None:
            return None
        if between[2] is not None:
            return found if _TAIL.match(text, between.end()) else None
        at = between.end()
    return found


class BatchRefused(Exception):
    """A whole body cannot be taken; nothing of it was kept."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that was refused, by its place in the batch."""

    index: int
    code: str
    message: str


@dataclass(slots=True)
class DecodedBatch:
    """The records of a batch that can be accepted, with their places, and the others."""

    records: list[tuple[int, WireUsage]] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)

    @property
    def size(self) -> int:
        """How many records the batch held."""
        return len(self.records) + len(self.rejected)


class _Envelope(msgspec.Struct, forbid_unknown_fields=True):
    records: list[msgspec.Raw]


_read_envelope = msgspec.json.Decoder(_Envelope).decode

_BATCH = 'send {"records": [...]} with 1 to 100 usage records'


def decode_one(body: bytes) -> WireUsage:
    """Decode one usage record; RecordRefused says why not."""
    record = judge(body)
    return redacted(record) if may_contain_raw_key(body) else record


def decode_batch(body: bytes) -> DecodedBatch:
    """Decode a batch; BatchRefused where it is none, else each record has its own verdict."""
    raws = _split(body)
    if not raws:
        raise BatchRefused("empty_batch", f"the batch holds no record; {_BATCH}")
    if len(raws) > BATCH_MAX:
        raise BatchRefused(
            "batch_too_large",
            f"a batch holds at most {BATCH_MAX} records; nothing of this one was kept",
        )
    batch = DecodedBatch()
    for index, raw in enumerate(raws):
        try:
            batch.records.append((index, decode_one(raw)))
        except RecordRefused as refused:
            batch.rejected.append(Rejection(index, refused.code, refused.message))
    return batch


def _split(body: bytes) -> list[bytes]:
    try:
        return [bytes(raw) for raw in _read_envelope(body).records]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    found = split_tolerantly(body, BATCH_MAX)
    if found is not None:
        return found
    try:
        msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise BatchRefused("invalid_json", "the body is not valid JSON in UTF-8") from None
    raise BatchRefused("invalid_body", f"the body is no batch of usage records; {_BATCH}")
