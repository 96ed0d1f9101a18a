"""Exported usage records as text: JSON Lines, or CSV that a spreadsheet may open."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import starmap
from typing import Any, Protocol

import msgspec

from andon.models.money import NANOUSD_PER_CENT
from andon.schemas.usage_file import CENTS, EXPORTED, MADE_TEXTS, OBJECTS, TEXTS, guarded

Columns = Mapping[str, Sequence[Any]]

_GUARDED = frozenset({*TEXTS, *MADE_TEXTS}) - {"id", "occurred_at"}


_Line: Any = msgspec.defstruct("_Line", EXPORTED)


class Writer(Protocol):
    """A format of text."""

    media_type: str

    def head(self) -> bytes:
        """Write what stands before all records."""
        ...

    def write(self, columns: Columns) -> bytes:
        """Write records, all columns of the same length."""
        ...


class JsonLines:
    """One object a line, objects as they are, money as exact numbers."""

    media_type = "application/x-ndjson"

    def __init__(self) -> None:
        self._encode = msgspec.json.Encoder().encode_lines

    def head(self) -> bytes:
        """Write nothing: each line names its fields."""
        return b""

    def write(self, columns: Columns) -> bytes:
        """Write a line a record."""
        made = {**columns, CENTS: _each(_raw, cents_of(columns))}
        for name in OBJECTS:
            made[name] = _each(_raw if name == "request" else _raw_object, columns[name])
        return self._encode(list(starmap(_Line, _rows(made))))


def _raw(text: str | None) -> msgspec.Raw | None:
    return None if text is None else msgspec.Raw(text)


def _raw_object(text: str | None) -> msgspec.Raw:
    return msgspec.Raw("{}" if text is None else text)


def _each(make: Callable[[Any], Any], values: Sequence[Any]) -> list[Any]:
    """Make something of each value; of equal ones, of which a column has many, only once."""
    made = {value: make(value) for value in set(values)}
    return list(map(made.__getitem__, values))


class Csv:
    """RFC 4180 with a header; nothing is an empty cell, objects are JSON text."""

    media_type = "text/csv; charset=utf-8"

    def head(self) -> bytes:
        """Write the names of the columns."""
        return _as_csv([EXPORTED])

    def write(self, columns: Columns) -> bytes:
        """Write a row a record."""
        made = {name: _cells(name, values) for name, values in columns.items()}
        made[CENTS] = cents_of(columns)
        return _as_csv(_rows(made))


def _cells(name: str, values: Sequence[Any]) -> Sequence[Any]:
    if name in _GUARDED:
        return _each(_guarded, values)
    if name == "voided":
        return ["true" if value else "false" for value in values]
    return values


def _guarded(text: str | None) -> str | None:
    return None if text is None else guarded(text)


def _rows(columns: Columns) -> Iterable[tuple[Any, ...]]:
    return zip(*(columns[name] for name in EXPORTED), strict=True)


def _as_csv(rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    # With another line end the writer leaves a carriage return in a text without its quotes.
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def cents_of(columns: Columns) -> list[str | None]:
    """Write the cost of each record in cents, exactly; None where it is unknown."""
    return _each(_cents, columns["cost_nanousd"])


def _cents(nanousd: int | None) -> str | None:
    if nanousd is None:
        return None
    whole, rest = divmod(nanousd, NANOUSD_PER_CENT)
    return f"{whole}.{rest:07d}".rstrip("0").rstrip(".") if rest else str(whole)
