"""Usage records for tests, and what a list of them must sum to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx2

from tests.integration.doors import JSON, Door, new_integration, unique

USAGE = "telemetry/llm-usage"
BATCH = "telemetry/llm-usage/batch"
NANOUSD_PER_CENT = 10_000_000

Record = dict[str, Any]


def usage(integration_id: str, **fields: Any) -> Record:
    """Describe one call, with a call_id of its own unless one is given."""
    return {
        "integration_id": integration_id,
        "call_id": unique("call"),
        "provider": "openai",
        "model": "gpt-4o",
        "tokens_in": 1200,
        "tokens_out": 300,
        **fields,
    }


def ago(**span: float) -> str:
    """Name a moment before now, as `timedelta` counts."""
    return (datetime.now(UTC) - timedelta(**span)).isoformat()


def report(door: Door, record: Record, **params: str) -> httpx2.Response:
    """Report one call."""
    return door.post(USAGE, record, params=params)


def report_all(door: Door, records: Sequence[Record], **params: str) -> Any:
    """Report calls in batches of 100; nothing may be rejected. Returns accepted, duplicates."""
    accepted = duplicates = 0
    for start in range(0, len(records), 100):
        part = list(records[start : start + 100])
        answer = door.make(BATCH, {"records": part}, params=params)
        assert answer["rejected"] == []
        accepted += answer["accepted"]
        duplicates += answer["duplicates"]
    return accepted, duplicates


def new_record(door: Door) -> str:
    """Report a call of an integration of its own, and give the record's id."""
    record = usage(new_integration(door))
    report_all(door, [record])
    return str(door.read(USAGE, call_id=record["call_id"])["items"][0]["id"])


def report_text(door: Door, text: str | bytes, path: str = USAGE) -> httpx2.Response:
    """Report with a body that is exactly this."""
    content = text.encode() if isinstance(text, str) else text
    return door.ask("POST", path, content=content, headers={"Content-Type": JSON})


def rejected(door: Door, records: Sequence[Record], **params: str) -> dict[int, str]:
    """Report a batch and give the code of each record that was rejected, by its place."""
    answer = door.make(BATCH, {"records": list(records)}, params=params)
    return {item["index"]: item["code"] for item in answer["rejected"]}


def to_text(record: Record) -> str:
    """Write a record as JSON with Decimals as exact numbers."""
    return (
        json.dumps(record, default=lambda value: f"<{value}>").replace('"<', "").replace('>"', "")
    )


def nanousd(cents: Decimal | int | str) -> int:
    """Convert cents to integer nano-dollars, which must be exact."""
    exact = Decimal(cents) * NANOUSD_PER_CENT
    assert exact == int(exact)
    return int(exact)


def rounded_cents(total_nanousd: int) -> int:
    """Round nano-dollars to cents, half to even, as totals are shown."""
    return int((Decimal(total_nanousd) / NANOUSD_PER_CENT).to_integral_value("ROUND_HALF_EVEN"))
