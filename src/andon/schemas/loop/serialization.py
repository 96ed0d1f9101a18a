"""What JSON can hold: the guard that every record of the loop passes on its way out."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import Field, fields
from datetime import datetime
from enum import Enum
from typing import Any, ClassVar, Protocol

MAX_DEPTH = 100
_MAX_BITS = 4096
_SHOWN_KEY_LENGTH = 64


class Record(Protocol):
    """Stand for any dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


def ensure_json_serializable(obj: Any, path: str = "root") -> Any:
    """Return a copy that JSON can hold, or raise a TypeError that names the path.

    A datetime becomes ISO 8601, an Enum its value, an object with `to_dict` its checked dict,
    a tuple a list. Refused are NaN and infinity, cycles, keys that are not strings, lone
    surrogates, more than 100 levels, whole numbers beyond 4096 bits, and every other type
    (sets, bytes, decimals, dates).
    """
    return _checked(obj, path, ())


def record_to_dict(record: Record, **derived: object) -> dict[str, Any]:
    """Give a dataclass's fields by name, then what is derived from them, as JSON can hold it."""
    values = {each.name: getattr(record, each.name) for each in fields(record)} | derived
    return {name: ensure_json_serializable(value, name) for name, value in values.items()}


def _checked(obj: Any, path: str, around: tuple[int, ...]) -> Any:
    if isinstance(obj, Enum):
        return _checked(obj.value, path, around)
    if obj is None or isinstance(obj, bool):
        return obj
    if isinstance(obj, int):
        return _whole(obj, path)
    if isinstance(obj, float):
        return _number(obj, path)
    if isinstance(obj, str):
        return _text(obj, path)
    if isinstance(obj, datetime):
        return obj.isoformat()
    return _container(obj, path, around)


def _whole(value: int, path: str) -> int:
    if value.bit_length() > _MAX_BITS:
        raise TypeError(f"{path}: more than {_MAX_BITS} bits; pass the number as a string")
    return value


def _number(value: float, path: str) -> float:
    if not math.isfinite(value):
        raise TypeError(f"{path}: JSON has no NaN and no infinity; pass a finite number or None")
    return value


def _text(value: str, path: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise TypeError(f"{path}: lone surrogates are no text; clean the string first") from None
    return str.__str__(value)


def _container(obj: Any, path: str, around: tuple[int, ...]) -> Any:
    if id(obj) in around:
        raise TypeError(f"{path}: holds itself; break the cycle")
    if len(around) >= MAX_DEPTH:
        raise TypeError(f"{path[:_SHOWN_KEY_LENGTH]}...: deeper than {MAX_DEPTH}; flatten it")
    inside = (*around, id(obj))
    if isinstance(obj, dict):
        return _mapping(obj, path, inside)
    if isinstance(obj, (list, tuple)):
        return _sequence(obj, path, inside)
    if hasattr(obj, "to_dict") and not isinstance(obj, type):
        return _converted(obj, path, inside)
    raise TypeError(f"{path}: JSON cannot hold a {type(obj).__name__}; convert it first")


def _sequence(items: Iterable[Any], path: str, around: tuple[int, ...]) -> list[Any]:
    return [_checked(item, f"{path}[{index}]", around) for index, item in enumerate(items)]


def _mapping(items: dict[Any, Any], path: str, around: tuple[int, ...]) -> dict[str, Any]:
    checked: dict[str, Any] = {}
    for key, value in items.items():
        if not isinstance(key, str):
            raise TypeError(f"{path}: has a key of type {type(key).__name__}; use string keys")
        name = _text(key.value if isinstance(key, Enum) else key, f"{path} (a key)")
        checked[name] = _checked(value, f"{path}.{name[:_SHOWN_KEY_LENGTH]}", around)
    return checked


def _converted(obj: Any, path: str, around: tuple[int, ...]) -> dict[str, Any]:
    try:
        converted = obj.to_dict()
    except TypeError as error:
        raise TypeError(f"{path}: its to_dict failed: {error}") from error
    if not isinstance(converted, dict):
        raise TypeError(f"{path}: its to_dict gave a {type(converted).__name__}; give a dict")
    return _mapping(converted, path, around)
