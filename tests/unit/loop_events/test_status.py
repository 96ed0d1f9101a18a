"""Bridge 5: where a loop stands, in percent and for the console."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.schemas.loop_events import LoopFailureState, LoopStage, LoopStatus
from tests.unit.loop_events.examples import (
    NOT_TEXTS,
    NOW,
    a_match,
    a_policy,
    a_recovery,
    an_adjustment,
    through_json,
)

_STAGES = list(LoopStage)
_FIVE = _STAGES[:5]


def a_status(current: LoopStage = LoopStage.INCIDENT_CREATED, **known: Any) -> LoopStatus:
    return LoopStatus("loop_1", "inc_1", "ten_1", current, **{"started_at": NOW, **known})


def states(status: LoopStatus) -> list[tuple[str, str]]:
    return [(each["name"], each["state"]) for each in status.to_console_display()["stages"]]


def test_a_new_loop_has_everything_to_come() -> None:
    status = a_status()
    assert status.completion_pct == 0
    assert (status.total_stages, status.is_complete, status.is_blocked) == (5, False, False)
    assert states(status) == [
        ("Incident", "in_progress"),
        ("Pattern", "to_come"),
        ("Recovery", "to_come"),
        ("Policy", "to_come"),
        ("Routing", "to_come"),
    ]


def test_a_failed_loop_shows_where_it_failed() -> None:
    status = a_status(
        LoopStage.RECOVERY_SUGGESTED,
        stages_completed=_FIVE[:2],
        stages_failed=[LoopStage.RECOVERY_SUGGESTED],
        failure_state=LoopFailureState.RECOVERY_REJECTED,
    )
    assert status.completion_pct == 40
    assert [state for _, state in states(status)] == ["done", "done", "failed"] + ["to_come"] * 2
    assert status.to_console_display()["failure_state"] == "recovery_rejected"


def test_a_waiting_loop_shows_the_stage_in_progress_and_the_checkpoint() -> None:
    status = a_status(
        LoopStage.POLICY_GENERATED,
        stages_completed=_FIVE[:3],
        is_blocked=True,
        failure_state=LoopFailureState.HUMAN_CHECKPOINT_PENDING,
        pending_checkpoints=["chk_1"],
    )
    display = status.to_console_display()
    assert states(status)[3] == ("Policy", "in_progress")
    assert (display["is_blocked"], display["pending_checkpoints"]) == (True, ["chk_1"])


def test_a_complete_loop_is_at_100_percent() -> None:
    status = a_status(
        LoopStage.LOOP_COMPLETE, stages_completed=_STAGES, is_complete=True, completed_at=NOW
    )
    assert status.completion_pct == 100
    assert {state for _, state in states(status)} == {"done"}


def test_loop_complete_is_not_one_of_the_five() -> None:
    assert a_status(stages_completed=[LoopStage.LOOP_COMPLETE]).completion_pct == 0


def test_a_stage_in_both_lists_has_failed() -> None:
    stage = LoopStage.INCIDENT_CREATED
    status = a_status(stages_completed=[stage], stages_failed=[stage])
    assert status.completion_pct == 0
    assert states(status)[0] == ("Incident", "failed")


def test_a_complete_loop_that_skipped_a_stage_does_not_claim_it() -> None:
    status = a_status(
        LoopStage.ROUTING_ADJUSTED, stages_completed=_FIVE[:4], is_complete=True, completed_at=NOW
    )
    assert states(status)[4] == ("Routing", "to_come")
    assert status.completion_pct == 80


_LISTS = st.lists(st.sampled_from(_STAGES), max_size=8)


@given(st.sampled_from(_STAGES), _LISTS, _LISTS, st.booleans())
def test_percent_and_display_agree(
    current: LoopStage, completed: list[LoopStage], failed: list[LoopStage], complete: bool
) -> None:
    status = a_status(
        current, stages_completed=completed, stages_failed=failed, is_complete=complete
    )
    shown = [state for _, state in states(status)]
    assert status.completion_pct == 20 * shown.count("done")
    assert shown.count("in_progress") <= 1
    assert len(shown) == 5


def test_a_stage_is_counted_once() -> None:
    twice = [LoopStage.INCIDENT_CREATED, "incident_created"]
    status = a_status(stages_completed=twice)
    assert status.stages_completed == [LoopStage.INCIDENT_CREATED]
    assert status.completion_pct == 20


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("stages_completed", ["nowhere"]),
        ("stages_failed", "policy_generated"),
        ("total_stages", 6),
        ("total_stages", 0),
        ("is_complete", 1),
        ("is_blocked", None),
        ("failure_state", "tired"),
        ("pending_checkpoints", [""]),
        ("started_at", NOW.replace(tzinfo=None)),
        ("completed_at", "today"),
    ],
)
def test_what_is_out_of_range_is_refused(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=field):
        a_status(**{field: value})


@pytest.mark.parametrize("value", NOT_TEXTS)
def test_ids_are_texts(value: Any) -> None:
    with pytest.raises(ValueError, match="loop_id"):
        LoopStatus(value, "inc_1", "ten_1", LoopStage.INCIDENT_CREATED)
    with pytest.raises(ValueError, match="incident_id"):
        LoopStatus("loop_1", value, "ten_1", LoopStage.INCIDENT_CREATED)
    with pytest.raises(ValueError, match="tenant_id"):
        LoopStatus("loop_1", "inc_1", value, LoopStage.INCIDENT_CREATED)


def test_to_dict_is_json_with_all_that_is_known() -> None:
    status = a_status(
        LoopStage.ROUTING_ADJUSTED,
        stages_completed=_FIVE[:1],
        pattern_match_result=a_match(),
        recovery_suggestion=a_recovery(),
        policy_rule=a_policy(),
        routing_adjustment=an_adjustment(-0.2, decay_days=2),
    )
    record = through_json(status.to_dict(now=NOW + timedelta(days=1)))
    assert set(record) == {each.name for each in fields(LoopStatus)} | {"completion_pct"}
    assert record["stages_completed"] == ["incident_created"]
    assert record["started_at"] == "2026-01-31T12:00:00+00:00"
    assert record["completion_pct"] == 20
    assert record["pattern_match_result"]["confidence_band"] == "strong_match"
    assert record["recovery_suggestion"]["status"] == "pending"
    assert record["policy_rule"]["mode"] == "shadow"
    assert record["routing_adjustment"]["effective_magnitude"] == -0.1


def test_to_dict_of_a_new_loop_has_no_facts() -> None:
    record = through_json(a_status().to_dict())
    assert record["routing_adjustment"] is None
    assert record["pattern_match_result"] is None


def test_the_console_display_is_json() -> None:
    display = through_json(a_status().to_console_display())
    assert set(display) == {
        "loop_id",
        "incident_id",
        "tenant_id",
        "stages",
        "completion_pct",
        "is_complete",
        "is_blocked",
        "failure_state",
        "pending_checkpoints",
        "narrative",
    }
    assert display["stages"][2] == {
        "name": "Recovery",
        "stage": "recovery_suggested",
        "state": "to_come",
    }
