"""Stages of the loop, and the named ends of a loop that did not complete."""

from __future__ import annotations

from enum import StrEnum


class LoopStage(StrEnum):
    """Name a step of the loop; `loop_complete` ends it and is not one of the five."""

    INCIDENT_CREATED = "incident_created"
    PATTERN_MATCHED = "pattern_matched"
    RECOVERY_SUGGESTED = "recovery_suggested"
    POLICY_GENERATED = "policy_generated"
    ROUTING_ADJUSTED = "routing_adjusted"
    LOOP_COMPLETE = "loop_complete"


class LoopFailureState(StrEnum):
    """Name why a loop stopped or waits, so that nothing is silently dropped."""

    MATCH_FAILED = "match_failed"
    MATCH_LOW_CONFIDENCE = "match_low_confidence"
    RECOVERY_REJECTED = "recovery_rejected"
    RECOVERY_NOT_APPLICABLE = "recovery_not_applicable"
    POLICY_LOW_CONFIDENCE = "policy_low_confidence"
    POLICY_REJECTED = "policy_rejected"
    POLICY_SHADOW_MODE = "policy_shadow_mode"
    ROUTING_ADJUSTMENT_SKIPPED = "routing_adjustment_skipped"
    ROUTING_GUARDRAIL_BLOCKED = "routing_guardrail_blocked"
    HUMAN_CHECKPOINT_PENDING = "human_checkpoint_pending"
    TIMEOUT = "timeout"
    ERROR = "error"


FIVE_STAGES: dict[LoopStage, str] = {
    LoopStage.INCIDENT_CREATED: "Incident",
    LoopStage.PATTERN_MATCHED: "Pattern",
    LoopStage.RECOVERY_SUGGESTED: "Recovery",
    LoopStage.POLICY_GENERATED: "Policy",
    LoopStage.ROUTING_ADJUSTED: "Routing",
}
"""The stages that make up completion, in order, with the names that people see."""
