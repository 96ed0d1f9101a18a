"""Try to break the promises for as long as one likes: `python -m bench.chaos --only kill`.

A campaign keeps its tally in `.chaos/` and adds to it each time it runs; remove the file to begin
anew. The exit status is 1 when anything that was ever found still stands in the tally.
"""

from __future__ import annotations

import argparse
import secrets
import sys
from collections.abc import Callable

from bench.chaos_kill import run_kill
from bench.chaos_power import run_power
from bench.chaos_simulation import run_simulation

CAMPAIGNS: dict[str, Callable[[int, str, bool], bool]] = {
    "kill": run_kill,
    "power": run_power,
    "simulation": run_simulation,
}
_ROUNDS = 20


def main() -> int:
    """Run the campaigns that were asked for; all of them unless one is named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=sorted(CAMPAIGNS), help="the campaign to run")
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help="rounds a database, or worlds")
    parser.add_argument("--seed", default=secrets.token_hex(4), help="what the rounds follow from")
    parser.add_argument("--save", action="store_true", help="write sums to bench/RESULTS.md")
    asked = parser.parse_args()
    chosen = [asked.only] if asked.only else list(CAMPAIGNS)
    held = [CAMPAIGNS[name](asked.rounds, asked.seed, asked.save) for name in chosen]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
