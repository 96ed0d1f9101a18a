"""Bridge 2: the recovery that a pattern suggests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from andon.schemas.loop import checks
from andon.schemas.loop.confidence import ConfidenceBand, ConfidenceCalculator
from andon.schemas.loop.confirmations import check_confirmations, count_confirmation
from andon.schemas.loop.event import checked_details
from andon.schemas.loop.serialization import record_to_dict

SuggestionType = Literal["template", "generated", "none"]
RecoveryStatus = Literal["pending", "approved", "applied", "rejected"]

_NONE_KNOWN = "no recovery is known for this pattern"


@dataclass
class RecoverySuggestion:
    """Suggest what to do about an incident, and say how many people must agree first.

    pending -> approved -> applied; an auto-applicable one goes from pending to applied; pending
    and approved may be rejected. `confirmed_by` holds the ids of those who agreed, in order.
    """

    recovery_id: str
    incident_id: str
    pattern_id: str
    suggestion_type: SuggestionType
    confidence: float
    confidence_band: ConfidenceBand
    action_type: str
    action_params: dict[str, Any] = field(default_factory=dict)
    status: RecoveryStatus = "pending"
    auto_applicable: bool = False
    requires_confirmation: int = 0
    confirmations_received: int = 0
    rejection_reason: str | None = None
    confirmed_by: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        checks.choice("suggestion_type", self.suggestion_type, get_args(SuggestionType))
        checks.choice("status", self.status, get_args(RecoveryStatus))
        for name in ("recovery_id", "incident_id", "action_type"):
            checks.text(name, getattr(self, name))
        if self.suggestion_type == "none":
            checks.any_text("pattern_id", self.pattern_id)
        else:
            checks.text("pattern_id", self.pattern_id)
        self.confidence = checks.fraction("confidence", self.confidence)
        self.confidence_band = checks.member(
            "confidence_band", ConfidenceBand, self.confidence_band
        )
        self.action_params = checked_details("action_params", self.action_params)
        checks.flag("auto_applicable", self.auto_applicable)
        checks.count("requires_confirmation", self.requires_confirmation)
        checks.optional_text("rejection_reason", self.rejection_reason)
        check_confirmations(self)

    @classmethod
    def create(
        cls,
        incident_id: str,
        pattern_id: str,
        suggestion_type: SuggestionType,
        confidence: float,
        action_type: str,
        action_params: dict[str, Any] | None = None,
        *,
        occurrence_count: int | None = None,
        recovery_id: str | None = None,
    ) -> RecoverySuggestion:
        """Suggest a recovery; the calculator says whether, and how many, people must agree.

        Pass `occurrence_count` where it is known: a strong recovery of a pattern that was seen
        too seldom is then left to one person. Without it the band alone decides.
        """
        band = ConfidenceBand.from_confidence(confidence)
        people = ConfidenceCalculator.get_confirmation_level(confidence)
        automatic = band.allows_auto_apply
        if occurrence_count is not None:
            automatic = ConfidenceCalculator.should_auto_apply(confidence, occurrence_count)
        automatic = automatic and suggestion_type != "none"
        return cls(
            recovery_id=checks.mint("rec_") if recovery_id is None else recovery_id,
            incident_id=incident_id,
            pattern_id=pattern_id,
            suggestion_type=suggestion_type,
            confidence=confidence,
            confidence_band=band,
            action_type=action_type,
            action_params={} if action_params is None else action_params,
            auto_applicable=automatic,
            requires_confirmation=people if automatic else max(people, 1),
        )

    @classmethod
    def none_available(
        cls, incident_id: str, pattern_id: str, *, recovery_id: str | None = None
    ) -> RecoverySuggestion:
        """Say that there is nothing to suggest; it is rejected from the start, with the reason."""
        return cls(
            recovery_id=checks.mint("rec_") if recovery_id is None else recovery_id,
            incident_id=incident_id,
            pattern_id=pattern_id,
            suggestion_type="none",
            confidence=0.0,
            confidence_band=ConfidenceBand.NOVEL,
            action_type="none",
            status="rejected",
            rejection_reason=_NONE_KNOWN,
        )

    def add_confirmation(self, confirmed_by: str | None = None) -> bool:
        """Count a person's yes; True when the number is reached, which approves it.

        Once approved or applied, a further yes changes nothing and is True as well.
        """
        if self.status == "rejected":
            raise ValueError("this recovery is rejected; ask for a new suggestion")
        if self.status == "pending":
            count_confirmation(self, confirmed_by)
            if self.confirmations_received >= self.requires_confirmation:
                self.status = "approved"
        return self.status != "pending"

    def mark_applied(self) -> None:
        """Record that it was carried out; ValueError unless approved or auto-applicable."""
        automatic = self.status == "pending" and self.auto_applicable
        if self.status != "approved" and not automatic:
            raise ValueError(f"this recovery is {self.status}; only an approved one is applied")
        self.status = "applied"

    def reject(self, reason: str) -> None:
        """Turn it down for a reason; ValueError once applied or rejected."""
        checks.text("reason", reason)
        if self.status not in ("pending", "approved"):
            raise ValueError(f"this recovery is already {self.status}; it cannot be rejected")
        self.status = "rejected"
        self.rejection_reason = reason

    def to_dict(self) -> dict[str, Any]:
        """Give the fields as JSON can hold them."""
        return record_to_dict(self)
