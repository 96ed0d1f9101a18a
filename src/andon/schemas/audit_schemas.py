"""The record that every activation of a policy leaves behind."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import UTC, datetime

_HUMANS = re.compile(r"human:[^\s,]+(?:,[^\s,]+)*")


@dataclass(frozen=True)
class PolicyActivationAudit:
    """Audit record for policy activation: which policy, on what evidence, by whose approval.

    `approval_path` is `auto`, `threshold`, or `human:<id>[,<id>...]` with the ids of the people
    in the order in which they confirmed, each once. The record holds ids of people, never names.
    `source_pattern_id` and `source_recovery_id` are "" for a rule that a person wrote.
    `activated_at` is kept in UTC. A field out of its form raises `ValueError`.
    """

    policy_id: str
    source_pattern_id: str
    source_recovery_id: str
    confidence_at_activation: float
    confidence_version: str
    approval_path: str
    loop_trace_id: str
    activated_at: datetime
    tenant_id: str

    def __post_init__(self) -> None:
        _require_texts(self)
        _require_approval_path(self.approval_path)
        # Records are hash-chained: 1 and 1.0, or one instant in two zones, must read the same.
        confidence = _probability(self.confidence_at_activation)
        object.__setattr__(self, "confidence_at_activation", confidence)
        object.__setattr__(self, "activated_at", _utc(self.activated_at))

    def to_dict(self) -> dict[str, str | float]:
        """Give the record as JSON-ready values under its field names, the time as ISO 8601."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return values | {"activated_at": self.activated_at.isoformat()}


_MAY_BE_EMPTY = ("source_pattern_id", "source_recovery_id", "loop_trace_id")
_NEVER_EMPTY = ("policy_id", "confidence_version", "tenant_id")


def _require_texts(record: PolicyActivationAudit) -> None:
    for name in (*_MAY_BE_EMPTY, *_NEVER_EMPTY, "approval_path"):
        value = getattr(record, name)
        if not isinstance(value, str) or (name in _NEVER_EMPTY and not value.strip()):
            raise ValueError(f"{name} must be a string with an id or version in it")


def _require_approval_path(path: str) -> None:
    if path in ("auto", "threshold"):
        return
    if not _HUMANS.fullmatch(path):
        raise ValueError("approval_path must be auto, threshold or human:<id>[,<id>...]")
    people = path.removeprefix("human:").split(",")
    if len(set(people)) != len(people):
        raise ValueError("approval_path names a person twice; one person counts once")


def _probability(value: float) -> float:
    known = isinstance(value, int | float) and not isinstance(value, bool)
    if not known or not 0 <= value <= 1:  # NaN is in no range
        raise ValueError("confidence_at_activation must be a number from 0 to 1")
    return float(value) + 0.0  # -0.0 becomes 0.0


def _utc(moment: datetime) -> datetime:
    if not isinstance(moment, datetime) or moment.utcoffset() is None:
        raise ValueError("activated_at must be a time with a time zone; use UTC")
    return moment.astimezone(UTC)
