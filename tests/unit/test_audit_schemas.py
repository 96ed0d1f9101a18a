"""A policy's activation leaves a record that says by whose approval, and cannot be altered."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.schemas.audit_schemas import PolicyActivationAudit

AT = datetime(2030, 2, 3, 4, 5, 6, 789, tzinfo=UTC)


def record(**changes: Any) -> PolicyActivationAudit:
    fields: dict[str, Any] = {
        "policy_id": "pol_1",
        "source_pattern_id": "pat_1",
        "source_recovery_id": "rec_1",
        "confidence_at_activation": 0.9,
        "confidence_version": "CONFIDENCE_V1",
        "approval_path": "auto",
        "loop_trace_id": "trace_1",
        "activated_at": AT,
        "tenant_id": "acme",
    }
    return PolicyActivationAudit(**fields | changes)


def test_the_fields_are_in_the_order_of_the_contract() -> None:
    positional = PolicyActivationAudit(
        "pol_1", "pat_1", "rec_1", 0.9, "CONFIDENCE_V1", "auto", "trace_1", AT, "acme"
    )
    assert positional == record()


def test_to_dict_is_ready_for_json() -> None:
    assert json.loads(json.dumps(record().to_dict())) == {
        "policy_id": "pol_1",
        "source_pattern_id": "pat_1",
        "source_recovery_id": "rec_1",
        "confidence_at_activation": 0.9,
        "confidence_version": "CONFIDENCE_V1",
        "approval_path": "auto",
        "loop_trace_id": "trace_1",
        "activated_at": "2030-02-03T04:05:06.000789+00:00",
        "tenant_id": "acme",
    }


@pytest.mark.parametrize("path", ["auto", "threshold", "human:usr_1", "human:usr_2,usr_1"])
def test_an_approval_path_of_the_contract_is_kept_as_it_is(path: str) -> None:
    assert record(approval_path=path).approval_path == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "AUTO",
        "auto\n",
        "human",
        "human:",
        "human:,",
        "human:a,",
        "human:,a",
        "human:a,,b",
        "human:Ann Lee",
        "human:a, b",
        "robot:a",
        None,
    ],
)
def test_another_approval_path_is_refused(path: Any) -> None:
    with pytest.raises(ValueError, match="approval_path"):
        record(approval_path=path)


def test_one_person_counts_once() -> None:
    with pytest.raises(ValueError, match="twice"):
        record(approval_path="human:usr_1,usr_2,usr_1")


def test_a_rule_that_a_person_wrote_has_no_sources() -> None:
    written = record(source_pattern_id="", source_recovery_id="", approval_path="human:usr_1")
    assert written.to_dict()["source_pattern_id"] == ""


@given(st.floats(min_value=0, max_value=1))
def test_a_confidence_from_0_to_1_is_kept(confidence: float) -> None:
    assert record(confidence_at_activation=confidence).confidence_at_activation == confidence


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.01, 1.01, True, "0.9", None])
def test_another_confidence_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="0 to 1"):
        record(confidence_at_activation=value)


def test_equal_confidences_are_written_alike() -> None:
    written = [record(confidence_at_activation=zero).to_dict() for zero in (0, 0.0, -0.0)]
    assert len({json.dumps(values) for values in written}) == 1


def test_the_time_is_written_in_utc_whatever_zone_it_came_in() -> None:
    elsewhere = AT.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert record(activated_at=elsewhere).to_dict() == record().to_dict()


@pytest.mark.parametrize("moment", [AT.replace(tzinfo=None), "2030-02-03", None])
def test_a_time_without_a_zone_is_refused(moment: Any) -> None:
    with pytest.raises(ValueError, match="time zone"):
        record(activated_at=moment)


@pytest.mark.parametrize("name", ["policy_id", "confidence_version", "tenant_id"])
def test_what_the_record_is_about_must_be_named(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        record(**{name: " "})


def test_a_record_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        record().policy_id = "pol_2"  # type: ignore[misc]
