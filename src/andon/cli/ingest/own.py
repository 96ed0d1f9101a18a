"""Andon's own format: usage records as JSON Lines, or as CSV with their fields as columns."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from andon.cli.failures import Failure
from andon.cli.ingest.entries import NOT_UTF8, TOO_LONG, Bad, Defaults, Entry, Skipped
from andon.cli.ingest.source import Line, Source
from andon.cli.ingest.table import read_rows
from andon.schemas.usage_file import CENTS, COUNTS, MADE, OBJECTS, REPORTED, TEXTS, unguarded
from andon.sdk.encoding import to_json

NEEDED = ("call_id", "tokens_in", "tokens_out")
DEFAULTED = ("integration_id", "model", "provider")

_NUMBER = re.compile(r"-?(0|[1-9]\d{0,29})(\.\d{1,30})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class JsonRecords:
    """JSON Lines: each line is sent as it stands, so that no number is changed on its way.

    A line of an export is sent without what only the server says.
    """

    defaults: Defaults

    def read(self, source: Source) -> Iterator[Entry | Bad | Skipped]:
        """Read a file from its beginning; blank lines are none."""
        for line in source.lines():
            if line.raw is None:
                yield Bad(line.number, "line_too_long", TOO_LONG)
            elif line.raw.strip():
                yield self._read(line, line.raw)

    def _read(self, line: Line, raw: bytes) -> Entry | Bad | Skipped:
        try:
            text = raw.decode("utf-8").strip()
        except UnicodeDecodeError:
            return Bad(line.number, "invalid_utf8", NOT_UTF8)
        record = parse_object(text)
        if record is None:
            return Bad(line.number, "malformed_line", "the line is not a JSON object")
        given = {
            name: value for name, value in self.defaults.fields().items() if name not in record
        }
        is_export = record.keys() >= MADE
        found = {**given, **record}
        if is_export or self.defaults.mapped:
            return made_entry(line.number, found, self.defaults, is_export=is_export)
        return entry_of(line.number, _with(given, text), found)


def parse_object(text: str) -> dict[str, Any] | None:
    """Read text as one JSON object by RFC 8259, or None."""
    try:
        found = json.loads(text, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, RecursionError, ArithmeticError):
        return None
    return found if isinstance(found, dict) else None


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _with(given: dict[str, str], text: str) -> str:
    """Put fields in front of those of an object's text."""
    if not given:
        return text
    rest = text[1:].lstrip()
    return to_json(given)[:-1] + ("" if rest == "}" else ",") + rest


@dataclass(frozen=True, slots=True)
class CsvRecords:
    """CSV with fields as columns: an empty cell is an absent field, objects are JSON."""

    defaults: Defaults

    def read(self, source: Source) -> Iterator[Entry | Bad | Skipped]:
        """Read a file from its beginning."""
        for row in read_rows(source, lambda columns: check_columns(columns, self.defaults)):
            yield row if isinstance(row, Bad) else self._read(*row)

    def _read(self, number: int, cells: dict[str, str]) -> Entry | Bad | Skipped:
        is_export = cells.keys() >= MADE
        record: dict[str, Any] = {**self.defaults.fields()}
        for name, cell in cells.items():
            if cell == "":
                continue
            is_guarded = is_export and name in TEXTS
            value = read_cell(name, unguarded(cell) if is_guarded else cell)
            if value is None:
                return Bad(number, "malformed_cell", f"{name} is not a JSON object")
            record[name] = value
        return made_entry(number, record, self.defaults, is_export=is_export)


def check_columns(columns: list[str], defaults: Defaults, *, derived: bool = False) -> None:
    """Refuse columns that are no fields, and a file without those that each record has.

    `derived` says that a call_id is made of the rest where there is none.
    """
    known = REPORTED | MADE if set(columns) >= MADE else REPORTED
    strange = [place for place, name in enumerate(columns, 1) if name not in known]
    if strange:
        places = ", ".join(str(place) for place in strange[:10])
        raise Failure(f"no field of a usage record has the name of column {places}", "bad_header")
    given = {*columns, *defaults.fields()}
    needed = [name for name in (*NEEDED, *DEFAULTED) if not (derived and name == "call_id")]
    missing = [name for name in needed if name not in given]
    if missing:
        raise Failure(
            f"the file has no column {', '.join(missing)}; integration_id, model and provider "
            "can be given as --integration, --model and --provider",
            "bad_header",
        )


def read_cell(name: str, cell: str) -> object:
    """Read a cell as its field's kind; what is no number stays text for the server to refuse."""
    if name in OBJECTS:
        return parse_object(cell)
    if name in (*COUNTS, CENTS) and _NUMBER.fullmatch(cell.strip()):
        number = Decimal(cell.strip())
        return number if "." in cell else int(number)
    return cell


def made_entry(
    number: int, record: dict[str, Any], defaults: Defaults, *, is_export: bool
) -> Entry | Bad | Skipped:
    """Write a record that does not stand in its file as it is sent."""
    if is_export:
        if record.get("voided") not in (None, False, "false"):
            return Skipped(number)
        record = {
            name: value for name, value in record.items() if name not in MADE and value is not None
        }
    named = record.get("integration_id")
    if isinstance(named, str) and named in defaults.mapped:
        record = {**record, "integration_id": defaults.mapped[named]}
    try:
        return entry_of(number, to_json(record), record)
    except (ValueError, TypeError, RecursionError):
        return Bad(number, "malformed_cell", "the record holds what JSON cannot, NaN for one")


def entry_of(number: int, text: str, record: dict[str, Any]) -> Entry:
    """Keep of a record what is counted here; the server judges all of it."""
    return Entry(
        number,
        text,
        str(record.get("call_id", "")),
        str(record.get("integration_id", "")),
        _count(record.get("tokens_in")),
        _count(record.get("tokens_out")),
        _moment(record.get("occurred_at")),
    )


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _moment(value: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
        return found.astimezone(UTC) if found is not None and found.tzinfo else None
    except (ValueError, OverflowError):
        return None
