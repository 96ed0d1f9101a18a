"""The commands that people and machines rely on are there and say what they do."""

from __future__ import annotations

import os
import subprocess

import pytest

from scripts.tree import ROOT

PUBLIC = {"run", "setup", "test", "check", "bench", "chaos", "mutate", "lock", "audit", "sbom"}


def test_make_without_a_target_lists_the_commands() -> None:
    done = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    listed = {line.split()[1] for line in done.stdout.splitlines()}
    assert listed == PUBLIC | {"help"}


@pytest.mark.parametrize("command", sorted(PUBLIC))
def test_every_command_has_a_plan(command: str) -> None:
    # `-W` plans as if the locks had changed, so that this does not depend on what is installed.
    done = subprocess.run(
        ["make", "--dry-run", "-W", "pyproject.toml", command],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip()


def test_make_names_the_python_that_it_needs(tmp_path: os.PathLike[str]) -> None:
    old = os.path.join(tmp_path, "python-old")
    with open(old, "w", encoding="utf-8") as script:
        script.write("#!/bin/sh\nexit 1\n")
    os.chmod(old, 0o755)
    done = subprocess.run(
        ["make", "setup", f"PYTHON={old}", f"VENV={os.path.join(tmp_path, 'venv')}"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "Andon needs Python 3.11 or newer" in done.stderr


def test_ci_stops_at_the_first_failure() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    text = script.read_text(encoding="utf-8")
    assert "set -euo pipefail" in text
    assert text.index(" check\n") < text.index(" test ARGS=")
    subprocess.run(["bash", "-n", str(script)], check=True)


def test_every_commit_passes_the_check() -> None:
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert "entry: make --no-print-directory check\n" in hooks
