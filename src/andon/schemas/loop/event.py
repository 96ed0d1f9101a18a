"""Loop events: what happened to an incident at one stage."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from andon.schemas.loop import checks
from andon.schemas.loop.confidence import ConfidenceBand
from andon.schemas.loop.serialization import ensure_json_serializable, record_to_dict
from andon.schemas.loop.stages import LoopFailureState, LoopStage

_WAITING = (LoopFailureState.HUMAN_CHECKPOINT_PENDING, LoopFailureState.POLICY_SHADOW_MODE)


@dataclass(frozen=True)
class LoopEvent:
    """Record one step of a loop; `details` is a checked copy, so that it can be stored."""

    event_id: str
    incident_id: str
    tenant_id: str
    stage: LoopStage
    timestamp: datetime
    details: dict[str, Any] = field(default_factory=dict)
    failure_state: LoopFailureState | None = None
    confidence_band: ConfidenceBand | None = None
    requires_human_review: bool = False

    def __post_init__(self) -> None:
        for name in ("event_id", "incident_id", "tenant_id"):
            checks.text(name, getattr(self, name))
        checks.flag("requires_human_review", self.requires_human_review)
        self._set("stage", checks.member("stage", LoopStage, self.stage))
        self._set("timestamp", checks.moment("timestamp", self.timestamp))
        self._set("details", checked_details("details", self.details))
        if self.failure_state is not None:
            state = checks.member("failure_state", LoopFailureState, self.failure_state)
            self._set("failure_state", state)
        if self.confidence_band is not None:
            band = checks.member("confidence_band", ConfidenceBand, self.confidence_band)
            self._set("confidence_band", band)

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    @classmethod
    def create(
        cls,
        incident_id: str,
        tenant_id: str,
        stage: LoopStage,
        details: dict[str, Any] | None = None,
        failure_state: LoopFailureState | None = None,
        confidence_band: ConfidenceBand | None = None,
        requires_human_review: bool | None = None,
        *,
        now: datetime | None = None,
        event_id: str | None = None,
    ) -> LoopEvent:
        """Record a step; unless told, a person is needed where the band or a checkpoint says so."""
        if requires_human_review is None:
            requires_human_review = _needs_person(failure_state, confidence_band)
        return cls(
            event_id=checks.mint("evt_") if event_id is None else event_id,
            incident_id=incident_id,
            tenant_id=tenant_id,
            stage=stage,
            timestamp=checks.clock(now),
            details={} if details is None else details,
            failure_state=failure_state,
            confidence_band=confidence_band,
            requires_human_review=requires_human_review,
        )

    @property
    def is_success(self) -> bool:
        """Say whether the step has no failure state."""
        return self.failure_state is None

    @property
    def is_blocked(self) -> bool:
        """Say whether the step waits for a person, or for a policy to leave shadow."""
        return self.failure_state in _WAITING

    def to_dict(self) -> dict[str, Any]:
        """Give the fields and the two states as JSON can hold them."""
        return record_to_dict(self, is_success=self.is_success, is_blocked=self.is_blocked)


def checked_details(name: str, details: dict[str, Any]) -> dict[str, Any]:
    """Copy a mapping as JSON can hold it, or raise a TypeError that names the path."""
    if not isinstance(details, dict):
        raise TypeError(f"{name}: pass a dict with string keys")
    checked: dict[str, Any] = ensure_json_serializable(details, name)
    return checked


def _needs_person(
    failure_state: LoopFailureState | None, confidence_band: ConfidenceBand | None
) -> bool:
    if failure_state == LoopFailureState.HUMAN_CHECKPOINT_PENDING:
        return True
    if confidence_band is None:
        return False
    band = checks.member("confidence_band", ConfidenceBand, confidence_band)
    return band.requires_human_review
