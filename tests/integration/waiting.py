"""Wait for what the service does by itself in the background."""

from __future__ import annotations

import time
from collections.abc import Callable

_SECONDS = 20.0


def until(holds: Callable[[], bool]) -> None:
    """Return when this holds; an error where it takes too long."""
    deadline = time.monotonic() + _SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it does not come about"
        time.sleep(0.02)
