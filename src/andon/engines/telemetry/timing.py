"""When a usage record is in time, when it is a backfill, and when it is refused."""

from __future__ import annotations

from typing import NamedTuple

DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000
SECOND_US = 1_000_000


class Timing(NamedTuple):
    """Whether a record's time is accepted, and whether it is a backfill."""

    refusal: str | None
    message: str
    is_backfill: bool


_IN_TIME = Timing(None, "", False)
_BACKFILL = Timing(None, "", True)


def judge_time(
    occurred_us: int,
    now_us: int,
    *,
    horizon_days: int,
    tolerance_seconds: int,
    has_import: bool,
    may_backfill: bool,
) -> Timing:
    """Decide by the store's clock whether a record is in time, a backfill, or refused."""
    if occurred_us > now_us + tolerance_seconds * SECOND_US:
        return Timing(
            "occurred_at_in_future",
            f"occurred_at is more than {tolerance_seconds} seconds ahead of the server's clock; "
            "correct the reporter's clock",
            False,
        )
    if occurred_us >= now_us - horizon_days * DAY_US:
        return _IN_TIME
    if not may_backfill:
        return Timing(
            "backfill_not_allowed",
            f"occurred_at is more than {horizon_days} days ago; only an operator or admin key may "
            "import calls that old",
            True,
        )
    if not has_import:
        return Timing(
            "backfill_needs_import",
            f"occurred_at is more than {horizon_days} days ago; open an import "
            "(POST /api/v1/imports) and send the batch with ?import_id=",
            True,
        )
    return _BACKFILL
