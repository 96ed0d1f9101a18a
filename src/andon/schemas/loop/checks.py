"""Checks of the loop's fields: each gives the value back, or says what to pass instead."""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import Enum
from typing import TypeVar

AnEnum = TypeVar("AnEnum", bound=Enum)

_ID_BYTES = 8


def refusal(name: str, wanted: str) -> ValueError:
    """Make the error of a field that is not what is wanted; its value is never repeated."""
    return ValueError(f"{name}: pass {wanted}")


def mint(prefix: str) -> str:
    """Make an id of the prefix and 16 random hex digits."""
    return prefix + secrets.token_hex(_ID_BYTES)


def clock(now: datetime | None) -> datetime:
    """Give the time in UTC: the one passed, else the machine's."""
    return datetime.now(UTC) if now is None else moment("now", now)


def moment(name: str, value: datetime) -> datetime:
    """Give the time in UTC; a time without a zone is refused, because its zone is a guess."""
    if not isinstance(value, datetime):
        raise refusal(name, "a datetime with a time zone")
    if value.utcoffset() is None:
        raise refusal(name, "an aware time, such as datetime.now(timezone.utc)")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise refusal(name, "a time whose year in UTC is 1 to 9999") from None


def optional_moment(name: str, value: datetime | None) -> datetime | None:
    """Give the time in UTC, or None."""
    return None if value is None else moment(name, value)


def text(name: str, value: str) -> str:
    """Give a text that is more than spaces."""
    if not any_text(name, value).strip():
        raise refusal(name, "a text that is not empty")
    return value


def any_text(name: str, value: str) -> str:
    """Give a text, the empty one included."""
    if not isinstance(value, str):
        raise refusal(name, "a text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise refusal(name, "a text without lone surrogates") from None
    return value


def optional_text(name: str, value: str | None) -> str | None:
    """Give a text that is more than spaces, or None."""
    return None if value is None else text(name, value)


def texts(name: str, values: Iterable[str]) -> list[str]:
    """Give a new list of texts, each there once and more than spaces."""
    if isinstance(values, str):
        raise refusal(name, "a list of texts, not one text")
    listed = [text(name, value) for value in values]
    if len(set(listed)) != len(listed):
        raise refusal(name, "each text once")
    return listed


def choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Refuse a value that is none of the choices."""
    if value not in choices:
        raise refusal(name, f"one of {', '.join(choices)}")


def member(name: str, kind: type[AnEnum], value: object) -> AnEnum:
    """Give the enum's member; its value is taken too, so that a stored row can be read back."""
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(str(each.value) for each in kind)
        raise refusal(name, f"one of {known}") from None


def flag(name: str, value: bool) -> bool:
    """Give True or False; what merely counts as true is refused."""
    if not isinstance(value, bool):
        raise refusal(name, "True or False")
    return value


def count(name: str, value: int, *, least: int = 0) -> int:
    """Give a whole number that is at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise refusal(name, f"a whole number of at least {least}")
    return value


def finite(name: str, value: float) -> float:
    """Give a number that is neither NaN nor infinite."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise refusal(name, "a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise refusal(name, "a finite number")
    return number


def optional_finite(name: str, value: float | None) -> float | None:
    """Give a number that is neither NaN nor infinite, or None."""
    return None if value is None else finite(name, value)


def not_negative(name: str, value: float) -> float:
    """Give a finite number that is at least 0."""
    number = finite(name, value)
    if number < 0:
        raise refusal(name, "a number of at least 0")
    return number


def fraction(name: str, value: float) -> float:
    """Give a number of 0..1."""
    number = finite(name, value)
    if not 0 <= number <= 1:
        raise refusal(name, "a number between 0 and 1")
    return number
