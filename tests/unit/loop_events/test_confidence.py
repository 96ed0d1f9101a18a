"""Confidence: bands, boosts, the cap, and who must agree."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.schemas.loop_events import (
    ConfidenceBand,
    ConfidenceCalculator,
    ensure_json_serializable,
)
from tests.unit.loop_events.examples import NOT_FRACTIONS

_FRACTIONS = st.floats(0, 1)
_OCCURRENCES = st.integers(0, 10**9)
_BELOW_STRONG = math.nextafter(0.85, 0)
_BELOW_WEAK = math.nextafter(0.60, 0)


@pytest.mark.parametrize(
    ("strong", "occurrences", "expected"),
    [
        (True, 0, 0.7),
        (True, 1, 0.7),
        (True, 2, 0.8),
        (True, 3, 0.9),
        (True, 1000, 0.9),
        (False, 1, 0.5),
        (False, 2, 0.6),
        (False, 3, 0.7),
        (False, 4, 0.7),
    ],
)
def test_a_recovery_starts_by_the_match_and_rises_by_occurrences(
    strong: bool, occurrences: int, expected: float
) -> None:
    confidence, version, details = ConfidenceCalculator.calculate_recovery_confidence(
        0.42, occurrences, strong
    )
    assert (confidence, version) == (expected, "CONFIDENCE_V1")
    assert details["confidence"] == expected


def test_the_details_hold_every_input_and_step() -> None:
    _, _, details = ConfidenceCalculator.calculate_recovery_confidence(0.42, 2, True)
    assert details == {
        "version": "CONFIDENCE_V1",
        "base_confidence": 0.42,
        "occurrence_count": 2,
        "is_strong_match": True,
        "start": 0.7,
        "boost": 0.1,
        "raised": 0.8,
        "cap": 0.9,
        "capped": False,
        "confidence": 0.8,
    }


@given(_FRACTIONS, _OCCURRENCES, st.booleans())
def test_a_confidence_stays_between_start_and_cap(
    base: float, occurrences: int, strong: bool
) -> None:
    confidence, _, details = ConfidenceCalculator.calculate_recovery_confidence(
        base, occurrences, strong
    )
    assert 0.5 <= details["start"] <= confidence <= 0.9
    assert ensure_json_serializable(details) == details


@given(_FRACTIONS, _OCCURRENCES, _OCCURRENCES, st.booleans())
def test_more_occurrences_never_lower_the_confidence(
    base: float, one: int, other: int, strong: bool
) -> None:
    fewer, more = (
        ConfidenceCalculator.calculate_recovery_confidence(base, count, strong)[0]
        for count in sorted((one, other))
    )
    assert fewer <= more


@given(_FRACTIONS, _OCCURRENCES)
def test_a_strong_match_is_never_less_sure(base: float, occurrences: int) -> None:
    calculate = ConfidenceCalculator.calculate_recovery_confidence
    assert calculate(base, occurrences, False)[0] < calculate(base, occurrences, True)[0]


@pytest.mark.parametrize(
    ("confidence", "occurrences", "expected"),
    [
        (0.85, 3, True),
        (1.0, 99, True),
        (_BELOW_STRONG, 3, False),
        (0.85, 2, False),
        (0.0, 3, False),
    ],
)
def test_a_recovery_applies_itself_only_when_strong_and_seen_three_times(
    confidence: float, occurrences: int, expected: bool
) -> None:
    assert ConfidenceCalculator.should_auto_apply(confidence, occurrences) is expected


@pytest.mark.parametrize(
    ("confidence", "people", "band"),
    [
        (1, 0, ConfidenceBand.STRONG_MATCH),
        (0.85, 0, ConfidenceBand.STRONG_MATCH),
        (_BELOW_STRONG, 1, ConfidenceBand.WEAK_MATCH),
        (0.60, 1, ConfidenceBand.WEAK_MATCH),
        (_BELOW_WEAK, 2, ConfidenceBand.NOVEL),
        (0, 2, ConfidenceBand.NOVEL),
    ],
)
def test_the_thresholds_belong_to_the_upper_side(
    confidence: float, people: int, band: ConfidenceBand
) -> None:
    assert ConfidenceCalculator.get_confirmation_level(confidence) == people
    assert ConfidenceBand.from_confidence(confidence) is band


@given(_FRACTIONS, _OCCURRENCES)
def test_what_applies_itself_needs_nobody(confidence: float, occurrences: int) -> None:
    if ConfidenceCalculator.should_auto_apply(confidence, occurrences):
        assert ConfidenceCalculator.get_confirmation_level(confidence) == 0
        assert ConfidenceBand.from_confidence(confidence).allows_auto_apply


def test_only_a_strong_band_goes_on_without_a_person() -> None:
    assert [band for band in ConfidenceBand if band.allows_auto_apply] == ["strong_match"]
    assert [band for band in ConfidenceBand if band.requires_human_review] == [
        "weak_match",
        "novel",
    ]


@pytest.mark.parametrize("confidence", NOT_FRACTIONS)
def test_what_is_no_confidence_is_refused(confidence: Any) -> None:
    with pytest.raises(ValueError, match="confidence: pass a"):
        ConfidenceBand.from_confidence(confidence)
    with pytest.raises(ValueError, match="confidence: pass a"):
        ConfidenceCalculator.get_confirmation_level(confidence)
    with pytest.raises(ValueError, match="confidence: pass a"):
        ConfidenceCalculator.should_auto_apply(confidence, 3)
    with pytest.raises(ValueError, match="base_confidence: pass a"):
        ConfidenceCalculator.calculate_recovery_confidence(confidence, 3, True)


@pytest.mark.parametrize("occurrences", [-1, 1.5, True, None, "3"])
def test_what_is_no_count_of_incidents_is_refused(occurrences: Any) -> None:
    with pytest.raises(ValueError, match="occurrence_count"):
        ConfidenceCalculator.should_auto_apply(0.9, occurrences)
    with pytest.raises(ValueError, match="occurrence_count"):
        ConfidenceCalculator.calculate_recovery_confidence(0.9, occurrences, True)


def test_a_text_is_no_answer_to_whether_a_match_is_strong() -> None:
    words: Any = "false"
    with pytest.raises(ValueError, match="is_strong_match"):
        ConfidenceCalculator.calculate_recovery_confidence(0.9, 3, words)
