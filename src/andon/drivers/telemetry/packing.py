"""The usage records of one tenant in one block, packed by column into one compressed text.

A column whose values are all the same is kept once, one without values not at all. A reader
skips columns that it does not know.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import zstandard

FIELDS = (
    "seq",
    "occurred_us",
    "day",
    "integration",
    "call_id",
    "session_id",
    "agent_id",
    "provider",
    "model",
    "tokens_in",
    "tokens_out",
    "tokens_cache_read",
    "tokens_cache_write",
    "tokens_reasoning",
    "cost_nanousd",
    "price_ref",
    "usage_source",
    "latency_ms",
    "policy_result",
    "policy_id",
    "status_code",
    "error_code",
    "error_class",
    "end_user",
    "import_id",
    "metadata",
    "request",
    "labels",
    "marks",
)
"""Names of the columns, in the order by which they are numbered in the packed form."""

MODEL_FOLDED = 1
AGENT_FOLDED = 2
HAD_TEXT = 4
"""What the marks of a record say: its model or agent is summed under another name, and an error
text came with it, which is kept elsewhere and for a time only."""

LEVEL = 1
LARGEST_BYTES = 64 << 20
"""More than the records of one group can fill."""

Columns = Mapping[str, Sequence[Any]]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[int, dict[int, Any]]).decode


class Packer:
    """Packs the records of one group; not to be shared by threads."""

    def __init__(self) -> None:
        self._compress = zstandard.ZstdCompressor(level=LEVEL).compress

    def pack(self, columns: Columns, start: int, end: int) -> bytes:
        """Pack the records from `start` up to and without `end`."""
        kept: dict[int, Any] = {}
        for number, name in enumerate(FIELDS):
            values = columns[name][start:end]
            first = values[0]
            if values.count(first) < len(values):
                kept[number] = values
            elif first is not None:
                kept[number] = first
        return self._compress(_encode((end - start, kept)))


def unpack(body: bytes) -> dict[str, list[Any]]:
    """Unpack every column, as many values each as there are records."""
    raw = zstandard.ZstdDecompressor().decompress(body, max_output_size=LARGEST_BYTES)
    count, kept = _decode(raw)
    columns: dict[str, list[Any]] = {}
    for number, name in enumerate(FIELDS):
        value = kept.get(number)
        columns[name] = value if isinstance(value, list) else [value] * count
    return columns


def rows_of(body: bytes) -> Iterator[dict[str, Any]]:
    """Unpack the records one by one, in the order of their places."""
    columns = unpack(body)
    for values in zip(*columns.values(), strict=True):
        yield dict(zip(FIELDS, values, strict=True))


__all__ = ["AGENT_FOLDED", "FIELDS", "HAD_TEXT", "MODEL_FOLDED", "Packer", "rows_of", "unpack"]
