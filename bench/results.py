"""Keeps the last figures of each bench in `bench/RESULTS.md`, one section a question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from bench import machine
from scripts.tree import ROOT

PATH = ROOT / "bench" / "RESULTS.md"
_TITLE = """# Results

Written by `make bench ONLY=name ARGS=--save` and `make chaos ONLY=name ARGS=--save`: the figures of
one machine at one time, the last run of each question. A commit with a `+` had changes in `src`
that were not committed.
"""


@dataclass(frozen=True, slots=True)
class Started:
    """What was checked out, and how busy the machine was, when a measurement began."""

    commit: str
    load: float

    @classmethod
    def now(cls) -> Self:
        """Look at both now."""
        return cls(machine.commit(), machine.load_average())


def keep(name: str, text: str, started: Started, seed: str = "none") -> None:
    """Put a bench's figures in place of its former ones."""
    sections = _sections()
    body = text.strip() if "\n|" in text else f"```text\n{text.rstrip()}\n```"
    after = machine.load_average()
    facts = (
        f"commit {started.commit}, {machine.today()}, {machine.processor()}, seed {seed}, "
        f"load average {started.load:.1f} before and {after:.1f} after"
    )
    sections[name] = f"## {name}\n\n{facts}\n\n{body}\n"
    PATH.write_text("\n".join([_TITLE, *(sections[key] for key in sorted(sections))]))


def _sections() -> dict[str, str]:
    if not PATH.exists():
        return {}
    parts = PATH.read_text().split("\n## ")[1:]
    return {part.split("\n", 1)[0]: f"## {part.rstrip()}\n" for part in parts}
