"""The pages of errors, roles and settings say what the code says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from andon import errors
from andon.engines.tenants.roles import Permission
from andon.settings import Settings
from scripts import reference
from scripts.tree import ROOT

CODES_OF_RECORDS = (
    "src/andon/adapters/telemetry",
    "src/andon/engines/telemetry",
    "src/andon/runtime/telemetry",
    "src/andon/schemas/cus/moments.py",
    "src/andon/schemas/cus/money.py",
    "src/andon/schemas/cus/texts.py",
    "src/andon/schemas/cus/usage.py",
)
RENAMED = {"json_invalid", "number_type", "time_type"}
"""What the contract says and the wire's adapter says in its own words."""

REFUSALS = {"RecordRefused", "BatchRefused", "Timing", "Refusal", "refusal"}


def codes_in(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and _name(node.func) in REFUSALS:
            given = [*node.args[:1], *(one.value for one in node.keywords if one.arg == "code")]
            for one in given:
                if isinstance(one, ast.Constant) and isinstance(one.value, str):
                    yield one.value


def _name(func: ast.expr) -> str:
    return func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")


def files() -> list[Path]:
    found: list[Path] = []
    for place in CODES_OF_RECORDS:
        path = ROOT / place
        found += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return found


def test_the_pages_are_current() -> None:
    assert reference.stale() == [], "run python -m scripts.reference"


def test_a_page_that_is_not_current_is_found(tmp_path: Path) -> None:
    for name, page in reference.PAGES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(page())
    assert reference.stale(tmp_path) == []
    (tmp_path / "docs/roles.md").write_text("# Roles\n")
    (tmp_path / "docs/settings.md").unlink()
    assert reference.stale(tmp_path) == ["docs/roles.md", "docs/settings.md"]


def test_every_error_setting_and_permission_has_a_row() -> None:
    page = reference.errors_page()
    assert all(f"| `{kind.code}` | {kind.status} |" in page for kind in errors.tree())
    page = reference.settings_page()
    assert all(f"| `ANDON_{name.upper()}` |" in page for name in Settings.model_fields)
    page = reference.roles_page()
    assert all(f"| {permission.value} |" in page for permission in Permission)


def test_every_code_of_a_record_is_explained() -> None:
    found = {code for path in files() for code in codes_in(path.read_text(encoding="utf-8"))}
    found -= {"accepted", "duplicate", "rejected", *RENAMED}
    assert "call_id_conflict" in found
    assert found <= set(reference.RECORD_CODES), "explain them in scripts/reference.py"


@pytest.mark.parametrize(
    "source",
    ['RecordRefused("odd", "m")', 'x = Refusal("odd", "text")', 'telemetry.Timing("odd")'],
)
def test_a_planted_code_is_found(source: str) -> None:
    assert "odd" in set(codes_in(source))


def test_a_cell_has_no_line_break_and_no_bar() -> None:
    assert not re.search(r"\n|(?<!\\)\|", reference.one_line("one\n\n    two | three"))
