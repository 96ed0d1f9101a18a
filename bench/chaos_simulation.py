"""The campaign of simulated worlds, with a tally that adds up over runs."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from bench import machine, results
from bench.tallies import out_of, read_tally, write_tally
from tests.simulation.world import Outcome
from tests.simulation.worlds import run_world

ROUNDS_A_WORLD = 60
_NAME = "simulation"
_COUNTS = ("worlds", "transactions", "records", "answers", "restarts")


def run_simulation(rounds: int, seed: str, save: bool) -> bool:
    """Run worlds, one a round; tell whether no violation was ever found."""
    started = results.Started.now()
    print(f"simulation: {rounds} worlds, seed {seed}", flush=True)
    kept = read_tally(_NAME)
    counts, faults = Counter(kept.get("counts", {})), Counter(kept.get("faults", {}))
    violations: list[str] = kept.get("violations", [])
    run = {"seed": seed, "commit": machine.commit(), "date": machine.today()}
    runs = [*kept.get("runs", []), run]
    for number in range(rounds):
        began = time.monotonic()
        outcome = run_world(f"{seed}:{number}", rounds=ROUNDS_A_WORLD)
        taken = time.monotonic() - began
        _add(counts, faults, outcome)
        violations += [f"world {outcome.seed}: {line}" for line in outcome.violations[:3]]
        if number % 20 == 0 or outcome.violations:
            rate = outcome.transactions / taken
            print(f"  {number}: {len(outcome.violations)} violations, {rate:,.0f}/s", flush=True)
        tally: dict[str, Any] = {"counts": counts, "faults": faults, "violations": violations}
        write_tally(_NAME, tally | {"runs": runs})
    text = "\n".join(lines(counts, faults, violations))
    print(text)
    if save:
        results.keep(_NAME, text, started, seed)
    return not violations


def _add(counts: Counter[str], faults: Counter[str], outcome: Outcome) -> None:
    counts["worlds"] += 1
    for name in _COUNTS[1:]:
        counts[name] += getattr(outcome, name)
    faults.update(outcome.commit_faults)


def lines(counts: Counter[str], faults: Counter[str], violations: list[str]) -> list[str]:
    """Put the sums in words."""
    met = ", ".join(f"{count:,} {kind}" for kind, count in faults.items())
    return [
        out_of(len(violations), counts["transactions"], "transactions broke a rule"),
        ", ".join(f"{counts[name]:,} {name}" for name in _COUNTS),
        f"commits disturbed: {met}",
        *violations,
    ]
