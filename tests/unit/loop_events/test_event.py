"""Loop events: made once, checked, and ready to store."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, cast

import pytest

from andon.schemas.loop_events import ConfidenceBand, LoopEvent, LoopFailureState, LoopStage
from tests.unit.loop_events.examples import NOT_TEXTS, NOW, through_json

_BLOCKING = {LoopFailureState.HUMAN_CHECKPOINT_PENDING, LoopFailureState.POLICY_SHADOW_MODE}


def test_an_event_takes_its_fields_by_position() -> None:
    event = LoopEvent.create(
        "inc_1",
        "ten_1",
        LoopStage.PATTERN_MATCHED,
        {"pattern": "pat_1"},
        LoopFailureState.MATCH_LOW_CONFIDENCE,
        ConfidenceBand.WEAK_MATCH,
        True,
    )
    assert event.details == {"pattern": "pat_1"}
    assert event.failure_state is LoopFailureState.MATCH_LOW_CONFIDENCE
    assert event.confidence_band is ConfidenceBand.WEAK_MATCH
    assert event.requires_human_review


def test_an_event_makes_its_id_and_time() -> None:
    first, second = (LoopEvent.create("i", "t", LoopStage.INCIDENT_CREATED) for _ in range(2))
    assert re.fullmatch("evt_[0-9a-f]{16}", first.event_id)
    assert first.event_id != second.event_id
    assert first.timestamp.tzinfo is UTC
    assert abs(first.timestamp - datetime.now(UTC)) < timedelta(minutes=1)
    assert first.details == {}


def test_time_and_id_may_be_given() -> None:
    event = LoopEvent.create("i", "t", LoopStage.INCIDENT_CREATED, now=NOW, event_id="evt_1")
    assert (event.timestamp, event.event_id) == (NOW, "evt_1")


def test_a_time_of_another_zone_becomes_utc() -> None:
    east = NOW.astimezone(timezone(timedelta(hours=5)))
    event = LoopEvent.create("i", "t", LoopStage.INCIDENT_CREATED, now=east)
    assert event.to_dict()["timestamp"] == "2026-01-31T12:00:00+00:00"


@pytest.mark.parametrize("now", [datetime(2026, 1, 1), "2026-01-01T00:00:00Z"])  # noqa: DTZ001
def test_a_time_without_a_zone_is_refused(now: Any) -> None:
    with pytest.raises(ValueError, match="now: pass"):
        LoopEvent.create("i", "t", LoopStage.INCIDENT_CREATED, now=now)


def test_a_time_that_utc_cannot_hold_is_refused() -> None:
    early = datetime.min.replace(tzinfo=timezone(timedelta(hours=5)))
    with pytest.raises(ValueError, match="now: pass a time"):
        LoopEvent.create("i", "t", LoopStage.INCIDENT_CREATED, now=early)


@pytest.mark.parametrize("state", [None, *LoopFailureState])
def test_success_is_no_failure_state_and_only_two_states_block(
    state: LoopFailureState | None,
) -> None:
    event = LoopEvent.create("i", "t", LoopStage.POLICY_GENERATED, failure_state=state)
    assert event.is_success is (state is None)
    assert event.is_blocked is (state in _BLOCKING)


@pytest.mark.parametrize(
    ("state", "band", "needed"),
    [
        (None, None, False),
        (None, ConfidenceBand.STRONG_MATCH, False),
        (None, ConfidenceBand.WEAK_MATCH, True),
        (None, ConfidenceBand.NOVEL, True),
        (LoopFailureState.HUMAN_CHECKPOINT_PENDING, ConfidenceBand.STRONG_MATCH, True),
        (LoopFailureState.TIMEOUT, None, False),
    ],
)
def test_a_person_is_needed_where_the_band_or_a_checkpoint_says_so(
    state: LoopFailureState | None, band: ConfidenceBand | None, needed: bool
) -> None:
    stage = LoopStage.PATTERN_MATCHED
    assert LoopEvent.create("i", "t", stage, {}, state, band).requires_human_review is needed
    assert not LoopEvent.create("i", "t", stage, {}, state, band, False).requires_human_review


def test_details_are_a_checked_copy() -> None:
    details: dict[str, Any] = {"at": NOW, "stages": (LoopStage.PATTERN_MATCHED,)}
    event = LoopEvent.create("i", "t", LoopStage.PATTERN_MATCHED, details)
    details["later"] = 1
    assert event.details == {"at": NOW.isoformat(), "stages": ["pattern_matched"]}


@pytest.mark.parametrize("details", [{"a": {1}}, {1: "a"}, {"a": float("nan")}, [1], "text"])
def test_create_and_constructor_refuse_details_that_cannot_be_stored(details: Any) -> None:
    with pytest.raises(TypeError, match=r"^details"):
        LoopEvent.create("i", "t", LoopStage.PATTERN_MATCHED, details)
    with pytest.raises(TypeError, match=r"^details"):
        LoopEvent("evt_1", "i", "t", LoopStage.PATTERN_MATCHED, NOW, details)


def test_an_event_is_past_and_does_not_change() -> None:
    event = LoopEvent.create("i", "t", LoopStage.INCIDENT_CREATED)
    with pytest.raises(FrozenInstanceError):
        event.incident_id = "other"  # type: ignore[misc]


@pytest.mark.parametrize("field", ["incident_id", "tenant_id", "event_id"])
@pytest.mark.parametrize("value", NOT_TEXTS)
def test_ids_are_texts(field: str, value: Any) -> None:
    fields = {"event_id": "evt_1", "incident_id": "i", "tenant_id": "t", field: value}
    with pytest.raises(ValueError, match=f"{field}: pass a text"):
        LoopEvent(**fields, stage=LoopStage.INCIDENT_CREATED, timestamp=NOW)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("stage", "nowhere"),
        ("failure_state", "tired"),
        ("confidence_band", "huge"),
        ("requires_human_review", "yes"),
    ],
)
def test_what_is_outside_a_vocabulary_is_refused(field: str, value: Any) -> None:
    fields = {"stage": LoopStage.INCIDENT_CREATED, field: value}
    with pytest.raises(ValueError, match=f"{field}: pass"):
        LoopEvent.create("i", "t", **fields)


def test_values_are_taken_for_members() -> None:
    stage, failure, band = cast("tuple[Any, Any, Any]", ("incident_created", "error", "novel"))
    event = LoopEvent.create("i", "t", stage, {}, failure, band)
    assert event.stage is LoopStage.INCIDENT_CREATED
    assert event.failure_state is LoopFailureState.ERROR
    assert event.confidence_band is ConfidenceBand.NOVEL
    assert event.requires_human_review


def test_to_dict_is_json() -> None:
    event = LoopEvent.create(
        "i", "t", LoopStage.INCIDENT_CREATED, {"a": 1}, now=NOW, event_id="evt_1"
    )
    assert through_json(event.to_dict()) == {
        "event_id": "evt_1",
        "incident_id": "i",
        "tenant_id": "t",
        "stage": "incident_created",
        "timestamp": "2026-01-31T12:00:00+00:00",
        "details": {"a": 1},
        "failure_state": None,
        "confidence_band": None,
        "requires_human_review": False,
        "is_success": True,
        "is_blocked": False,
    }
