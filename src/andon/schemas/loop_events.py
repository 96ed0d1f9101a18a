"""The contract of the integration loop: events, results, policies, checkpoints and status.

The numbers behind it are frozen under `LOOP_MECHANICS_VERSION` since
`LOOP_MECHANICS_FROZEN_AT`; a change of one of them demands a new version.
"""

from __future__ import annotations

from andon.schemas.loop.checkpoint import DEFAULT_OPTIONS, HumanCheckpoint, HumanCheckpointType
from andon.schemas.loop.confidence import ConfidenceBand, ConfidenceCalculator
from andon.schemas.loop.event import LoopEvent
from andon.schemas.loop.match import PatternMatchResult
from andon.schemas.loop.mechanics import LOOP_MECHANICS_FROZEN_AT, LOOP_MECHANICS_VERSION
from andon.schemas.loop.narrative import Narrative
from andon.schemas.loop.policy import (
    PolicyAction,
    PolicyCategory,
    PolicyMode,
    PolicyRule,
    PolicyScopeType,
)
from andon.schemas.loop.recovery import RecoveryStatus, RecoverySuggestion, SuggestionType
from andon.schemas.loop.routing import AdjustmentType, RoutingAdjustment
from andon.schemas.loop.serialization import ensure_json_serializable
from andon.schemas.loop.stages import FIVE_STAGES, LoopFailureState, LoopStage
from andon.schemas.loop.status import LoopStatus, StageState

__all__ = [
    "DEFAULT_OPTIONS",
    "FIVE_STAGES",
    "LOOP_MECHANICS_FROZEN_AT",
    "LOOP_MECHANICS_VERSION",
    "AdjustmentType",
    "ConfidenceBand",
    "ConfidenceCalculator",
    "HumanCheckpoint",
    "HumanCheckpointType",
    "LoopEvent",
    "LoopFailureState",
    "LoopStage",
    "LoopStatus",
    "Narrative",
    "PatternMatchResult",
    "PolicyAction",
    "PolicyCategory",
    "PolicyMode",
    "PolicyRule",
    "PolicyScopeType",
    "RecoveryStatus",
    "RecoverySuggestion",
    "RoutingAdjustment",
    "StageState",
    "SuggestionType",
    "ensure_json_serializable",
]
