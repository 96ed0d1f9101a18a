"""Import modules where only the base dependencies exist: run as a script."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib import metadata
from importlib.machinery import ModuleSpec
from types import ModuleType

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def closure(names: Sequence[str]) -> set[str]:
    """Name all distributions that these need, themselves included, without extras."""
    waiting, found = list(names), set[str]()
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in found:
            continue
        found.add(name)
        for line in metadata.requires(name) or []:
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                waiting.append(needed.name)
    return found


class Blocker:
    """Refuse modules of every installed distribution that is not among the allowed."""

    def __init__(self, allowed: set[str]) -> None:
        self.blocked = {
            module: owners[0]
            for module, owners in metadata.packages_distributions().items()
            if not {canonicalize_name(owner) for owner in owners} & allowed
        }

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Raise ModuleNotFoundError for a blocked module, else leave it to the others."""
        owner = self.blocked.get(name.split(".")[0])
        if owner is not None:
            raise ModuleNotFoundError(f"{name} ({owner}) is no base dependency", name=name)
        return None


def main() -> int:
    """Import every module named as an argument."""
    blocker = Blocker(closure(["andon"]))
    for name in list(sys.modules):
        if name.split(".")[0] in blocker.blocked:
            del sys.modules[name]
    sys.meta_path.insert(0, blocker)
    for name in sys.argv[1:]:
        importlib.import_module(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
