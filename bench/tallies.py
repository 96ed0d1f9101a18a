"""Tallies that survive an interruption, and how they are put in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from scripts.tree import ROOT

FOLDER = ROOT / ".chaos"


def read_tally(name: str) -> dict[str, Any]:
    """Read what a campaign has added up so far; empty before its first round."""
    path = FOLDER / f"{name}.json"
    if not path.exists():
        return {}
    kept: dict[str, Any] = json.loads(path.read_text())
    return kept


def write_tally(name: str, tally: dict[str, Any]) -> Path:
    """Keep a campaign's sums; an interruption leaves the old file or the new one."""
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.json"
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(tally, indent=2) + "\n")
    draft.replace(path)
    return path


def out_of(failures: int, tries: int, what: str) -> str:
    """Say what a number of tries shows: none of n leaves at most 3/n at 95%."""
    text = f"{failures:,} of {tries:,} {what}"
    if failures or not tries:
        return text
    return f"{text} (<= {3 / tries:.1e})"
