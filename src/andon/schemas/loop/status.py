"""Bridge 5: where a loop stands, as the console shows it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from andon.schemas.loop import checks, mechanics, narrative
from andon.schemas.loop.match import PatternMatchResult
from andon.schemas.loop.policy import PolicyRule
from andon.schemas.loop.recovery import RecoverySuggestion
from andon.schemas.loop.routing import RoutingAdjustment
from andon.schemas.loop.serialization import ensure_json_serializable, record_to_dict
from andon.schemas.loop.stages import FIVE_STAGES, LoopFailureState, LoopStage

StageState = Literal["done", "failed", "in_progress", "to_come"]


@dataclass
class LoopStatus:
    """Hold everything known of one loop; a stage that is in both lists has failed.

    `pending_checkpoints` are the ids of the checkpoints that wait for a person.
    """

    loop_id: str
    incident_id: str
    tenant_id: str
    current_stage: LoopStage
    stages_completed: list[LoopStage] = field(default_factory=list)
    stages_failed: list[LoopStage] = field(default_factory=list)
    total_stages: int = mechanics.TOTAL_STAGES
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    completed_at: datetime | None = None
    is_complete: bool = False
    is_blocked: bool = False
    failure_state: LoopFailureState | None = None
    pending_checkpoints: list[str] = field(default_factory=list)
    pattern_match_result: PatternMatchResult | None = None
    recovery_suggestion: RecoverySuggestion | None = None
    policy_rule: PolicyRule | None = None
    routing_adjustment: RoutingAdjustment | None = None

    def __post_init__(self) -> None:
        for name in ("loop_id", "incident_id", "tenant_id"):
            checks.text(name, getattr(self, name))
        self.current_stage = checks.member("current_stage", LoopStage, self.current_stage)
        self.stages_completed = _stages("stages_completed", self.stages_completed)
        self.stages_failed = _stages("stages_failed", self.stages_failed)
        if self.total_stages != mechanics.TOTAL_STAGES:
            raise ValueError(f"total_stages: a loop has {mechanics.TOTAL_STAGES} stages")
        self.started_at = checks.moment("started_at", self.started_at)
        self.completed_at = checks.optional_moment("completed_at", self.completed_at)
        checks.flag("is_complete", self.is_complete)
        checks.flag("is_blocked", self.is_blocked)
        if self.failure_state is not None:
            self.failure_state = checks.member(
                "failure_state", LoopFailureState, self.failure_state
            )
        self.pending_checkpoints = checks.texts("pending_checkpoints", self.pending_checkpoints)

    @property
    def completion_pct(self) -> float:
        """Give the done stages of the five in percent, 0..100."""
        done = sum(self._state_of(stage) == "done" for stage in FIVE_STAGES)
        return 100.0 * done / mechanics.TOTAL_STAGES

    def to_console_display(self) -> dict[str, Any]:
        """Give what the console shows: the five stages with their states, and the narrative.

        A state is done, failed, in_progress or to_come.
        """
        display = {
            "loop_id": self.loop_id,
            "incident_id": self.incident_id,
            "tenant_id": self.tenant_id,
            "stages": self._display_stages(),
            "completion_pct": self.completion_pct,
            "is_complete": self.is_complete,
            "is_blocked": self.is_blocked,
            "failure_state": self.failure_state,
            "pending_checkpoints": self.pending_checkpoints,
            "narrative": self._generate_narrative(),
        }
        checked: dict[str, Any] = ensure_json_serializable(display)
        return checked

    def _generate_narrative(self) -> narrative.Narrative:
        """Tell the loop's story; an entry whose facts are absent is None."""
        return {
            "before_after": narrative.tell_before_after(
                self.pattern_match_result, self.recovery_suggestion, self.policy_rule
            ),
            "policy_origin": narrative.tell_policy_origin(self.policy_rule),
            "agent_improvement": narrative.tell_agent_improvement(self.routing_adjustment),
        }

    def to_dict(self, *, now: datetime | None = None) -> dict[str, Any]:
        """Give the fields and `completion_pct` as JSON can hold them; `now` is for the shift."""
        values = record_to_dict(self, completion_pct=self.completion_pct)
        if self.routing_adjustment is not None:
            values["routing_adjustment"] = self.routing_adjustment.to_dict(now=now)
        return values

    def _display_stages(self) -> list[dict[str, str]]:
        return [
            {"name": name, "stage": stage.value, "state": self._state_of(stage)}
            for stage, name in FIVE_STAGES.items()
        ]

    def _state_of(self, stage: LoopStage) -> StageState:
        if stage in self.stages_failed:
            return "failed"
        if stage in self.stages_completed:
            return "done"
        if stage is self.current_stage and not self.is_complete:
            return "in_progress"
        return "to_come"


def _stages(name: str, values: Iterable[object]) -> list[LoopStage]:
    if isinstance(values, str):
        raise checks.refusal(name, "a list of stages, not one stage")
    return list(dict.fromkeys(checks.member(name, LoopStage, value) for value in values))
