"""Money is printed exactly, bars by their share, and text from elsewhere without effect."""

from __future__ import annotations

import io
import sys
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.cli.failures import one_line
from andon.cli.output import bar, print_table, usd


@given(st.integers(-(10**18), 10**18))
def test_dollars_are_the_nano_dollars_exactly(nanousd: int) -> None:
    text = usd(nanousd)
    assert Decimal(text.replace("$", "").replace(",", "")) * 10**9 == nanousd
    assert len(text.partition(".")[2]) >= 2


@pytest.mark.parametrize(
    ("nanousd", "text"),
    [(None, "unknown"), (0, "$0.00"), (1, "$0.000000001"), (1_234_500_000_000, "$1,234.50")],
)
def test_dollars_are_written_for_people(nanousd: int | None, text: str) -> None:
    assert usd(nanousd) == text


def printing(monkeypatch: pytest.MonkeyPatch, encoding: str) -> io.BytesIO:
    """Put a stream of this encoding in the place of standard output."""
    printed = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, encoding, write_through=True))
    return printed


def test_bar_is_as_long_as_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    printing(monkeypatch, "utf-8")
    assert bar(100, 100, width=4) == "████"
    assert bar(50, 100, width=4) == "██"
    assert bar(1, 10**9, width=4) == "▏"
    assert bar(0, 100, width=4) == ""


def test_bar_is_ascii_where_blocks_cannot_be_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    printing(monkeypatch, "ascii")
    assert bar(50, 100, width=4) == "##"
    assert bar(1, 10**9, width=4) == "#"


def test_table_is_ascii_where_lines_cannot_be_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    printed = printing(monkeypatch, "ascii")
    print_table(("name", "calls"), [("a", 1234)], numbers=("calls",))
    assert b"1,234" in printed.getvalue()


def test_control_characters_lose_their_effect() -> None:
    assert (
        one_line("a\x1b]0;title\x07\nb")
        == "a\N{REPLACEMENT CHARACTER}]0;title\N{REPLACEMENT CHARACTER} b"
    )
