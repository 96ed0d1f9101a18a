"""The files of this repository, as git sees them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

_GIT = shutil.which("git") or "git"

ROOT = Path(__file__).resolve().parent.parent


def tracked(*paths: str) -> list[Path]:
    """List tracked files below ROOT, relative to it."""
    return _list("--cached", *paths)


def present(*paths: str) -> list[Path]:
    """List tracked and new files that no rule ignores and that exist, relative to ROOT."""
    listed = _list("--cached", "--others", "--exclude-standard", *paths)
    return [path for path in listed if (ROOT / path).is_file()]


def _list(*arguments: str) -> list[Path]:
    # The checkout may belong to another user than the one who tests it.
    done = subprocess.run(
        [_GIT, "-c", "safe.directory=*", "ls-files", "-z", *arguments],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return sorted({Path(name) for name in done.stdout.split("\0") if name})
