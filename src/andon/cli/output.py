"""What commands print: tables for people, JSON for programs, money exactly."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from andon.cli.failures import one_line

NANO = 10**9
_WIDE = 400
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def print_json(value: object) -> None:
    """Print a value as JSON on standard output."""
    click.echo(json.dumps(value, ensure_ascii=not _shows("é"), indent=2))


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, numbers: Sequence[str] = ()
) -> None:
    """Print rows under their columns; the columns named in `numbers` stand to the right."""
    table = Table(box=SIMPLE, pad_edge=False, show_edge=False)
    for column in columns:
        justify: Any = "right" if column in numbers else "left"
        table.add_column(column, justify=justify, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    _console().print(table)


def print_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Print names with their values, one a line."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(Text(name), Text(_cell(value)))
    _console().print(table)


def _console() -> Console:
    # Without a terminal nothing is cut or folded, so that lines can be searched.
    width = None if sys.stdout.isatty() else _WIDE
    return Console(file=sys.stdout, width=width, highlight=False, emoji=False, markup=False)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return one_line(str(value))


def usd(nanousd: int | None) -> str:
    """Write nano-dollars as dollars, exactly: at least cents, no digit lost or made up."""
    if nanousd is None:
        return "unknown"
    whole, rest = divmod(abs(nanousd), NANO)
    decimals = f"{rest:09d}".rstrip("0").ljust(2, "0")
    return f"{'-' if nanousd < 0 else ''}${whole:,}.{decimals}"


def bar(value: int, largest: int, width: int = 24) -> str:
    """Draw a bar as long as its share of the largest; any amount at all can be seen."""
    if value <= 0 or largest <= 0:
        return ""
    eighths = max(1, value * width * 8 // largest)
    if not _shows(_EIGHTHS):
        return "#" * max(1, eighths // 8)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def _shows(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
