"""Decode usage records from request bodies, each judged by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from pydantic import ValidationError
from pydantic_core import from_json

from andon.adapters.telemetry import fast
from andon.adapters.telemetry.refusals import (
    MAX_RECORDS,
    BatchRefused,
    RecordRefused,
    Rejection,
    judge,
    no_batch,
    no_json,
    no_records,
    too_large,
)
from andon.adapters.telemetry.split import split_batch
from andon.adapters.telemetry.wire import WireUsage, to_wire
from andon.schemas.cus_schemas import CusLLMUsageIngest

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_JUDGED_BYTES = 262_144  # many times what the bounds of all fields but error_message allow


class DecodedBatch(NamedTuple):
    """Hold the good records, the place of each in the batch, and why the others were refused."""

    records: Sequence[WireUsage]
    places: Sequence[int]
    rejected: list[Rejection]


def decode_one(body: bytes) -> WireUsage:
    """Decode one record; raise RecordRefused with the first fault that the model finds."""
    try:
        record = fast.read_record(body)
    except _UNREADABLE:
        return _judge(body)
    return record if fast.finish(record) else _judge(body)


def _judge(body: bytes) -> WireUsage:
    if len(body) > _JUDGED_BYTES:
        raise RecordRefused("record_too_large", f"send at most {_JUDGED_BYTES} bytes a record")
    try:
        return to_wire(CusLLMUsageIngest.model_validate_json(body))
    except ValidationError as exc:
        refused = judge(exc)
    raise refused


def decode_batch(body: bytes) -> DecodedBatch:
    """Decode 1 to 100 records; a bad one is refused alone, a bad body raises BatchRefused."""
    try:
        records = fast.read_batch(body).records
    except _UNREADABLE:
        return _decode_each(_slices(body))
    _check_size(len(records))
    if fast.finish_all(records):
        return DecodedBatch(records, range(len(records)), [])
    return _decode_each(_slices(body))


def _check_size(size: int) -> None:
    if size > MAX_RECORDS:
        raise too_large()
    if not size:
        raise no_records()


def _slices(body: bytes) -> list[bytes]:
    try:
        slices = [bytes(raw) for raw in fast.read_raw_batch(body).records]
    except msgspec.ValidationError:
        raise (no_batch() if _is_json(body) else no_json()) from None
    except _UNREADABLE:
        slices = _split(body)
    _check_size(len(slices))
    return slices


def _split(body: bytes) -> list[bytes]:
    try:
        return split_batch(body)
    except BatchRefused as refused:
        if refused.code == "invalid_json" and _is_json(body):
            raise no_batch() from None
        raise


def _is_json(body: bytes) -> bool:
    try:
        from_json(body, allow_inf_nan=False)
    except ValueError:
        return False
    return True


def _decode_each(slices: list[bytes]) -> DecodedBatch:
    records: list[WireUsage] = []
    places: list[int] = []
    rejected: list[Rejection] = []
    for index, raw in enumerate(slices):
        try:
            records.append(decode_one(raw))
        except RecordRefused as refused:
            rejected.append(Rejection(index, refused.code, refused.message))
        else:
            places.append(index)
    return DecodedBatch(records, places, rejected)


__all__ = ["DecodedBatch", "decode_batch", "decode_one"]
