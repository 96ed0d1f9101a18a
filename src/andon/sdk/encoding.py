"""What a usage record looks like as JSON text: numbers exact, times with their zone."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from uuid import UUID

_PLAIN = frozenset({str, int, bool, type(None)})
"""What needs no care, by its exact type: an enum is an int or a str too."""


def to_json(value: object, path: str = "record") -> str:
    """Write a value as JSON; a Decimal becomes an exact number and never passes a float.

    Raises ValueError or TypeError, which name the place and never the value.
    """
    if type(value) in _PLAIN:
        return json.dumps(value)
    if isinstance(value, Mapping):
        return "{" + ",".join(_member(key, item, path) for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        items = (to_json(item, f"{path}[{place}]") for place, item in enumerate(value))
        return "[" + ",".join(items) + "]"
    return _scalar(value, path)


def _member(key: object, item: object, path: str) -> str:
    if not isinstance(key, str):
        raise TypeError(f"{path} has a key that is no text; JSON takes text keys only")
    return f"{json.dumps(key)}:{to_json(item, f'{path}.{key}')}"


def _scalar(value: object, path: str) -> str:
    if isinstance(value, Enum):
        return to_json(value.value, path)
    if isinstance(value, Decimal):
        return _number(value, path)
    if isinstance(value, float):
        return _number(Decimal(repr(value)), path)
    if isinstance(value, datetime):
        return _moment(value, path)
    if isinstance(value, date | UUID):
        return json.dumps(str(value))
    if value is None or isinstance(value, str | int):
        return json.dumps(value)
    raise TypeError(f"{path} is a {type(value).__name__}, which JSON cannot hold")


def _number(value: Decimal, path: str) -> str:
    if not value.is_finite() or math.fabs(value.adjusted()) > 400:
        raise ValueError(f"{path} must be a finite number")
    return format(value, "f")


def _moment(value: datetime, path: str) -> str:
    if value.tzinfo is None:
        raise ValueError(f"{path} needs a time zone; use datetime.now(UTC), for one")
    return json.dumps(value.isoformat())
