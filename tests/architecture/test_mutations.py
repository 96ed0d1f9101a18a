"""The table of breaks fits the code, and the tool that makes them tells good tests from bad."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from scripts import mutate, mutations
from scripts.tree import ROOT

ENTRY = """
[[mutation]]
id = "{id}"
invariant = 1
file = "src/andon/cap.py"
search = "{search}"
replace = "{replace}"
tests = ["tests/test_cap.py{test}"]
"""

CODE = '''
"""A cap."""


def admits(spent: int, limit: int) -> bool:
    """Admit while there is room."""
    return spent < limit
'''

TESTS = '''
"""Tests of a cap."""

from andon.cap import admits


def test_full() -> None:
    assert not admits(5, 5)


def test_nothing() -> None:
    assert admits(0, 5)
'''


def tree(root: Path, *entries: dict[str, str]) -> Path:
    for file, text in {
        "src/andon/__init__.py": "",
        "src/andon/cap.py": textwrap.dedent(CODE).lstrip(),
        "tests/test_cap.py": textwrap.dedent(TESTS).lstrip(),
        "tests/mutations.toml": "".join(ENTRY.format(**entry) for entry in entries),
        "pytest.ini": "[pytest]\n",
    }.items():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(text)
    return root


def entry(name: str, search: str = "spent < limit", **given: str) -> dict[str, str]:
    return {"id": name, "search": search, "replace": "spent <= limit", "test": "", **given}


def test_every_entry_fits_the_code_as_it_is() -> None:
    assert list(mutations.faults(mutations.read(ROOT), ROOT)) == []


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"search": "no such text"}, "occurs 0 times"),
        ({"search": "limit"}, "occurs 2 times"),
        ({"replace": "spent < limit"}, "changes nothing"),
        ({"test": "::test_gone"}, "there is no test_gone"),
        ({"test": "x"}, "there is no tests/test_cap.pyx"),
    ],
)
def test_planted_stale_entry_is_found(tmp_path: Path, given: dict[str, str], fault: str) -> None:
    root = tree(tmp_path, entry("bad", **given))
    (found,) = mutations.faults(mutations.read(root), root)
    assert fault in found


def test_an_id_used_twice_is_found(tmp_path: Path) -> None:
    root = tree(tmp_path, entry("same"), entry("same"))
    assert list(mutations.faults(mutations.read(root), root)) == ["same: the id is used twice"]


@pytest.mark.slow
def test_a_noticed_break_is_good_news(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tree(tmp_path, entry("off-by-one"))
    assert mutate.main([], root=root) == 0
    assert "off-by-one" in capsys.readouterr().out
    assert "spent < limit" in (root / "src/andon/cap.py").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        ({"test": "::test_nothing"}, "SURVIVED"),
        ({"search": "no such text"}, "STALE"),
        ({"replace": "spent <"}, "DOES NOT RUN"),
    ],
)
def test_any_other_end_is_bad_news(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], given: dict[str, str], verdict: str
) -> None:
    root = tree(tmp_path, entry("bad", **given))
    assert mutate.main([], root=root) == 1
    assert verdict in capsys.readouterr().out


@pytest.mark.slow
def test_tests_that_fail_without_a_break_prove_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tree(tmp_path, entry("off-by-one"))
    (root / "tests/test_cap.py").write_text("def test_red() -> None:\n    assert False\n")
    assert mutate.main([], root=root) == 1
    assert "fail without any break" in capsys.readouterr().err


def test_nothing_to_break_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert mutate.main(["--only", "no such break"]) == 2
    assert "mutations.toml" in capsys.readouterr().err
