"""Bridge 4: how an active policy shifts the routing of an agent, for a while and a little."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any, Literal, get_args

from andon.schemas.loop import checks, mechanics
from andon.schemas.loop.serialization import record_to_dict

AdjustmentType = Literal["confidence_penalty", "route_block", "escalation_add", "weight_shift"]


@dataclass(kw_only=True)
class RoutingAdjustment:
    """Shift an agent's routing by at most `max_delta`, fading to nothing at `expires_at`.

    The KPI is one of which more is better. Without `expires_at` the shift stays until it is
    rolled back.
    """

    adjustment_id: str
    agent_id: str
    capability: str | None = None
    adjustment_type: AdjustmentType
    magnitude: float
    reason: str
    source_policy_id: str
    max_delta: float = mechanics.MAX_DELTA
    decay_days: int = mechanics.DECAY_DAYS
    rollback_threshold: float = mechanics.ROLLBACK_THRESHOLD
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    expires_at: datetime | None = None
    is_active: bool = True
    was_rolled_back: bool = False
    rollback_reason: str | None = None
    kpi_baseline: float | None = None
    kpi_current: float | None = None

    def __post_init__(self) -> None:
        for name in ("adjustment_id", "agent_id", "reason", "source_policy_id"):
            checks.text(name, getattr(self, name))
        checks.optional_text("capability", self.capability)
        checks.optional_text("rollback_reason", self.rollback_reason)
        checks.choice("adjustment_type", self.adjustment_type, get_args(AdjustmentType))
        self.max_delta = checks.not_negative("max_delta", self.max_delta)
        self.magnitude = _clamp(checks.finite("magnitude", self.magnitude), self.max_delta)
        self.rollback_threshold = checks.not_negative("rollback_threshold", self.rollback_threshold)
        checks.count("decay_days", self.decay_days)
        checks.flag("is_active", self.is_active)
        checks.flag("was_rolled_back", self.was_rolled_back)
        self.kpi_baseline = checks.optional_finite("kpi_baseline", self.kpi_baseline)
        self.kpi_current = checks.optional_finite("kpi_current", self.kpi_current)
        self._check_times()

    def _check_times(self) -> None:
        self.created_at = checks.moment("created_at", self.created_at)
        self.expires_at = checks.optional_moment("expires_at", self.expires_at)
        if self.expires_at is not None and self.expires_at <= self.created_at:
            raise ValueError("expires_at: pass a time after created_at, or None for no expiry")

    @classmethod
    def create(
        cls,
        agent_id: str,
        adjustment_type: AdjustmentType,
        magnitude: float,
        reason: str,
        source_policy_id: str,
        capability: str | None = None,
        max_delta: float = mechanics.MAX_DELTA,
        decay_days: int = mechanics.DECAY_DAYS,
        rollback_threshold: float = mechanics.ROLLBACK_THRESHOLD,
        kpi_baseline: float | None = None,
        *,
        now: datetime | None = None,
        adjustment_id: str | None = None,
    ) -> RoutingAdjustment:
        """Adjust from now on, clamped to +-`max_delta`; `decay_days` 0 means no expiry."""
        created_at = checks.clock(now)
        return cls(
            adjustment_id=checks.mint("adj_") if adjustment_id is None else adjustment_id,
            agent_id=agent_id,
            capability=capability,
            adjustment_type=adjustment_type,
            magnitude=magnitude,
            reason=reason,
            source_policy_id=source_policy_id,
            max_delta=max_delta,
            decay_days=decay_days,
            rollback_threshold=rollback_threshold,
            created_at=created_at,
            expires_at=_expiry(created_at, decay_days),
            kpi_baseline=kpi_baseline,
        )

    def check_kpi_regression(self, current: float) -> bool:
        """Record the KPI; roll back, and say True, when it fell beyond the threshold.

        The drop is relative to the baseline and must be more than `rollback_threshold`. Without
        a baseline, with one of 0, or once inactive nothing is rolled back. NaN and infinity are
        a ValueError.
        """
        measured = checks.finite("current", current)
        baseline = checks.optional_finite("kpi_baseline", self.kpi_baseline)
        self.kpi_current = measured
        if not self._in_force or not baseline:
            return False
        if not _fell_beyond(baseline, measured, self.rollback_threshold):
            return False
        limit = f"{self.rollback_threshold:.0%}"
        self.rollback(f"the KPI fell from {baseline:g} to {measured:g}, by more than {limit}")
        return True

    def rollback(self, reason: str) -> None:
        """End the adjustment for a reason; ValueError when it has ended before."""
        checks.text("reason", reason)
        if not self._in_force:
            raise ValueError("this adjustment has already ended; there is nothing to roll back")
        self.is_active = False
        self.was_rolled_back = True
        self.rollback_reason = reason

    @property
    def effective_magnitude(self) -> float:
        """Give the shift that holds now."""
        return self.effective_magnitude_at(datetime.now(UTC))

    def effective_magnitude_at(self, now: datetime) -> float:
        """Give the shift at a time: it fades linearly to 0 at expiry; 0 once inactive."""
        at = checks.moment("now", now)
        if not self._in_force:
            return 0.0
        full = _clamp(self.magnitude, self.max_delta)
        if self.expires_at is None or at <= self.created_at:
            return full
        if at >= self.expires_at:
            return 0.0
        return full * ((self.expires_at - at) / (self.expires_at - self.created_at))

    def to_dict(self, *, now: datetime | None = None) -> dict[str, Any]:
        """Give the fields, and `effective_magnitude` at `now`, as JSON can hold them."""
        shift = self.effective_magnitude_at(checks.clock(now))
        return record_to_dict(self, effective_magnitude=shift)

    @property
    def _in_force(self) -> bool:
        return self.is_active and not self.was_rolled_back


def _clamp(magnitude: float, limit: float) -> float:
    return max(-limit, min(limit, magnitude))


def _expiry(created_at: datetime, decay_days: int) -> datetime | None:
    days = checks.count("decay_days", decay_days)
    if days == 0:
        return None
    try:
        return created_at + timedelta(days=days)
    except OverflowError:
        raise ValueError("decay_days: pass fewer days, or 0 for no expiry") from None


def _fell_beyond(baseline: float, current: float, threshold: float) -> bool:
    """Compare as the decimals that were written: 0.72 is not more than 10% below 0.8."""
    before, after, limit = (Fraction(repr(each)) for each in (baseline, current, threshold))
    return before - after > limit * abs(before)
