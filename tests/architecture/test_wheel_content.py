"""The wheel holds the tracked files of the package and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from scripts.tree import ROOT, present, tracked

PACKAGE = "src/andon"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def _content(wheel: zipfile.ZipFile) -> set[Path]:
    names = (Path(name) for name in wheel.namelist())
    return {name for name in names if not name.parts[0].endswith(".dist-info")}


def test_wheel_is_the_files_of_the_tree(wheel: zipfile.ZipFile) -> None:
    expected = {path.relative_to("src") for path in present(PACKAGE)}
    assert _content(wheel) == expected


@pytest.mark.skipif(
    not os.environ.get("ANDON_TEST_ALL"),
    reason="a tree under work has new files; a fresh checkout (.ci/run) must have none",
)
def test_wheel_is_the_tracked_files(wheel: zipfile.ZipFile) -> None:
    assert _content(wheel) == {path.relative_to("src") for path in tracked(PACKAGE)}


def test_wheel_runs_nothing_at_start(wheel: zipfile.ZipFile) -> None:
    names = [Path(name) for name in wheel.namelist()]
    assert not [name for name in names if name.suffix in {".pth", ".so", ".pyc", ".egg-link"}]
    assert {name.parts[0] for name in names if len(name.parts) > 1} == {
        "andon",
        f"andon-{_version(wheel)}.dist-info",
    }
    assert not [name for name in names if len(name.parts) == 1]


def test_wheel_carries_licence_and_type_mark(wheel: zipfile.ZipFile) -> None:
    names = {Path(name).name for name in wheel.namelist()}
    assert {"LICENSE", "py.typed", "METADATA"} <= names


def _version(wheel: zipfile.ZipFile) -> str:
    (metadata,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    lines = wheel.read(metadata).decode().splitlines()
    return next(line.split(": ")[1] for line in lines if line.startswith("Version: "))
