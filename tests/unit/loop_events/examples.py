"""Records that the tests of the loop start from."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from andon.schemas.loop_events import (
    HumanCheckpoint,
    HumanCheckpointType,
    LoopStage,
    PatternMatchResult,
    PolicyRule,
    RecoverySuggestion,
    RoutingAdjustment,
)

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
NOT_FRACTIONS: list[Any] = [float("nan"), float("inf"), -0.01, 1.01, True, "0.9", None]
NOT_NUMBERS: list[Any] = [float("nan"), float("inf"), float("-inf"), 10**400, True, "1"]
NOT_TEXTS: list[Any] = ["", "  ", None, 7, "\ud800"]


def a_match(confidence: float = 0.9) -> PatternMatchResult:
    return PatternMatchResult.from_match("inc_1", "pat_1", confidence, "sig_1", {"by": "hash"})


def a_recovery(confidence: float = 0.7, **fields: Any) -> RecoverySuggestion:
    return RecoverySuggestion.create(
        "inc_1", "pat_1", "template", confidence, "retry_elsewhere", {"tries": 2}, **fields
    )


def a_policy(confidence: float = 0.9, **fields: Any) -> PolicyRule:
    return PolicyRule.create(
        "No huge prompts",
        "Stop what timed out three times",
        "operational",
        "tokens_in > 100000",
        "block",
        "pat_1",
        "rec_1",
        confidence,
        **{"now": NOW, **fields},
    )


def an_adjustment(magnitude: float = -0.1, **fields: Any) -> RoutingAdjustment:
    return RoutingAdjustment.create(
        "agent_1",
        "confidence_penalty",
        magnitude,
        "timeouts on long prompts",
        "pol_1",
        **{"now": NOW, **fields},
    )


def a_checkpoint(
    kind: HumanCheckpointType = HumanCheckpointType.APPROVE_POLICY, **fields: Any
) -> HumanCheckpoint:
    return HumanCheckpoint.create(
        kind,
        "inc_1",
        "ten_1",
        LoopStage.POLICY_GENERATED,
        "pol_1",
        "Enforce this policy?",
        **{"now": NOW, **fields},
    )


def through_json(record: dict[str, Any]) -> dict[str, Any]:
    """Write and read a record as strict JSON does."""
    read: dict[str, Any] = json.loads(json.dumps(record, allow_nan=False))
    return read
