"""An application that installs `andon` without extras gets an SDK that works."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.tree import ROOT
from tests.architecture.test_import_time import modules

SCRIPT = Path(__file__).with_name("base_install.py")
ENFORCEMENT = ROOT / "src" / "andon" / "engines"

NEEDS_EXTRA: dict[str, str] = {}
"""SDK modules that say in their docstring which extra they need, by that extra."""


def import_all(*names: str, source: Path = ROOT / "src") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-B", str(SCRIPT), *names],
        env={**os.environ, "PYTHONPATH": str(source)},
        check=False,
        capture_output=True,
        text=True,
    )


def test_sdk_and_contracts_import_without_the_server() -> None:
    open_to_all = ("andon.sdk", "andon.schemas", "andon.models", "andon.engines.enforcement")
    names = [name for name in modules() if name.startswith(open_to_all) and name not in NEEDS_EXTRA]
    assert "andon.sdk" in names
    done = import_all("andon", *names)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("library", ["fastapi", "sqlalchemy", "msgspec", "psycopg", "pytest"])
def test_planted_server_import_is_found(tmp_path: Path, library: str) -> None:
    (tmp_path / "planted.py").write_text(f"import {library}\n")
    done = import_all("planted", source=tmp_path)
    assert done.returncode == 1
    assert "is no base dependency" in done.stderr


def test_decision_of_enforcement_needs_the_standard_library_alone() -> None:
    files = [*ENFORCEMENT.glob("enforcement.py"), *ENFORCEMENT.glob("enforcement/**/*.py")]
    foreign = [
        f"{path.name}: {name}"
        for path in files
        for name in _imports(path)
        if name not in sys.stdlib_module_names and name != "andon"
    ]
    assert not foreign


def _imports(path: Path) -> list[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name.split(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append((node.module or "").split(".")[0])
    return names
