"""Usage records as they come over the wire, made into the one form that the runtime stores."""

from __future__ import annotations

from andon.adapters.telemetry.decode import DecodedBatch, decode_batch, decode_one
from andon.adapters.telemetry.refusals import BatchRefused, RecordRefused, Rejection
from andon.adapters.telemetry.wire import WireUsage, to_wire

__all__ = [
    "BatchRefused",
    "DecodedBatch",
    "RecordRefused",
    "Rejection",
    "WireUsage",
    "decode_batch",
    "decode_one",
    "to_wire",
]
