"""Questions to the file system: room, modes, and whether a sync reaches the disk."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path


def free_bytes(path: Path) -> int:
    """Tell how much room is left where this folder is or will be."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


def sync_seconds(path: Path, tries: int = 5) -> float:
    """Time a small write and fdatasync in this folder; the median of a few tries."""
    while not path.exists():
        path = path.parent
    times = []
    with tempfile.TemporaryFile(dir=path) as file:
        for _ in range(tries):
            started = time.perf_counter()
            file.write(b"x" * 512)
            file.flush()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - started)
    return sorted(times)[tries // 2]
