"""docs/seed.md leads from every name of the contracts to its file and to a test of it."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.tree import ROOT
from tests.architecture.seed_names import MODULES, names

PAGE = ROOT / "docs" / "seed.md"
ROW = re.compile(r"^\| `([\w.]+)` \| \[[^\]]+\]\(([^)]+)\) \| \[[^\]]+\]\(([^)]+)\) \|$")

Rows = dict[str, tuple[str, str]]


def rows(page: str) -> Rows:
    found = (ROW.match(line) for line in page.splitlines())
    return {one[1]: (one[2], one[3]) for one in found if one is not None}


def faults(page: str, wanted: list[str], root: Path) -> Iterator[str]:
    """Say which names have no row, no definition in the file named, or no test file."""
    listed = rows(page)
    docs = root / "docs"
    for name in wanted:
        if name not in listed:
            yield f"{name}: no row"
            continue
        file, test = (docs / link for link in listed[name])
        if not test.is_file():
            yield f"{name}: no test file"
        if not file.is_file():
            yield f"{name}: no file"
        elif not defines(file.read_text(encoding="utf-8"), name.split(".")[1:]):
            yield f"{name}: not defined there"


def defines(source: str, path: list[str]) -> bool:
    """Tell whether a module defines this name, or a class this member."""
    body: list[ast.stmt] = ast.parse(source).body
    for name in path:
        found = [node for node in body if name in _names_of(node)]
        if not found:
            return False
        body = getattr(found[-1], "body", [])
    return True


def _names_of(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return []


def test_every_name_leads_to_its_file_and_its_test() -> None:
    assert list(faults(PAGE.read_text(encoding="utf-8"), names(), ROOT)) == []


@pytest.mark.parametrize("name", names())
def test_every_name_is_public_under_its_module(name: str) -> None:
    module, *path = name.split(".")
    found = importlib.import_module(f"andon.{MODULES[module]}.{module}")
    for part in path:
        found = getattr(found, part)
    assert found is not None


GOOD = "| `m.A.f` | [a](../a.py) | [t](../t.py) |"


@pytest.mark.parametrize(
    ("page", "fault"),
    [
        (GOOD, None),
        (GOOD.replace("A.f", "A.g"), "m.A.f: no row"),
        (GOOD.replace("t.py", "gone.py"), "m.A.f: no test file"),
        (GOOD.replace("a.py", "gone.py"), "m.A.f: no file"),
        (GOOD.replace("a.py", "t.py"), "m.A.f: not defined there"),
    ],
)
def test_planted_fault_is_found(tmp_path: Path, page: str, fault: str | None) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "a.py").write_text("class A:\n    def f(self): ...\n")
    (tmp_path / "t.py").write_text("f = 1\n")
    assert list(faults(page, ["m.A.f"], tmp_path)) == ([] if fault is None else [fault])
