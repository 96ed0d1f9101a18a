"""What the lock files say: name, version, marker and hashes of each dependency."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts.tree import ROOT

DEV = ROOT / "requirements" / "dev.lock"
SERVER = ROOT / "requirements" / "server.lock"
BUILD = ROOT / "requirements" / "build.lock"

_HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Pin:
    """One locked dependency."""

    requirement: Requirement
    hashes: tuple[str, ...]

    @property
    def name(self) -> str:
        """The normalised name."""
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str:
        """The one version, or ValueError where the lock leaves a choice."""
        pins = [spec.version for spec in self.requirement.specifier if spec.operator == "=="]
        if len(pins) != 1 or len(self.requirement.specifier) != 1:
            raise ValueError(f"{self.requirement} is not pinned to one version; run `make lock`")
        return pins[0]

    def wanted(self, environment: dict[str, str]) -> bool:
        """Tell whether this dependency is installed in such an environment."""
        marker = self.requirement.marker
        return marker is None or marker.evaluate(environment)


def read(path: Path) -> list[Pin]:
    """Read a lock file as pip does: comments out, continued lines joined."""
    lines = (line for line in path.read_text().splitlines() if not line.lstrip().startswith("#"))
    joined = "\n".join(lines).replace("\\\n", " ")
    pins = []
    for line in filter(str.strip, joined.splitlines()):
        requirement = Requirement(line.split("--hash=")[0].strip())
        pins.append(Pin(requirement, tuple(_HASH.findall(line))))
    return pins
