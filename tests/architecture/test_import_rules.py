"""The import contracts hold, and each of them turns red when it is broken."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.tree import ROOT

LINT = "import sys; from importlinter.cli import lint_imports_command as c; c(sys.argv[1:])"
LAYERS = ("api", "console", "adapters", "runtime", "engines", "schemas", "drivers", "models")

PLANTED = {
    "a lower layer imports a higher one": ("1-layers", "engines/a.py", "andon.adapters.a"),
    "models import a schema": ("1-layers", "models/a.py", "andon.schemas.a"),
    "a schema imports a driver": ("2-schemas", "schemas/a.py", "andon.drivers.a"),
    "a schema imports an I/O library": ("2-schemas", "schemas/a.py", "sqlalchemy"),
    "a driver imports a schema": ("3-rows", "drivers/a.py", "andon.schemas.a"),
    "an endpoint imports a driver": ("4-drivers", "api/a.py", "andon.drivers.a"),
    "an engine imports a driver": ("4-drivers", "engines/a.py", "andon.drivers.a"),
    "the SDK imports the runtime": ("5-runtime", "sdk/a.py", "andon.runtime.a"),
    "an engine imports another": ("6-engines", "engines/a.py", "andon.engines.b"),
    "a use case imports SQLAlchemy": ("7-pure", "runtime/a.py", "sqlalchemy.orm"),
    "an engine imports an HTTP client": ("7-pure", "engines/a.py", "httpx2"),
    "an adapter imports FastAPI": ("7-pure", "adapters/a.py", "fastapi"),
    "the SDK imports a driver": ("8-sdk", "sdk/a.py", "andon.drivers.a"),
    "the SDK imports an engine that it does not share": ("8-sdk", "sdk/a.py", "andon.engines.a"),
    "the SDK imports a server library": ("8-sdk", "sdk/a.py", "msgspec"),
}

ALLOWED = {
    "the SDK shares the decision of enforcement": ("sdk/a.py", "andon.engines.enforcement.caps"),
    "a use case imports a driver": ("runtime/a.py", "andon.drivers.a"),
    "an endpoint imports a use case": ("api/a.py", "andon.runtime.a"),
    "app wires everything": ("app.py", "andon.drivers.a"),
}


@pytest.fixture
def skeleton(tmp_path: Path) -> Path:
    """Lay out a package with every layer and this repository's contracts."""
    package = tmp_path / "andon"
    for layer in (*LAYERS, "cli", "sdk", "engines/enforcement"):
        (package / layer).mkdir(parents=True)
        for name in ("__init__", "a", "b", "caps"):
            (package / layer / f"{name}.py").touch()
    for name in ("__init__", "app", "errors", "settings"):
        (package / f"{name}.py").touch()
    shutil.copy(ROOT / ".importlinter", tmp_path)
    return tmp_path


def lint(root: Path, source: Path, *contracts: str) -> subprocess.CompletedProcess[str]:
    chosen = [f"--contract={name}" for name in contracts]
    return subprocess.run(
        [sys.executable, "-c", LINT, "--no-logo", "--no-cache", *chosen],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(source)},
        check=False,
        capture_output=True,
        text=True,
    )


def test_this_package_keeps_every_contract() -> None:
    done = lint(ROOT, ROOT / "src")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Contracts: 8 kept, 0 broken." in done.stdout


@pytest.mark.parametrize("name", PLANTED)
def test_broken_contract_is_found(skeleton: Path, name: str) -> None:
    contract, file, imported = PLANTED[name]
    (skeleton / "andon" / file).write_text(f"import {imported}\n")
    done = lint(skeleton, skeleton, contract)
    assert done.returncode == 1
    assert "Contracts: 0 kept, 1 broken." in done.stdout


def test_a_module_without_a_layer_is_found(skeleton: Path) -> None:
    (skeleton / "andon" / "helpers.py").touch()
    done = lint(skeleton, skeleton, "1-layers")
    assert done.returncode == 1
    assert "helpers" in done.stdout


def test_allowed_imports_pass(skeleton: Path) -> None:
    for file, imported in ALLOWED.values():
        (skeleton / "andon" / file).write_text(f"import {imported}\n")
    done = lint(skeleton, skeleton)
    assert done.returncode == 0, done.stdout
