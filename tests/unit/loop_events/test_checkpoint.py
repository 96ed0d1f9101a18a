"""Checkpoints: a question to a person, with its options, answered once."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest

from andon.schemas.loop_events import HumanCheckpoint, HumanCheckpointType, LoopStage
from tests.unit.loop_events.examples import NOT_TEXTS, NOW, a_checkpoint, through_json

LATER = NOW + timedelta(days=3)
_QUESTION: dict[str, Any] = {
    "checkpoint_type": HumanCheckpointType.APPROVE_RECOVERY,
    "incident_id": "inc_1",
    "tenant_id": "ten_1",
    "stage": LoopStage.RECOVERY_SUGGESTED,
    "target_id": "rec_1",
    "description": "Apply it?",
}


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (HumanCheckpointType.APPROVE_POLICY, ["approve", "reject", "modify"]),
        (HumanCheckpointType.APPROVE_RECOVERY, ["apply", "reject", "defer"]),
        (HumanCheckpointType.SIMULATE_ROUTING, ["apply", "cancel"]),
        (HumanCheckpointType.REVERT_LOOP, ["confirm_revert", "cancel"]),
        (HumanCheckpointType.OVERRIDE_GUARDRAIL, ["override", "respect"]),
    ],
)
def test_each_kind_of_question_has_its_options(
    kind: HumanCheckpointType, options: list[str]
) -> None:
    checkpoint = a_checkpoint(kind)
    assert checkpoint.options == options
    assert checkpoint.is_pending
    for option in options:
        a_checkpoint(kind).resolve("usr_1", option)


def test_options_belong_to_one_checkpoint() -> None:
    a_checkpoint().options.clear()
    assert a_checkpoint().options == ["approve", "reject", "modify"]


def test_a_checkpoint_makes_its_id() -> None:
    assert re.fullmatch("chk_[0-9a-f]{16}", a_checkpoint().checkpoint_id)


def test_all_fields_may_be_given_by_position() -> None:
    kind, stage = HumanCheckpointType.APPROVE_RECOVERY, LoopStage.RECOVERY_SUGGESTED
    options = ["now", "later"]
    checkpoint = HumanCheckpoint.create(kind, "inc_1", "ten_1", stage, "rec_1", "When?", options)
    assert (checkpoint.checkpoint_type, checkpoint.stage) == (kind, stage)
    assert (checkpoint.target_id, checkpoint.options) == ("rec_1", ["now", "later"])


def test_an_answer_says_who_and_when() -> None:
    checkpoint = a_checkpoint()
    checkpoint.resolve("usr_1", "approve", now=LATER)
    assert not checkpoint.is_pending
    assert (checkpoint.resolved_by, checkpoint.resolution) == ("usr_1", "approve")
    assert checkpoint.resolved_at == LATER


def test_the_first_answer_stands() -> None:
    checkpoint = a_checkpoint()
    checkpoint.resolve("usr_1", "approve", now=LATER)
    before = checkpoint.to_dict()
    with pytest.raises(ValueError, match="already resolved"):
        checkpoint.resolve("usr_2", "reject")
    assert checkpoint.to_dict() == before


@pytest.mark.parametrize("option", ["apply", "Approve", "", None, ["approve"]])
def test_a_foreign_option_leaves_it_pending(option: Any) -> None:
    checkpoint = a_checkpoint()
    with pytest.raises(ValueError, match="pass one of approve, reject, modify"):
        checkpoint.resolve("usr_1", option)
    assert checkpoint.is_pending
    assert (checkpoint.resolved_by, checkpoint.resolution) == (None, None)


@pytest.mark.parametrize("person", NOT_TEXTS)
def test_a_person_has_an_id(person: Any) -> None:
    checkpoint = a_checkpoint()
    with pytest.raises(ValueError, match="user_id"):
        checkpoint.resolve(person, "approve")
    assert checkpoint.is_pending


def test_an_answer_at_a_time_without_a_zone_is_refused() -> None:
    checkpoint = a_checkpoint()
    with pytest.raises(ValueError, match="now: pass an aware time"):
        checkpoint.resolve("usr_1", "approve", now=datetime(2026, 2, 1))  # noqa: DTZ001
    assert checkpoint.is_pending
    assert checkpoint.resolved_by is None


@pytest.mark.parametrize("options", [[], ["a", "a"], ["a", ""], ["a", 1], "approve"])
def test_options_are_different_texts(options: Any) -> None:
    with pytest.raises(ValueError, match="options: pass"):
        a_checkpoint(options=options)


@pytest.mark.parametrize("field", ["incident_id", "tenant_id", "target_id"])
@pytest.mark.parametrize("value", NOT_TEXTS)
def test_ids_are_texts(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{field}: pass a text"):
        HumanCheckpoint.create(**_QUESTION | {field: value})


@pytest.mark.parametrize("field", ["checkpoint_type", "stage"])
def test_kind_and_stage_are_of_their_vocabulary(field: str) -> None:
    with pytest.raises(ValueError, match=f"{field}: pass one of"):
        HumanCheckpoint.create(**_QUESTION | {field: "coffee"})


@pytest.mark.parametrize(
    "answer",
    [
        {"resolved_at": NOW},
        {"resolved_by": "usr_1", "resolution": "approve"},
        {"resolved_at": NOW, "resolved_by": "usr_1", "resolution": "never"},
    ],
)
def test_a_stored_answer_is_whole_and_one_of_the_options(answer: dict[str, Any]) -> None:
    row = a_checkpoint().to_dict() | {"created_at": NOW}
    del row["is_pending"]
    assert HumanCheckpoint(**row).is_pending
    with pytest.raises(ValueError, match="pass"):
        HumanCheckpoint(**row | answer)


def test_to_dict_is_json() -> None:
    checkpoint = a_checkpoint(checkpoint_id="chk_1")
    checkpoint.resolve("usr_1", "modify", now=LATER)
    assert through_json(checkpoint.to_dict()) == {
        "checkpoint_id": "chk_1",
        "checkpoint_type": "approve_policy",
        "incident_id": "inc_1",
        "tenant_id": "ten_1",
        "stage": "policy_generated",
        "target_id": "pol_1",
        "description": "Enforce this policy?",
        "options": ["approve", "reject", "modify"],
        "created_at": "2026-01-31T12:00:00+00:00",
        "resolved_at": "2026-02-03T12:00:00+00:00",
        "resolved_by": "usr_1",
        "resolution": "modify",
        "is_pending": False,
    }
