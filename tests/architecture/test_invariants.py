"""Each invariant names tests that exist and a break that those tests must notice."""

from __future__ import annotations

import pytest

from scripts import mutations
from scripts.tree import ROOT
from tests.architecture.invariants_page import COUNT, faults

PAGE = ROOT / "docs" / "invariants.md"
HERE = "tests/architecture/test_invariants.py"
BREAKS = [mutations.Mutation(f"break-{n}", n, "x", "x", "y", ()) for n in range(1, COUNT + 1)]
ROWS = [
    f"| {n} | what holds | `{HERE}::test_a_complete_page_passes` | `break-{n}` |"
    for n in range(1, COUNT + 1)
]


def test_this_page_is_complete_and_current() -> None:
    if not PAGE.exists():
        pytest.skip("docs/invariants.md is not written yet")
    assert list(faults(PAGE.read_text(encoding="utf-8"), mutations.read(ROOT), ROOT)) == []


def test_a_complete_page_passes() -> None:
    assert list(faults("\n".join(ROWS), BREAKS, ROOT)) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (ROWS[4], "", "5: no row"),
        ("break-3`", "break-4`", "3: there is no break break-4 of it"),
        ("`break-7`", "none", "7: names no break"),
        (ROWS[0], "| 1 | what holds | by eye | `break-1` |", "1: names no test"),
        ("test_a_complete", "test_gone", "1: there is no test_gone_page_passes"),
    ],
)
def test_planted_fault_is_found(old: str, new: str, fault: str) -> None:
    page = "\n".join(ROWS).replace(old, new, 1)
    found = list(faults(page, BREAKS, ROOT))
    assert any(one.startswith(fault) for one in found), found


def test_a_break_that_no_row_names_is_found() -> None:
    extra = mutations.Mutation("unnamed", 2, "x", "x", "y", ())
    assert list(faults("\n".join(ROWS), [*BREAKS, extra], ROOT)) == ["unnamed: not on the page"]
