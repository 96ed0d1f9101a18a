"""Rows of a CSV file (RFC 4180) by column name; a stray quote costs its own line only."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Callable, Iterator

from andon.cli.failures import Failure
from andon.cli.ingest.entries import NOT_UTF8, TOO_LONG, Bad
from andon.cli.ingest.source import LONGEST_LINE, Line, Source

Row = tuple[int, dict[str, str]]


def read_rows(source: Source, check_header: Callable[[list[str]], None]) -> Iterator[Row | Bad]:
    """Read rows with the number of their first line; blank lines are none.

    A cell in quotes may go over several lines, as long as the row is not longer than 1 MiB.
    """
    csv.field_size_limit(LONGEST_LINE)
    lines = _Lines(source)
    columns = _header(lines)
    check_header(columns)
    while (first := lines.take()) is not None:
        if first.raw is not None and not first.raw.strip():
            continue
        row = _read_row(first, lines, len(columns))
        if isinstance(row, Bad):
            yield row
        else:
            yield first.number, dict(zip(columns, row, strict=True))


def _header(lines: _Lines) -> list[str]:
    first = lines.take()
    if first is None or not first.raw or (cells := _parse(first.raw)) is None:
        raise Failure("the file does not begin with the names of its columns", "no_header")
    columns = [name.strip() for name in cells]
    if len(dict.fromkeys(columns)) != len(columns):
        raise Failure("two columns of the file have the same name", "bad_header")
    return columns


def _read_row(first: Line, lines: _Lines, width: int) -> list[str] | Bad:
    """Read the row that begins here; where none does, all lines but the first are given back."""
    if first.raw is None:
        return Bad(first.number, "line_too_long", TOO_LONG)
    cells = _parse(first.raw)
    if cells is None and first.raw.count(b'"') % 2:
        cells = _read_joined(first.raw, lines, width)
    if cells is not None and len(cells) == width:
        return cells
    if not _is_utf8(first.raw):
        return Bad(first.number, "invalid_utf8", NOT_UTF8)
    return Bad(first.number, "malformed_row", f"the line is not a row of {width} cells")


def _read_joined(raw: bytes, lines: _Lines, width: int) -> list[str] | None:
    """Join the lines that follow until every quote is closed, and read them as one row."""
    taken: list[Line] = []
    parts, size, is_open = [raw], len(raw), True
    while is_open and size <= LONGEST_LINE and (line := lines.take()) is not None:
        taken.append(line)
        if line.raw is None:
            break
        parts.append(line.raw)
        size += len(line.raw)
        is_open = line.raw.count(b'"') % 2 == 0
    cells = None if is_open else _parse(b"\n".join(parts))
    if cells is None or len(cells) != width:
        lines.give_back(taken)
        return None
    return cells


def _parse(raw: bytes) -> list[str] | None:
    """Read bytes as exactly one row, or None."""
    try:
        first, *others = raw.decode("utf-8").split("\n")
        # A reader of its own for each row: what is wrong in one never reaches into the next.
        rows = list(csv.reader([first, *(f"\n{line}" for line in others)], strict=True))
    except (UnicodeDecodeError, csv.Error):
        return None
    return rows[0] if len(rows) == 1 else None


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


class _Lines:
    """Lines that can be given back."""

    def __init__(self, source: Source) -> None:
        self._fresh = source.lines()
        self._again: deque[Line] = deque()

    def take(self) -> Line | None:
        return self._again.popleft() if self._again else next(self._fresh, None)

    def give_back(self, lines: list[Line]) -> None:
        self._again.extendleft(reversed(lines))
