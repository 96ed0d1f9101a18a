"""Human checkpoints: a question that the loop asks a person, answered once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from andon.schemas.loop import checks
from andon.schemas.loop.serialization import record_to_dict
from andon.schemas.loop.stages import LoopStage


class HumanCheckpointType(StrEnum):
    """Name what a person is asked."""

    APPROVE_POLICY = "approve_policy"
    APPROVE_RECOVERY = "approve_recovery"
    SIMULATE_ROUTING = "simulate_routing"
    REVERT_LOOP = "revert_loop"
    OVERRIDE_GUARDRAIL = "override_guardrail"


DEFAULT_OPTIONS: dict[HumanCheckpointType, tuple[str, ...]] = {
    HumanCheckpointType.APPROVE_POLICY: ("approve", "reject", "modify"),
    HumanCheckpointType.APPROVE_RECOVERY: ("apply", "reject", "defer"),
    HumanCheckpointType.SIMULATE_ROUTING: ("apply", "cancel"),
    HumanCheckpointType.REVERT_LOOP: ("confirm_revert", "cancel"),
    HumanCheckpointType.OVERRIDE_GUARDRAIL: ("override", "respect"),
}
"""The answers that a person may give, by the kind of question."""


@dataclass
class HumanCheckpoint:
    """Ask a person to choose one option about `target_id` before the loop goes on."""

    checkpoint_id: str
    checkpoint_type: HumanCheckpointType
    incident_id: str
    tenant_id: str
    stage: LoopStage
    target_id: str
    description: str
    options: list[str]
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    resolved_at: datetime | None = None
    resolved_by: str | None = None
    resolution: str | None = None

    def __post_init__(self) -> None:
        for name in ("checkpoint_id", "incident_id", "tenant_id", "target_id"):
            checks.text(name, getattr(self, name))
        checks.any_text("description", self.description)
        self.checkpoint_type = checks.member(
            "checkpoint_type", HumanCheckpointType, self.checkpoint_type
        )
        self.stage = checks.member("stage", LoopStage, self.stage)
        self.options = checks.texts("options", self.options)
        if not self.options:
            raise ValueError("options: pass at least one, or the person has no answer to give")
        self.created_at = checks.moment("created_at", self.created_at)
        self.resolved_at = checks.optional_moment("resolved_at", self.resolved_at)
        self._check_answer()

    def _check_answer(self) -> None:
        checks.optional_text("resolved_by", self.resolved_by)
        if self.resolution is not None:
            checks.choice("resolution", self.resolution, tuple(self.options))
        answer = (self.resolved_at, self.resolved_by, self.resolution)
        if any(part is None for part in answer) and any(part is not None for part in answer):
            raise ValueError("pass all of resolved_at, resolved_by and resolution, or none")

    @classmethod
    def create(
        cls,
        checkpoint_type: HumanCheckpointType,
        incident_id: str,
        tenant_id: str,
        stage: LoopStage,
        target_id: str,
        description: str,
        options: Sequence[str] | None = None,
        *,
        now: datetime | None = None,
        checkpoint_id: str | None = None,
    ) -> HumanCheckpoint:
        """Ask a question; without options it has those of its type."""
        kind = checks.member("checkpoint_type", HumanCheckpointType, checkpoint_type)
        return cls(
            checkpoint_id=checks.mint("chk_") if checkpoint_id is None else checkpoint_id,
            checkpoint_type=kind,
            incident_id=incident_id,
            tenant_id=tenant_id,
            stage=stage,
            target_id=target_id,
            description=description,
            options=checks.texts("options", DEFAULT_OPTIONS[kind] if options is None else options),
            created_at=checks.clock(now),
        )

    def resolve(self, user_id: str, resolution: str, *, now: datetime | None = None) -> None:
        """Answer it, once, with one of its options; ValueError otherwise."""
        person = checks.text("user_id", user_id)
        if not self.is_pending:
            raise ValueError("this checkpoint is already resolved; its answer stands")
        checks.choice("resolution", resolution, tuple(self.options))
        self.resolved_at = checks.clock(now)
        self.resolved_by = person
        self.resolution = resolution

    @property
    def is_pending(self) -> bool:
        """Say whether it still waits for an answer."""
        return self.resolved_at is None

    def to_dict(self) -> dict[str, Any]:
        """Give the fields and `is_pending` as JSON can hold them."""
        return record_to_dict(self, is_pending=self.is_pending)
