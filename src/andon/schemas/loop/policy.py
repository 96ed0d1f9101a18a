"""Bridge 3: the policy that an applied recovery yields, and the modes that it goes through."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal, get_args

from andon.schemas.loop import checks, mechanics
from andon.schemas.loop.confidence import ConfidenceBand
from andon.schemas.loop.confirmations import check_confirmations, count_confirmation
from andon.schemas.loop.serialization import record_to_dict

PolicyCategory = Literal["safety", "privacy", "operational", "routing", "custom"]
PolicyAction = Literal["block", "warn", "escalate", "route_away", "rate_limit"]
PolicyScopeType = Literal["tenant", "agent", "global"]


class PolicyMode(StrEnum):
    """Say what a policy does: shadow observes, pending waits, active enforces.

    shadow -> active, pending -> shadow or active, any -> disabled, which is final.
    """

    SHADOW = "shadow"
    PENDING = "pending"
    ACTIVE = "active"
    DISABLED = "disabled"


@dataclass(kw_only=True)
class PolicyRule:
    """Hold a rule over calls, and the evidence for and against enforcing it.

    The source ids are "" for a rule that a person wrote. `confirmed_by` holds the ids of those
    who agreed, in order.
    """

    policy_id: str
    name: str
    description: str
    category: PolicyCategory
    condition: str
    action: PolicyAction
    scope_type: PolicyScopeType = "tenant"
    scope_id: str | None = None
    source_pattern_id: str
    source_recovery_id: str
    confidence: float
    confidence_band: ConfidenceBand
    mode: PolicyMode
    confirmations_required: int = mechanics.CONFIRMATIONS_REQUIRED
    confirmations_received: int = 0
    regret_count: int = 0
    shadow_evaluations: int = 0
    shadow_would_block: int = 0
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    activated_at: datetime | None = None
    confirmed_by: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._check_rule()
        self.confidence = checks.fraction("confidence", self.confidence)
        self.confidence_band = checks.member(
            "confidence_band", ConfidenceBand, self.confidence_band
        )
        self.mode = checks.member("mode", PolicyMode, self.mode)
        self.created_at = checks.moment("created_at", self.created_at)
        self.activated_at = checks.optional_moment("activated_at", self.activated_at)
        checks.count("confirmations_required", self.confirmations_required, least=1)
        check_confirmations(self)
        for name in ("regret_count", "shadow_evaluations", "shadow_would_block"):
            checks.count(name, getattr(self, name))
        if self.shadow_would_block > self.shadow_evaluations:
            raise ValueError("shadow_would_block: pass at most the number of shadow_evaluations")

    def _check_rule(self) -> None:
        for name in ("policy_id", "name", "condition"):
            checks.text(name, getattr(self, name))
        for name in ("description", "source_pattern_id", "source_recovery_id"):
            checks.any_text(name, getattr(self, name))
        checks.optional_text("scope_id", self.scope_id)
        checks.choice("category", self.category, get_args(PolicyCategory))
        checks.choice("action", self.action, get_args(PolicyAction))
        checks.choice("scope_type", self.scope_type, get_args(PolicyScopeType))

    @classmethod
    def create(
        cls,
        name: str,
        description: str,
        category: PolicyCategory,
        condition: str,
        action: PolicyAction,
        source_pattern_id: str,
        source_recovery_id: str,
        confidence: float,
        scope_type: PolicyScopeType = "tenant",
        scope_id: str | None = None,
        confirmations_required: int = mechanics.CONFIRMATIONS_REQUIRED,
        *,
        now: datetime | None = None,
        policy_id: str | None = None,
    ) -> PolicyRule:
        """Propose a policy: in shadow where the confidence is strong, else pending."""
        band = ConfidenceBand.from_confidence(confidence)
        strong = band is ConfidenceBand.STRONG_MATCH
        return cls(
            policy_id=checks.mint("pol_") if policy_id is None else policy_id,
            name=name,
            description=description,
            category=category,
            condition=condition,
            action=action,
            scope_type=scope_type,
            scope_id=scope_id,
            source_pattern_id=source_pattern_id,
            source_recovery_id=source_recovery_id,
            confidence=confidence,
            confidence_band=band,
            mode=PolicyMode.SHADOW if strong else PolicyMode.PENDING,
            confirmations_required=confirmations_required,
            created_at=checks.clock(now),
        )

    def record_shadow_evaluation(self, would_block: bool) -> None:
        """Count a call that the policy looked at without enforcing; ValueError once it may not."""
        checks.flag("would_block", would_block)
        if self.mode not in (PolicyMode.SHADOW, PolicyMode.PENDING):
            raise ValueError(f"this policy is {self.mode.value}; it observes only before that")
        self.shadow_evaluations += 1
        self.shadow_would_block += would_block

    def add_confirmation(
        self, confirmed_by: str | None = None, *, now: datetime | None = None
    ) -> bool:
        """Count a person's yes; True when the number is reached, which activates the policy.

        On an active policy a further yes changes nothing and is True as well.
        """
        self._refuse_disabled()
        if self.mode is PolicyMode.ACTIVE:
            return True
        at = checks.clock(now)
        count_confirmation(self, confirmed_by)
        if self.confirmations_received < self.confirmations_required:
            return False
        self.activate(now=at)
        return True

    def activate(self, *, now: datetime | None = None) -> None:
        """Enforce from now on.

        Called by itself it is for an approval other than counted people (approval paths `auto`
        and `threshold` of the audit); ValueError when active or disabled.
        """
        at = checks.clock(now)
        self._refuse_disabled()
        if self.mode is PolicyMode.ACTIVE:
            raise ValueError("this policy is already active")
        self.mode = PolicyMode.ACTIVE
        self.activated_at = at

    def enter_shadow(self) -> None:
        """Let a pending policy observe; ValueError from any other mode."""
        if self.mode is not PolicyMode.PENDING:
            raise ValueError(f"this policy is {self.mode.value}; only a pending one enters shadow")
        self.mode = PolicyMode.SHADOW

    def disable(self) -> None:
        """Switch it off for good; a new policy supersedes it. ValueError when already off."""
        self._refuse_disabled()
        self.mode = PolicyMode.DISABLED

    def record_regret(self) -> bool:
        """Count an enforcement that was wrong; True when the policy is disabled (3 regrets)."""
        self.regret_count += 1
        if self.regret_count >= mechanics.REGRETS_TO_DISABLE:
            self.mode = PolicyMode.DISABLED
        return self.mode is PolicyMode.DISABLED

    @property
    def shadow_block_rate(self) -> float:
        """Give the part of shadow evaluations that would have blocked, 0..1; 0 without any."""
        if self.shadow_evaluations == 0:
            return 0.0
        return self.shadow_would_block / self.shadow_evaluations

    def to_dict(self) -> dict[str, Any]:
        """Give the fields and `shadow_block_rate` as JSON can hold them."""
        return record_to_dict(self, shadow_block_rate=self.shadow_block_rate)

    def _refuse_disabled(self) -> None:
        if self.mode is PolicyMode.DISABLED:
            raise ValueError("this policy is disabled for good; create a new one in its place")
