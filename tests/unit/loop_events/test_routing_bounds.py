"""Whatever is asked of an adjustment, it stays small, fades, and does not come back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from andon.schemas.loop_events import RoutingAdjustment
from tests.unit.loop_events.examples import an_adjustment

_NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
_KPIS = st.floats(-1e6, 1e6)
_TIMES = st.integers(0, 4 * 10**9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
_LIMITS = st.floats(0, 1)
_ADJUSTMENTS = st.builds(
    an_adjustment, _NUMBERS, max_delta=_LIMITS, decay_days=st.integers(0, 400), now=_TIMES
)
_SPANS = st.timedeltas(timedelta(days=-100), timedelta(days=900))


@given(_ADJUSTMENTS, _SPANS)
def test_a_shift_is_never_beyond_its_limit(adjustment: RoutingAdjustment, span: timedelta) -> None:
    shift = adjustment.effective_magnitude_at(adjustment.created_at + span)
    assert abs(shift) <= abs(adjustment.magnitude) <= adjustment.max_delta
    assert shift * adjustment.magnitude >= 0


@given(_ADJUSTMENTS, _SPANS, _SPANS)
def test_a_shift_only_fades(
    adjustment: RoutingAdjustment, one: timedelta, other: timedelta
) -> None:
    sooner, later = (
        adjustment.effective_magnitude_at(adjustment.created_at + span)
        for span in sorted((one, other))
    )
    assert abs(sooner) >= abs(later)


@given(_ADJUSTMENTS, st.timedeltas(timedelta(0), timedelta(days=900)))
def test_from_expiry_on_nothing_is_left(adjustment: RoutingAdjustment, after: timedelta) -> None:
    if adjustment.expires_at is None:
        moment = adjustment.created_at + after
        assert adjustment.effective_magnitude_at(moment) == adjustment.magnitude
    else:
        assert adjustment.expires_at - adjustment.created_at == timedelta(
            days=adjustment.decay_days
        )
        assert adjustment.effective_magnitude_at(adjustment.expires_at + after) == 0.0


@given(_ADJUSTMENTS, _SPANS, st.lists(_KPIS, max_size=5))
def test_what_was_rolled_back_never_revives(
    adjustment: RoutingAdjustment, span: timedelta, kpis: list[float]
) -> None:
    adjustment.kpi_baseline = 1.0
    adjustment.rollback("because")
    assert not any(adjustment.check_kpi_regression(kpi) for kpi in kpis)
    assert (adjustment.is_active, adjustment.was_rolled_back) == (False, True)
    assert adjustment.effective_magnitude_at(adjustment.created_at + span) == 0.0


@given(st.lists(_KPIS, min_size=1, max_size=10), _KPIS, _LIMITS)
def test_a_series_of_kpis_rolls_back_at_most_once(
    kpis: list[float], baseline: float, threshold: float
) -> None:
    adjustment = an_adjustment(kpi_baseline=baseline, rollback_threshold=threshold)
    verdicts = [adjustment.check_kpi_regression(kpi) for kpi in kpis]
    assert sum(verdicts) == adjustment.was_rolled_back
    assert adjustment.kpi_current == kpis[-1]


@given(_KPIS, st.floats(0, 1e6), _LIMITS)
def test_a_kpi_that_did_not_fall_is_no_regression(
    baseline: float, rise: float, threshold: float
) -> None:
    adjustment = an_adjustment(kpi_baseline=baseline, rollback_threshold=threshold)
    assert adjustment.check_kpi_regression(baseline + rise) is False
