"""Times of a data source: aware and in UTC, or refused."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Read the clock, in UTC."""
    return datetime.now(UTC)


def as_utc(moment: datetime, name: str) -> datetime:
    """Give the same instant in UTC; a time without a zone raises `ValueError`."""
    if not isinstance(moment, datetime) or moment.utcoffset() is None:
        raise ValueError(f"{name} must be a time with a time zone; use UTC")
    return moment.astimezone(UTC)
