"""The one form in which a time is read: RFC 3339 with an offset."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from andon.schemas.cus.errors import refusal

_FORM = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.(\d{1,9}))?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RULE = "give a time with its offset, such as 2026-01-31T12:00:00.123Z"


def read_moment(value: object) -> datetime | None:
    """Read an aware time as UTC; beyond microseconds it is cut, not rounded."""
    if value is None:
        return None
    moment = _parse(value) if isinstance(value, str) else value
    if not isinstance(moment, datetime):
        raise refusal("time_type", _RULE)
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise refusal("timezone_missing", _RULE)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise refusal("time_out_of_range", "give a time within the years 1 to 9999 UTC") from None


def _parse(text: str) -> datetime:
    match = _FORM.fullmatch(text) if len(text) <= 40 else None
    if match is None:
        naive = len(text) <= 40 and _FORM.fullmatch(text + "Z") is not None
        raise refusal("timezone_missing" if naive else "time_form", _RULE)
    fraction = match.group(1)
    if fraction and len(fraction) > 6:
        start, end = match.span(1)
        text = text[: start + 6] + text[end:]
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError:
        raise refusal("time_out_of_range", f"this time does not exist; {_RULE}") from None


def micros_of(moment: datetime) -> int:
    """Count the microseconds since 1970 UTC."""
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
