"""Programs that some tests need and not every machine has."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest


def need(program: str, package: str) -> Path:
    """Find a program by name or path; without it the test skips, or fails with ANDON_TEST_ALL."""
    found = shutil.which(program)
    if found is not None:
        return Path(found)
    lacking = f"{program} is missing (Debian: apt-get install {package})"
    if os.environ.get("ANDON_TEST_ALL"):
        pytest.fail(lacking)
    pytest.skip(lacking)
