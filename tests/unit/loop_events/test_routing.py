"""Bridge 4: adjustments of routing, bounded in size and time, and taken back when they hurt."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from andon.schemas.loop_events import RoutingAdjustment
from tests.unit.loop_events.examples import (
    NOT_NUMBERS,
    NOT_TEXTS,
    NOW,
    an_adjustment,
    through_json,
)

_SHIFT: dict[str, Any] = {
    "agent_id": "agent_1",
    "adjustment_type": "weight_shift",
    "magnitude": 0.1,
    "reason": "because",
    "source_policy_id": "pol_1",
}


def test_the_defaults_bound_size_and_time() -> None:
    adjustment = an_adjustment()
    assert (adjustment.max_delta, adjustment.decay_days) == (0.2, 7)
    assert adjustment.rollback_threshold == 0.1
    assert (adjustment.is_active, adjustment.was_rolled_back) == (True, False)
    assert re.fullmatch("adj_[0-9a-f]{16}", adjustment.adjustment_id)


def test_all_fields_may_be_given_by_position() -> None:
    adjustment = RoutingAdjustment.create(
        "agent_1", "weight_shift", 0.4, "because", "pol_1", "vision", 0.5, 30, 0.25, 0.9
    )
    assert (adjustment.capability, adjustment.max_delta) == ("vision", 0.5)
    assert (adjustment.decay_days, adjustment.rollback_threshold) == (30, 0.25)
    assert (adjustment.kpi_baseline, adjustment.kpi_current) == (0.9, None)


@pytest.mark.parametrize(
    ("magnitude", "kept"), [(0.1, 0.1), (0.3, 0.2), (-7, -0.2), (0.2, 0.2), (0, 0.0)]
)
def test_a_magnitude_is_clamped_on_both_sides(magnitude: float, kept: float) -> None:
    assert an_adjustment(magnitude).magnitude == kept


def test_a_stored_row_is_clamped_as_well() -> None:
    row = {
        "adjustment_id": "adj_1",
        "agent_id": "agent_1",
        "adjustment_type": "route_block",
        "magnitude": 5,
        "reason": "because",
        "source_policy_id": "pol_1",
        "created_at": NOW,
    }
    adjustment = RoutingAdjustment(**row)  # type: ignore[arg-type]
    assert adjustment.magnitude == 0.2
    adjustment.magnitude = -9.0
    assert adjustment.effective_magnitude_at(NOW) == -0.2


@pytest.mark.parametrize(
    ("start", "days", "end"),
    [
        (datetime(2026, 1, 31, 12, tzinfo=UTC), 7, datetime(2026, 2, 7, 12, tzinfo=UTC)),
        (datetime(2024, 2, 28, tzinfo=UTC), 1, datetime(2024, 2, 29, tzinfo=UTC)),
        (datetime(2026, 12, 31, 23, 59, tzinfo=UTC), 1, datetime(2027, 1, 1, 23, 59, tzinfo=UTC)),
        (datetime(2026, 1, 30, tzinfo=UTC), 30, datetime(2026, 3, 1, tzinfo=UTC)),
    ],
)
def test_expiry_is_right_across_the_ends_of_months(
    start: datetime, days: int, end: datetime
) -> None:
    assert an_adjustment(now=start, decay_days=days).expires_at == end


def test_the_shift_fades_linearly_to_nothing() -> None:
    adjustment = an_adjustment(-0.2, decay_days=10)
    days = (-1, 0, 5, 9, 10, 10.5, 400)
    shifts = [adjustment.effective_magnitude_at(NOW + timedelta(days=day)) for day in days]
    assert shifts == pytest.approx([-0.2, -0.2, -0.1, -0.02, 0.0, 0.0, 0.0])


def test_without_expiry_the_shift_stays() -> None:
    adjustment = an_adjustment(-0.2, decay_days=0)
    assert adjustment.expires_at is None
    assert adjustment.effective_magnitude_at(NOW + timedelta(days=4000)) == -0.2


def test_the_property_reads_the_clock() -> None:
    fresh = RoutingAdjustment.create(**_SHIFT)
    assert fresh.effective_magnitude == pytest.approx(0.1, rel=1e-3)
    old = RoutingAdjustment.create(**_SHIFT, now=datetime.now(UTC) - timedelta(days=8))
    assert old.effective_magnitude == 0.0


def test_a_switched_off_adjustment_has_no_effect() -> None:
    adjustment = an_adjustment()
    adjustment.is_active = False
    assert adjustment.effective_magnitude_at(NOW) == 0.0


def test_a_rollback_ends_it_once_for_a_reason() -> None:
    adjustment = an_adjustment()
    with pytest.raises(ValueError, match="reason"):
        adjustment.rollback(" ")
    assert adjustment.is_active
    adjustment.rollback("customer asked")
    assert (adjustment.is_active, adjustment.was_rolled_back) == (False, True)
    assert adjustment.effective_magnitude_at(NOW) == 0.0
    with pytest.raises(ValueError, match="already ended"):
        adjustment.rollback("again")
    assert adjustment.rollback_reason == "customer asked"


@pytest.mark.parametrize(
    ("baseline", "current", "fell"),
    [
        (1.0, 0.89, True),
        (1.0, 0.9, False),
        (0.8, 0.72, False),
        (0.8, 0.7199, True),
        (1.0, 2.0, False),
        (200, 100, True),
        (-1.0, -1.2, True),
        (-1.0, -1.1, False),
        (-1.0, 5.0, False),
        (0.0, -100.0, False),
        (-0.0, -100.0, False),
        (None, 0.0, False),
    ],
)
def test_only_a_relative_drop_beyond_the_threshold_rolls_back(
    baseline: float | None, current: float, fell: bool
) -> None:
    adjustment = an_adjustment(kpi_baseline=baseline)
    assert adjustment.check_kpi_regression(current) is fell
    assert adjustment.kpi_current == current
    assert (adjustment.was_rolled_back, adjustment.is_active) == (fell, not fell)
    assert (adjustment.rollback_reason is not None) is fell


def test_a_regression_says_what_fell() -> None:
    adjustment = an_adjustment(kpi_baseline=0.9)
    adjustment.check_kpi_regression(0.5)
    assert adjustment.rollback_reason == "the KPI fell from 0.9 to 0.5, by more than 10%"


def test_what_has_ended_is_not_rolled_back_again() -> None:
    adjustment = an_adjustment(kpi_baseline=1.0)
    adjustment.rollback("customer asked")
    assert adjustment.check_kpi_regression(0.1) is False
    assert (adjustment.rollback_reason, adjustment.kpi_current) == ("customer asked", 0.1)


@pytest.mark.parametrize("value", NOT_NUMBERS)
def test_a_kpi_is_a_finite_number(value: Any) -> None:
    adjustment = an_adjustment(kpi_baseline=1.0)
    before = adjustment.to_dict(now=NOW)
    with pytest.raises(ValueError, match="current: pass"):
        adjustment.check_kpi_regression(value)
    assert adjustment.to_dict(now=NOW) == before
    with pytest.raises(ValueError, match="kpi_baseline: pass"):
        an_adjustment(kpi_baseline=value)


def test_a_baseline_that_became_nan_is_an_error_and_no_verdict() -> None:
    adjustment = an_adjustment(kpi_baseline=1.0)
    adjustment.kpi_baseline = float("nan")
    with pytest.raises(ValueError, match="kpi_baseline"):
        adjustment.check_kpi_regression(0.5)
    assert (adjustment.kpi_current, adjustment.is_active) == (None, True)


@pytest.mark.parametrize("value", [*NOT_NUMBERS, None])
def test_sizes_are_finite_numbers(value: Any) -> None:
    for field in ("max_delta", "rollback_threshold"):
        with pytest.raises(ValueError, match=f"{field}: pass"):
            an_adjustment(**{field: value})
    with pytest.raises(ValueError, match="magnitude: pass"):
        an_adjustment(value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_delta", -0.1),
        ("rollback_threshold", -0.1),
        ("decay_days", -1),
        ("decay_days", 1.5),
        ("decay_days", True),
        ("decay_days", None),
        ("decay_days", 10**7),
        ("decay_days", 10**12),
        ("now", datetime(2026, 1, 1)),  # noqa: DTZ001
    ],
)
def test_what_is_out_of_range_is_refused(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{field}: pass"):
        an_adjustment(**{field: value})


@pytest.mark.parametrize("field", ["agent_id", "reason", "source_policy_id"])
@pytest.mark.parametrize("value", NOT_TEXTS)
def test_agent_reason_and_policy_are_texts(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{field}: pass a text"):
        RoutingAdjustment.create(**_SHIFT | {field: value})


def test_the_kind_of_adjustment_is_one_of_four() -> None:
    with pytest.raises(ValueError, match="confidence_penalty, route_block"):
        RoutingAdjustment.create(**_SHIFT | {"adjustment_type": "shut_down"})


def test_expiry_is_after_creation_and_both_have_zones() -> None:
    row = an_adjustment().to_dict(now=NOW)
    del row["effective_magnitude"]
    with pytest.raises(ValueError, match="expires_at: pass a time after"):
        RoutingAdjustment(**row | {"created_at": NOW, "expires_at": NOW})
    with pytest.raises(ValueError, match="created_at: pass"):
        RoutingAdjustment(**row)


def test_a_time_without_a_zone_has_no_shift() -> None:
    with pytest.raises(ValueError, match="now: pass an aware time"):
        an_adjustment().effective_magnitude_at(datetime(2026, 2, 1))  # noqa: DTZ001


def test_to_dict_is_json_at_a_time() -> None:
    adjustment = an_adjustment(-0.2, adjustment_id="adj_1", kpi_baseline=0.9, decay_days=2)
    record = through_json(adjustment.to_dict(now=NOW + timedelta(days=1)))
    assert record == {
        "adjustment_id": "adj_1",
        "agent_id": "agent_1",
        "capability": None,
        "adjustment_type": "confidence_penalty",
        "magnitude": -0.2,
        "reason": "timeouts on long prompts",
        "source_policy_id": "pol_1",
        "max_delta": 0.2,
        "decay_days": 2,
        "rollback_threshold": 0.1,
        "created_at": "2026-01-31T12:00:00+00:00",
        "expires_at": "2026-02-02T12:00:00+00:00",
        "is_active": True,
        "was_rolled_back": False,
        "rollback_reason": None,
        "kpi_baseline": 0.9,
        "kpi_current": None,
        "effective_magnitude": -0.1,
    }
