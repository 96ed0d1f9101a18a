"""Read docs/invariants.md: a table row an invariant, with its tests and its breaks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from scripts.mutations import Mutation, selector_fault

COUNT = 14
"""How many invariants the architecture promises."""

_ROW = re.compile(r"^\|\s*(\d+)\s*\|(.*)\|\s*$", re.MULTILINE)
_SELECTOR = re.compile(r"`(tests/[\w/]+\.py(?:::\w+)*)`")
_BREAK = re.compile(r"`([a-z0-9][a-z0-9-]*)`")


def faults(page: str, breaks: list[Mutation], root: Path) -> Iterator[str]:
    """Say which invariants are missing, untested or unbroken, and which names are stale."""
    rows = [(int(number), text.split("|")) for number, text in _ROW.findall(page)]
    listed = {number for number, _ in rows}
    yield from (f"{n}: no row" for n in range(1, COUNT + 1) if n not in listed)
    named: set[str] = set()
    for number, cells in rows:
        selectors = _SELECTOR.findall("|".join(cells))
        ids = _BREAK.findall(cells[-1])
        named.update(ids)
        if not selectors:
            yield f"{number}: names no test"
        if not ids:
            yield f"{number}: names no break in its last column"
        yield from (f"{number}: {why}" for one in selectors if (why := selector_fault(one, root)))
        known = {one.id for one in breaks if one.invariant == number}
        yield from (f"{number}: there is no break {one} of it" for one in ids if one not in known)
    yield from (f"{one.id}: not on the page" for one in breaks if one.id not in named)
