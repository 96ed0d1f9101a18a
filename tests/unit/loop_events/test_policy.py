"""Bridge 3: policies, their modes, and what makes them active or ends them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest

from andon.schemas.loop_events import ConfidenceBand, PolicyMode, PolicyRule
from tests.unit.loop_events.examples import (
    NOT_FRACTIONS,
    NOT_TEXTS,
    NOW,
    a_policy,
    through_json,
)

LATER = NOW + timedelta(hours=3)
_RULE: dict[str, Any] = {
    "name": "No streams",
    "description": "",
    "category": "custom",
    "condition": "stream",
    "action": "warn",
    "source_pattern_id": "",
    "source_recovery_id": "",
    "confidence": 0.5,
}


@pytest.mark.parametrize(
    ("confidence", "mode", "band"),
    [
        (0.85, PolicyMode.SHADOW, ConfidenceBand.STRONG_MATCH),
        (0.84, PolicyMode.PENDING, ConfidenceBand.WEAK_MATCH),
        (0.10, PolicyMode.PENDING, ConfidenceBand.NOVEL),
    ],
)
def test_a_strong_policy_begins_in_shadow_and_any_other_pending(
    confidence: float, mode: PolicyMode, band: ConfidenceBand
) -> None:
    policy = a_policy(confidence)
    assert (policy.mode, policy.confidence_band) == (mode, band)
    assert (policy.created_at, policy.activated_at) == (NOW, None)


def test_the_defaults_are_the_tenants_scope_and_three_people() -> None:
    policy = a_policy()
    assert (policy.scope_type, policy.scope_id) == ("tenant", None)
    assert (policy.confirmations_required, policy.confirmations_received) == (3, 0)
    assert re.fullmatch("pol_[0-9a-f]{16}", policy.policy_id)


def test_scope_and_people_may_be_given_by_position() -> None:
    policy = PolicyRule.create(
        "n", "", "safety", "stream", "warn", "pat_1", "rec_1", 0.9, "agent", "agent_1", 2
    )
    assert (policy.scope_type, policy.scope_id) == ("agent", "agent_1")
    assert policy.confirmations_required == 2


def test_a_person_may_write_a_rule_without_sources() -> None:
    policy = PolicyRule.create(**_RULE)
    assert (policy.source_pattern_id, policy.source_recovery_id) == ("", "")


@pytest.mark.parametrize("confidence", [0.9, 0.7])
def test_the_third_person_activates(confidence: float) -> None:
    policy = a_policy(confidence)
    assert policy.add_confirmation("ann", now=LATER) is False
    assert policy.add_confirmation("bob", now=LATER) is False
    assert (policy.mode is PolicyMode.ACTIVE, policy.activated_at) == (False, None)
    assert policy.add_confirmation("cem", now=LATER) is True
    assert (policy.mode, policy.activated_at) == (PolicyMode.ACTIVE, LATER)
    assert policy.confirmed_by == ["ann", "bob", "cem"]


def test_one_person_counts_once_and_each_nameless_yes_counts() -> None:
    policy = a_policy()
    answers = [policy.add_confirmation(who) for who in ("ann", "ann", None, "ann", None)]
    assert answers == [False, False, False, False, True]
    assert (policy.confirmations_received, policy.confirmed_by) == (3, ["ann"])


def test_a_yes_to_an_active_policy_changes_nothing() -> None:
    policy = a_policy(confirmations_required=1)
    policy.add_confirmation("ann", now=NOW)
    before = policy.to_dict()
    assert policy.add_confirmation("bob", now=LATER) is True
    assert policy.to_dict() == before


def test_a_disabled_policy_is_never_revived() -> None:
    policy = a_policy(confirmations_required=1)
    policy.disable()
    before = policy.to_dict()
    for refused in (
        policy.add_confirmation,
        policy.activate,
        policy.enter_shadow,
        policy.disable,
        lambda: policy.record_shadow_evaluation(True),
    ):
        with pytest.raises(ValueError, match="disabled"):
            refused()
    assert policy.to_dict() == before


def test_a_confirmation_at_a_time_without_a_zone_counts_for_nothing() -> None:
    policy = a_policy(confirmations_required=1)
    with pytest.raises(ValueError, match="now: pass an aware time"):
        policy.add_confirmation("ann", now=datetime(2026, 2, 1))  # noqa: DTZ001
    assert (policy.confirmed_by, policy.confirmations_received) == ([], 0)


@pytest.mark.parametrize("person", ["", " ", 7])
def test_a_person_has_an_id(person: Any) -> None:
    policy = a_policy(confirmations_required=1)
    with pytest.raises(ValueError, match="confirmed_by"):
        policy.add_confirmation(person)
    assert policy.mode is PolicyMode.SHADOW


def test_a_pending_policy_may_enter_shadow_and_no_other() -> None:
    policy = a_policy(0.7)
    policy.enter_shadow()
    assert policy.mode is PolicyMode.SHADOW
    with pytest.raises(ValueError, match="only a pending one"):
        policy.enter_shadow()


@pytest.mark.parametrize("confidence", [0.9, 0.7])
def test_an_approval_without_counted_people_activates_once(confidence: float) -> None:
    policy = a_policy(confidence)
    policy.activate(now=LATER)
    assert (policy.mode, policy.activated_at) == (PolicyMode.ACTIVE, LATER)
    with pytest.raises(ValueError, match="already active"):
        policy.activate(now=NOW)
    assert policy.activated_at == LATER


def test_the_third_regret_disables_and_later_ones_are_counted() -> None:
    policy = a_policy(confirmations_required=1)
    policy.add_confirmation("ann")
    assert [policy.record_regret() for _ in range(2)] == [False, False]
    assert policy.to_dict()["mode"] == "active"
    assert policy.record_regret() is True
    assert policy.to_dict()["mode"] == "disabled"
    assert policy.record_regret() is True
    assert policy.regret_count == 4


def test_the_shadow_block_rate_is_a_part_of_the_evaluations() -> None:
    policy = a_policy()
    assert policy.shadow_block_rate == 0.0
    for would_block in (True, False, False, True):
        policy.record_shadow_evaluation(would_block)
    assert (policy.shadow_evaluations, policy.shadow_would_block) == (4, 2)
    assert policy.shadow_block_rate == 0.5


def test_a_pending_policy_observes_and_an_active_one_does_not() -> None:
    policy = a_policy(0.7, confirmations_required=1)
    policy.record_shadow_evaluation(True)
    policy.add_confirmation("ann")
    with pytest.raises(ValueError, match="active"):
        policy.record_shadow_evaluation(True)
    assert policy.shadow_evaluations == 1


def test_an_evaluation_is_true_or_false() -> None:
    policy = a_policy()
    with pytest.raises(ValueError, match="would_block"):
        policy.record_shadow_evaluation("no")  # type: ignore[arg-type]
    assert policy.shadow_evaluations == 0


@pytest.mark.parametrize("confidence", NOT_FRACTIONS)
def test_a_confidence_is_between_0_and_1(confidence: Any) -> None:
    with pytest.raises(ValueError, match="confidence: pass a"):
        a_policy(confidence)


@pytest.mark.parametrize("people", [0, -1, 1.0, True, None])
def test_at_least_one_person_confirms(people: Any) -> None:
    with pytest.raises(ValueError, match="confirmations_required"):
        a_policy(confirmations_required=people)


@pytest.mark.parametrize("field", ["category", "action"])
def test_category_and_action_are_of_their_vocabulary(field: str) -> None:
    with pytest.raises(ValueError, match=f"{field}: pass one of"):
        PolicyRule.create(**_RULE | {field: "explode"})


def test_a_scope_is_tenant_agent_or_global() -> None:
    assert a_policy(scope_type="global").scope_type == "global"
    with pytest.raises(ValueError, match="tenant, agent, global"):
        a_policy(scope_type="world")


@pytest.mark.parametrize("field", ["name", "condition"])
@pytest.mark.parametrize("value", NOT_TEXTS)
def test_name_and_condition_are_texts(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{field}: pass a text"):
        PolicyRule.create(**_RULE | {field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mode", "asleep"),
        ("regret_count", -1),
        ("shadow_would_block", 6),
        ("confirmed_by", ["ann", "bob"]),
        ("confirmed_by", ["ann", "ann"]),
        ("confirmed_by", "ann"),
        ("created_at", datetime(2026, 1, 1)),  # noqa: DTZ001
        ("activated_at", "2026-01-01"),
        ("policy_id", ""),
    ],
)
def test_a_stored_row_is_checked(field: str, value: Any) -> None:
    row = a_policy(policy_id="pol_1").to_dict()
    del row["shadow_block_rate"]
    row |= {"created_at": NOW, "shadow_evaluations": 5, "confirmations_received": 1}
    assert PolicyRule(**row).mode is PolicyMode.SHADOW
    with pytest.raises(ValueError, match="pass"):
        PolicyRule(**row | {field: value})


def test_to_dict_is_json() -> None:
    policy = a_policy(policy_id="pol_1", confirmations_required=1)
    policy.record_shadow_evaluation(True)
    policy.add_confirmation("ann", now=LATER)
    assert through_json(policy.to_dict()) == {
        "policy_id": "pol_1",
        "name": "No huge prompts",
        "description": "Stop what timed out three times",
        "category": "operational",
        "condition": "tokens_in > 100000",
        "action": "block",
        "scope_type": "tenant",
        "scope_id": None,
        "source_pattern_id": "pat_1",
        "source_recovery_id": "rec_1",
        "confidence": 0.9,
        "confidence_band": "strong_match",
        "mode": "active",
        "confirmations_required": 1,
        "confirmations_received": 1,
        "regret_count": 0,
        "shadow_evaluations": 1,
        "shadow_would_block": 1,
        "created_at": "2026-01-31T12:00:00+00:00",
        "activated_at": "2026-01-31T15:00:00+00:00",
        "confirmed_by": ["ann"],
        "shadow_block_rate": 1.0,
    }
