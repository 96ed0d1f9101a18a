"""Decisions about usage records: when one is in time, what makes two the same, what they sum to."""

from __future__ import annotations

from andon.engines.telemetry.identity import content_base, contents_of, is_conflict, keys_of
from andon.engines.telemetry.recount import add_rollups, change_between, recount
from andon.engines.telemetry.rollups import (
    OTHER,
    RECENT_SECONDS,
    Columns,
    Place,
    Rollups,
    Sums,
    count_in_rate,
    have_failed,
    roll_up,
)
from andon.engines.telemetry.timing import DAY_US, HOUR_US, SECOND_US, Timing, judge_time

__all__ = [
    "DAY_US",
    "HOUR_US",
    "OTHER",
    "RECENT_SECONDS",
    "SECOND_US",
    "Columns",
    "Place",
    "Rollups",
    "Sums",
    "Timing",
    "add_rollups",
    "change_between",
    "content_base",
    "contents_of",
    "count_in_rate",
    "have_failed",
    "is_conflict",
    "judge_time",
    "keys_of",
    "recount",
    "roll_up",
]
