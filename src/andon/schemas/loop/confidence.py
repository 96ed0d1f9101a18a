"""Confidence: how sure a match is, and what may follow without a person."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from andon.schemas.loop import checks, mechanics

_DIGITS = 6


class ConfidenceBand(StrEnum):
    """Classify a confidence: strong may go on alone, weak and novel need a person."""

    STRONG_MATCH = "strong_match"
    WEAK_MATCH = "weak_match"
    NOVEL = "novel"

    @classmethod
    def from_confidence(cls, confidence: float) -> ConfidenceBand:
        """Classify a number of 0..1; ValueError for any other."""
        number = checks.fraction("confidence", confidence)
        if number >= mechanics.STRONG_THRESHOLD:
            return cls.STRONG_MATCH
        return cls.WEAK_MATCH if number >= mechanics.WEAK_THRESHOLD else cls.NOVEL

    @property
    def allows_auto_apply(self) -> bool:
        """Say whether this band may go on without a person."""
        return self is ConfidenceBand.STRONG_MATCH

    @property
    def requires_human_review(self) -> bool:
        """Say whether a person must look at this band first."""
        return not self.allows_auto_apply


class ConfidenceCalculator:
    """Compute confidences in one place, under a version that every result carries.

    An occurrence is an incident, however many calls it collapsed: a storm is one.
    """

    VERSION = mechanics.CONFIDENCE_VERSION
    STRONG_THRESHOLD = mechanics.STRONG_THRESHOLD
    WEAK_THRESHOLD = mechanics.WEAK_THRESHOLD
    STRONG_START = mechanics.STRONG_START
    WEAK_START = mechanics.WEAK_START
    BOOST_AT_TWO = mechanics.BOOST_AT_TWO
    BOOST_AT_THREE = mechanics.BOOST_AT_THREE
    CAP = mechanics.CONFIDENCE_CAP
    AUTO_APPLY_OCCURRENCES = mechanics.AUTO_APPLY_OCCURRENCES

    @staticmethod
    def calculate_recovery_confidence(
        base_confidence: float, occurrence_count: int, is_strong_match: bool
    ) -> tuple[float, str, dict[str, Any]]:
        """Give confidence, version and every input and step.

        V1 starts from the kind of match; `base_confidence` is checked and kept in the details
        only.
        """
        base = checks.fraction("base_confidence", base_confidence)
        occurrences = checks.count("occurrence_count", occurrence_count)
        strong = checks.flag("is_strong_match", is_strong_match)
        start = mechanics.STRONG_START if strong else mechanics.WEAK_START
        boost = _boost(occurrences)
        # 0.7 + 0.2 is 0.8999... in binary: without rounding a table value would miss itself.
        raised = round(start + boost, _DIGITS)
        confidence = min(raised, mechanics.CONFIDENCE_CAP)
        details = {
            "version": mechanics.CONFIDENCE_VERSION,
            "base_confidence": base,
            "occurrence_count": occurrences,
            "is_strong_match": strong,
            "start": start,
            "boost": boost,
            "raised": raised,
            "cap": mechanics.CONFIDENCE_CAP,
            "capped": raised > mechanics.CONFIDENCE_CAP,
            "confidence": confidence,
        }
        return confidence, mechanics.CONFIDENCE_VERSION, details

    @staticmethod
    def should_auto_apply(confidence: float, occurrence_count: int) -> bool:
        """Say whether a recovery may be applied without a person."""
        occurrences = checks.count("occurrence_count", occurrence_count)
        strong = ConfidenceBand.from_confidence(confidence).allows_auto_apply
        return strong and occurrences >= mechanics.AUTO_APPLY_OCCURRENCES

    @staticmethod
    def get_confirmation_level(confidence: float) -> int:
        """Give the number of people to ask: 0 when strong, 1 when weak, 2 below."""
        return _CONFIRMATIONS[ConfidenceBand.from_confidence(confidence)]


_CONFIRMATIONS = {
    ConfidenceBand.STRONG_MATCH: 0,
    ConfidenceBand.WEAK_MATCH: 1,
    ConfidenceBand.NOVEL: 2,
}


def _boost(occurrences: int) -> float:
    if occurrences >= 3:
        return mechanics.BOOST_AT_THREE
    return mechanics.BOOST_AT_TWO if occurrences == 2 else 0.0
