"""Bridge 1: what a match says, and when the loop may go on by itself."""

from __future__ import annotations

from typing import Any

import pytest

from andon.schemas.loop_events import ConfidenceBand, PatternMatchResult
from tests.unit.loop_events.examples import NOT_FRACTIONS, NOT_TEXTS, a_match, through_json


def test_a_strong_match_proceeds() -> None:
    match = a_match(0.85)
    assert (match.matched, match.is_new_pattern) == (True, False)
    assert match.confidence_band is ConfidenceBand.STRONG_MATCH
    assert match.should_auto_proceed


def test_a_weak_match_waits_for_a_person() -> None:
    match = a_match(0.84)
    assert match.matched
    assert match.confidence_band is ConfidenceBand.WEAK_MATCH
    assert not match.should_auto_proceed


def test_the_nearest_pattern_in_the_novel_band_is_named_but_not_matched() -> None:
    match = a_match(0.59)
    assert (match.matched, match.is_new_pattern, match.pattern_id) == (False, True, "pat_1")
    assert not match.should_auto_proceed


def test_no_match_is_a_new_pattern_of_confidence_0() -> None:
    match = PatternMatchResult.no_match("inc_1", "sig_1")
    assert match.pattern_id is None
    assert match.confidence == 0.0
    assert match.confidence_band is ConfidenceBand.NOVEL
    assert (match.matched, match.is_new_pattern) == (False, True)
    assert not match.should_auto_proceed
    assert match.match_details == {}


def test_no_match_may_say_what_was_tried() -> None:
    match = PatternMatchResult.no_match("inc_1", "sig_1", {"candidates": ("pat_2",)})
    assert match.match_details == {"candidates": ["pat_2"]}


@pytest.mark.parametrize("confidence", NOT_FRACTIONS)
def test_a_confidence_is_between_0_and_1(confidence: Any) -> None:
    with pytest.raises(ValueError, match="confidence: pass a"):
        a_match(confidence)


@pytest.mark.parametrize("value", NOT_TEXTS)
def test_incident_pattern_and_signature_are_texts(value: Any) -> None:
    with pytest.raises(ValueError, match="incident_id"):
        PatternMatchResult.from_match(value, "pat_1", 0.9, "sig_1")
    with pytest.raises(ValueError, match="pattern_id"):
        PatternMatchResult.from_match("inc_1", value, 0.9, "sig_1")
    with pytest.raises(ValueError, match="signature_hash"):
        PatternMatchResult.no_match("inc_1", value)


def test_what_is_matched_has_a_pattern() -> None:
    with pytest.raises(ValueError, match="pattern_id"):
        PatternMatchResult(
            incident_id="inc_1",
            confidence=0.9,
            confidence_band=ConfidenceBand.STRONG_MATCH,
            is_new_pattern=False,
            matched=True,
            signature_hash="sig_1",
        )


def test_details_that_cannot_be_stored_are_refused() -> None:
    with pytest.raises(TypeError, match=r"match_details\.a"):
        PatternMatchResult.from_match("inc_1", "pat_1", 0.9, "sig_1", {"a": {1}})


def test_to_dict_is_json() -> None:
    assert through_json(a_match().to_dict()) == {
        "incident_id": "inc_1",
        "pattern_id": "pat_1",
        "confidence": 0.9,
        "confidence_band": "strong_match",
        "is_new_pattern": False,
        "matched": True,
        "signature_hash": "sig_1",
        "match_details": {"by": "hash"},
        "should_auto_proceed": True,
    }
