"""Files stay short: at most 400 lines of at most 100 columns."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.tree import ROOT, present

MAX_LINES = 400
MAX_COLUMNS = 100


def faults(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    wide = [
        f"{path}:{number}: {len(line)} columns"
        for number, line in enumerate(lines, start=1)
        if len(line) > MAX_COLUMNS
    ]
    return [*wide, f"{path}: {len(lines)} lines"] if len(lines) > MAX_LINES else wide


@pytest.mark.parametrize("text", ["x = 1\n" * 401, f"x = '{'a' * 100}'\n"])
def test_planted_file_is_found(tmp_path: Path, text: str) -> None:
    path = tmp_path / "big.py"
    path.write_text(text)
    assert len(faults(path)) == 1


@pytest.mark.parametrize("folder", ["src", "tests", "bench", "scripts"])
def test_files_are_short(folder: str) -> None:
    files = [path for path in present(folder) if path.suffix == ".py"]
    assert files
    found = [fault for path in files for fault in faults(ROOT / path)]
    assert not found, "make each a folder of files that are one noun:\n" + "\n".join(found)
