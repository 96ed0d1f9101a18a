"""Bridge 1: an incident matched against the tenant's failure catalog."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from andon.schemas.loop import checks
from andon.schemas.loop.confidence import ConfidenceBand
from andon.schemas.loop.event import checked_details
from andon.schemas.loop.serialization import record_to_dict


@dataclass(frozen=True, kw_only=True)
class PatternMatchResult:
    """Say which pattern an incident belongs to, how surely, and by which signature."""

    incident_id: str
    pattern_id: str | None = None
    confidence: float
    confidence_band: ConfidenceBand
    is_new_pattern: bool
    matched: bool
    signature_hash: str
    match_details: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        checks.text("incident_id", self.incident_id)
        checks.optional_text("pattern_id", self.pattern_id)
        checks.text("signature_hash", self.signature_hash)
        checks.flag("is_new_pattern", self.is_new_pattern)
        if checks.flag("matched", self.matched) and self.pattern_id is None:
            raise ValueError("matched: pass the pattern_id of what was matched, or matched=False")
        self._set("confidence", checks.fraction("confidence", self.confidence))
        band = checks.member("confidence_band", ConfidenceBand, self.confidence_band)
        self._set("confidence_band", band)
        self._set("match_details", checked_details("match_details", self.match_details))

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    @classmethod
    def from_match(
        cls,
        incident_id: str,
        pattern_id: str,
        confidence: float,
        signature_hash: str,
        match_details: dict[str, Any] | None = None,
    ) -> PatternMatchResult:
        """Report the nearest pattern of the catalog.

        In the novel band it is named but not matched: the incident is of a new pattern.
        """
        band = ConfidenceBand.from_confidence(confidence)
        matched = band is not ConfidenceBand.NOVEL
        return cls(
            incident_id=incident_id,
            pattern_id=checks.text("pattern_id", pattern_id),
            confidence=confidence,
            confidence_band=band,
            is_new_pattern=not matched,
            matched=matched,
            signature_hash=signature_hash,
            match_details={} if match_details is None else match_details,
        )

    @classmethod
    def no_match(
        cls,
        incident_id: str,
        signature_hash: str,
        match_details: dict[str, Any] | None = None,
    ) -> PatternMatchResult:
        """Report that the catalog knows nothing like it: a new pattern, confidence 0."""
        return cls(
            incident_id=incident_id,
            pattern_id=None,
            confidence=0.0,
            confidence_band=ConfidenceBand.NOVEL,
            is_new_pattern=True,
            matched=False,
            signature_hash=signature_hash,
            match_details={} if match_details is None else match_details,
        )

    @property
    def should_auto_proceed(self) -> bool:
        """Say whether the loop may go on to the recovery without a person."""
        return self.matched and self.confidence_band.allows_auto_apply

    def to_dict(self) -> dict[str, Any]:
        """Give the fields and `should_auto_proceed` as JSON can hold them."""
        return record_to_dict(self, should_auto_proceed=self.should_auto_proceed)
