"""Bridge 2: recoveries, and the people who must agree to them."""

from __future__ import annotations

import re
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.schemas.loop_events import ConfidenceBand, RecoverySuggestion
from tests.unit.loop_events.examples import NOT_FRACTIONS, NOT_TEXTS, a_recovery, through_json


@pytest.mark.parametrize(
    ("confidence", "occurrences", "automatic", "people"),
    [
        (0.90, None, True, 0),
        (0.85, 3, True, 0),
        (0.85, 2, False, 1),
        (0.84, 3, False, 1),
        (0.60, None, False, 1),
        (0.59, 9, False, 2),
    ],
)
def test_the_calculator_says_who_must_agree(
    confidence: float, occurrences: int | None, automatic: bool, people: int
) -> None:
    recovery = a_recovery(confidence, occurrence_count=occurrences)
    assert (recovery.auto_applicable, recovery.requires_confirmation) == (automatic, people)
    assert (recovery.status, recovery.confirmations_received) == ("pending", 0)


def test_a_recovery_makes_its_id() -> None:
    assert re.fullmatch("rec_[0-9a-f]{16}", a_recovery().recovery_id)
    assert a_recovery(recovery_id="rec_1").recovery_id == "rec_1"


def test_nothing_to_suggest_is_rejected_from_the_start() -> None:
    nothing = RecoverySuggestion.none_available("inc_1", "pat_1")
    assert (nothing.suggestion_type, nothing.status) == ("none", "rejected")
    assert (nothing.confidence, nothing.confidence_band) == (0.0, ConfidenceBand.NOVEL)
    assert not nothing.auto_applicable
    assert nothing.rejection_reason
    with pytest.raises(ValueError, match="rejected"):
        nothing.add_confirmation("ann")
    assert nothing.confirmations_received == 0


def test_the_second_of_two_people_approves() -> None:
    recovery = a_recovery(0.5)
    assert recovery.add_confirmation("ann") is False
    assert recovery.status == "pending"
    assert recovery.add_confirmation("bob") is True
    assert (recovery.status, recovery.confirmed_by) == ("approved", ["ann", "bob"])


def test_one_person_counts_once() -> None:
    recovery = a_recovery(0.5)
    assert [recovery.add_confirmation("ann") for _ in range(3)] == [False, False, False]
    assert (recovery.confirmations_received, recovery.confirmed_by) == (1, ["ann"])


def test_each_confirmation_without_a_name_counts() -> None:
    recovery = a_recovery(0.5)
    assert [recovery.add_confirmation(), recovery.add_confirmation()] == [False, True]
    assert (recovery.confirmations_received, recovery.confirmed_by) == (2, [])


def test_a_yes_after_approval_changes_nothing() -> None:
    recovery = a_recovery(0.7)
    recovery.add_confirmation("ann")
    before = recovery.to_dict()
    assert recovery.add_confirmation("bob") is True
    assert recovery.to_dict() == before


@given(st.lists(st.sampled_from(["ann", "bob", "cem", None]), max_size=8))
def test_the_number_is_reached_by_distinct_people(people: list[str | None]) -> None:
    recovery = a_recovery(0.1)
    seen: set[object] = set()
    for place, person in enumerate(people):
        seen.add(place if person is None else person)
        assert recovery.add_confirmation(person) is (len(seen) >= 2)


@pytest.mark.parametrize("person", ["", " ", 7])
def test_a_person_has_an_id(person: Any) -> None:
    recovery = a_recovery()
    with pytest.raises(ValueError, match="confirmed_by"):
        recovery.add_confirmation(person)
    assert recovery.confirmations_received == 0


def test_what_is_approved_is_applied_once() -> None:
    recovery = a_recovery(0.7)
    recovery.add_confirmation("ann")
    recovery.mark_applied()
    assert recovery.status == "applied"
    with pytest.raises(ValueError, match="applied"):
        recovery.mark_applied()
    with pytest.raises(ValueError, match="applied"):
        recovery.reject("too late")
    assert (recovery.status, recovery.rejection_reason) == ("applied", None)


def test_what_applies_itself_needs_no_approval() -> None:
    recovery = a_recovery(0.9, occurrence_count=3)
    recovery.mark_applied()
    assert recovery.status == "applied"


def test_what_waits_for_people_is_not_applied() -> None:
    recovery = a_recovery(0.7)
    with pytest.raises(ValueError, match="pending"):
        recovery.mark_applied()
    assert recovery.status == "pending"


def test_a_rejection_has_a_reason_and_is_final() -> None:
    recovery = a_recovery()
    with pytest.raises(ValueError, match="reason"):
        recovery.reject(" ")
    recovery.reject("not this customer")
    assert (recovery.status, recovery.rejection_reason) == ("rejected", "not this customer")
    for refused in (recovery.add_confirmation, recovery.mark_applied):
        with pytest.raises(ValueError, match="rejected"):
            refused()
    with pytest.raises(ValueError, match="rejected"):
        recovery.reject("again")
    assert recovery.rejection_reason == "not this customer"


@pytest.mark.parametrize("confidence", NOT_FRACTIONS)
def test_a_confidence_is_between_0_and_1(confidence: Any) -> None:
    with pytest.raises(ValueError, match="confidence: pass a"):
        a_recovery(confidence)


@pytest.mark.parametrize("value", NOT_TEXTS)
def test_ids_and_action_are_texts(value: Any) -> None:
    with pytest.raises(ValueError, match="incident_id"):
        RecoverySuggestion.create(value, "pat_1", "template", 0.7, "retry")
    with pytest.raises(ValueError, match="pattern_id"):
        RecoverySuggestion.create("inc_1", value, "template", 0.7, "retry")
    with pytest.raises(ValueError, match="action_type"):
        RecoverySuggestion.create("inc_1", "pat_1", "template", 0.7, value)


def test_the_kind_of_suggestion_is_one_of_three() -> None:
    with pytest.raises(ValueError, match="template, generated, none"):
        RecoverySuggestion.create("inc_1", "pat_1", "guess", 0.7, "retry")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", "done"),
        ("confirmations_received", -1),
        ("confirmed_by", ["ann"]),
        ("requires_confirmation", 1.5),
        ("auto_applicable", 1),
    ],
)
def test_a_stored_row_is_checked(field: str, value: Any) -> None:
    row = {
        "recovery_id": "rec_1",
        "incident_id": "inc_1",
        "pattern_id": "pat_1",
        "suggestion_type": "generated",
        "confidence": 0.7,
        "confidence_band": "weak_match",
        "action_type": "retry",
    }
    again = RecoverySuggestion(**cast("dict[str, Any]", row))
    assert again.confidence_band is ConfidenceBand.WEAK_MATCH
    with pytest.raises(ValueError, match="pass"):
        RecoverySuggestion(**row | {field: value})  # type: ignore[arg-type]


def test_to_dict_is_json() -> None:
    recovery = a_recovery(0.7, recovery_id="rec_1")
    recovery.add_confirmation("ann")
    assert through_json(recovery.to_dict()) == {
        "recovery_id": "rec_1",
        "incident_id": "inc_1",
        "pattern_id": "pat_1",
        "suggestion_type": "template",
        "confidence": 0.7,
        "confidence_band": "weak_match",
        "action_type": "retry_elsewhere",
        "action_params": {"tries": 2},
        "status": "approved",
        "auto_applicable": False,
        "requires_confirmation": 1,
        "confirmations_received": 1,
        "rejection_reason": None,
        "confirmed_by": ["ann"],
    }
