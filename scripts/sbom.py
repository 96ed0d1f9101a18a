"""Write the bill of materials of the server (CycloneDX 1.6) from its lock."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from scripts import locks
from scripts.tree import ROOT

TARGET = ROOT / "dist" / "andon.cdx.json"


def document(pins: list[locks.Pin]) -> dict[str, object]:
    """Describe each locked dependency; the same lock gives the same document."""
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "andon", "bom-ref": "andon"}},
        "components": [_component(pin) for pin in pins],
    }


def _component(pin: locks.Pin) -> dict[str, object]:
    purl = f"pkg:pypi/{pin.name}@{pin.version}"
    properties = [{"name": "andon:file-hash", "value": one} for one in pin.hashes]
    if pin.requirement.marker is not None:
        properties.append({"name": "andon:marker", "value": str(pin.requirement.marker)})
    return {
        "type": "library",
        "name": pin.name,
        "version": pin.version,
        "purl": purl,
        "bom-ref": purl,
        "properties": properties,
    }


def main() -> int:
    """Write the document and say where it is."""
    TARGET.parent.mkdir(exist_ok=True)
    made = document(locks.read(locks.SERVER))
    TARGET.write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")
    print(Path(TARGET).relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
