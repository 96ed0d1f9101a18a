"""Usage records to start from, and how the model alone would judge one."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from pydantic import ValidationError

from andon.adapters.telemetry import WireUsage, to_wire
from andon.schemas.cus_schemas import CusLLMUsageIngest

MINIMAL: dict[str, Any] = {
    "integration_id": "int_1",
    "call_id": "call-1",
    "provider": "openai",
    "model": "gpt-4o",
    "tokens_in": 12,
    "tokens_out": 3,
}


def record(**fields: Any) -> dict[str, Any]:
    """Make a record of the required fields and these."""
    return {**MINIMAL, **fields}


def body(**fields: Any) -> bytes:
    """Write a record of the required fields and these as JSON."""
    return json.dumps(record(**fields)).encode()


def with_raw(field: str, raw: str | bytes) -> bytes:
    """Write a record whose field holds this very JSON text."""
    value = raw.encode() if isinstance(raw, str) else raw
    rest = json.dumps({name: item for name, item in MINIMAL.items() if name != field})
    return rest[:-1].encode() + b', "' + field.encode() + b'": ' + value + b"}"


def batch(*records: bytes) -> bytes:
    """Write a batch of these records."""
    return b'{"records": [' + b", ".join(records) + b"]}"


def values(wire: WireUsage) -> dict[str, Any]:
    """Give what a record says, by the names of its normal form."""
    return {name: getattr(wire, name) for name in msgspec.structs.asdict(wire) if name in _NAMES}


_NAMES = frozenset(field.name for field in msgspec.structs.fields(WireUsage))


def by_model(raw: bytes) -> dict[str, Any] | None:
    """Judge a record by its model alone; None when it refuses."""
    try:
        return values(to_wire(CusLLMUsageIngest.model_validate_json(raw)))
    except ValidationError:
        return None
