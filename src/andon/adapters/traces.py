"""Rows of the Azure LLM inference trace as usage records, each with a call_id of its own."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

COLUMNS = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
"""The columns of https://github.com/Azure/AzurePublicDataset, in their order."""

_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?", re.ASCII
)
_COUNT = re.compile(r"\d{1,18}", re.ASCII)


class RowRefused(ValueError):
    """A row that is no call; the message names its column and never its content."""


@dataclass(frozen=True, slots=True)
class TraceRow:
    """One call of the trace: when it came (UTC, to the microsecond) and what it took."""

    occurred_at: datetime
    tokens_in: int
    tokens_out: int


def read_row(cells: Mapping[str, str]) -> TraceRow:
    """Read a row by its column names."""
    return TraceRow(
        _moment(cells["TIMESTAMP"]),
        _count(cells, "ContextTokens"),
        _count(cells, "GeneratedTokens"),
    )


def _moment(text: str) -> datetime:
    """Read a time with up to 9 decimals; the trace has 7, of which 6 are kept."""
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise RowRefused("TIMESTAMP must look like 2023-11-16 18:15:46.6805900")
    day, time, decimals, zone = found.groups()
    micros = int((decimals or "").ljust(6, "0")[:6])
    try:
        whole = datetime.fromisoformat(f"{day}T{time}{zone or '+00:00'}")
        return (whole + timedelta(microseconds=micros)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise RowRefused("TIMESTAMP names no moment of the calendar") from None


def _count(cells: Mapping[str, str], column: str) -> int:
    text = cells[column].strip()
    if _COUNT.fullmatch(text) is None:
        raise RowRefused(f"{column} must be a whole number of tokens")
    return int(text)


def digest_of(row: TraceRow) -> bytes:
    """Digest what a row says, whatever its file is called and however it is written."""
    text = f"{row.occurred_at.isoformat()}\0{row.tokens_in}\0{row.tokens_out}"
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def call_id_of(integration_id: str, digest: bytes, nth: int) -> str:
    """Derive the call_id of the nth row with this digest, counted from 1.

    It does not depend on the file's name or length or on the model, so that a second run, a
    renamed file and one that has grown find their own, and another model is seen as a conflict.
    """
    text = f"azure-llm-trace\0{integration_id}\0{digest.hex()}\0{nth}"
    return f"trace-{hashlib.blake2b(text.encode(), digest_size=20).hexdigest()}"


def usage_of(
    row: TraceRow, call_id: str, integration_id: str, provider: str, model: str
) -> dict[str, str | int]:
    """Describe a row as the fields of a usage record, as JSON has them."""
    return {
        "integration_id": integration_id,
        "call_id": call_id,
        "provider": provider,
        "model": model,
        "tokens_in": row.tokens_in,
        "tokens_out": row.tokens_out,
        "occurred_at": row.occurred_at.isoformat(),
    }
