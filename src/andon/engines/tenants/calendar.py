"""Which day and month it is for a tenant, through changes of its time zone."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

Zones = tuple[tuple[str, int], ...]
"""Time zones in order: (IANA name, microseconds from which it holds); the first holds from 0."""

_QUARTER_US = 900_000_000
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


def is_zone(name: str) -> bool:
    """Tell whether this is an IANA time zone that this machine knows."""
    return name in _known_zones()


@lru_cache(1)
def _known_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def day_number(day: date) -> int:
    """Count days since 1970-01-01."""
    return day.toordinal() - _EPOCH_ORDINAL


def day_of_number(number: int) -> date:
    """Name the day that is this many days after 1970-01-01."""
    return date.fromordinal(number + _EPOCH_ORDINAL)


def local_day(zones: Zones, at_us: int) -> int:
    """Number the tenant's day that this instant falls into.

    Every offset in use is a multiple of a quarter of an hour in the years that calls happen in,
    so the answer is kept per quarter. A day before the month in which a zone began to hold counts
    as the first of that month: months stay whole when a tenant moves.
    """
    return _local_day(zones, at_us // _QUARTER_US)


@lru_cache(65_536)
def _local_day(zones: Zones, quarter: int) -> int:
    at_us = quarter * _QUARTER_US
    name, since_us, before = _zone_at(zones, at_us)
    day = day_number(_local(at_us, name).date())
    if before is None:
        return day
    first = day_number(_local(since_us, before).date())
    return max(day, first)


def _zone_at(zones: Zones, at_us: int) -> tuple[str, int, str | None]:
    found, since_us, before = zones[0][0], zones[0][1], None
    for name, from_us in zones[1:]:
        if at_us >= from_us:
            found, since_us, before = name, from_us, found
    return found, since_us, before


def _local(at_us: int, name: str) -> datetime:
    utc = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us)
    try:
        return utc.astimezone(ZoneInfo(name))
    except OverflowError:
        return utc


def zone_now(zones: Zones, at_us: int) -> str:
    """Name the time zone that holds at this instant."""
    return _zone_at(zones, at_us)[0]


def month_of(day: int) -> tuple[int, int]:
    """Give the first and the last day (both included) of the month of a day."""
    first = day_of_number(day).replace(day=1)
    number = day_number(first)
    return number, number + monthrange(first.year, first.month)[1] - 1


def change_zone(zones: Zones, name: str, now_us: int) -> Zones:
    """Let another time zone hold from the next month on; a change not yet in force goes."""
    past = tuple(entry for entry in zones if entry[1] <= now_us)
    if past[-1][0] == name:
        return past
    _, last = month_of(local_day(past, now_us))
    following = day_of_number(last + 1)
    starts = datetime(following.year, following.month, 1, tzinfo=ZoneInfo(past[-1][0]))
    since = starts.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (*past, (name, since // timedelta(microseconds=1)))
