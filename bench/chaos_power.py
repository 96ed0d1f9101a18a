"""The campaign of power cuts on a simulated disk, with a tally that adds up over runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict

from bench import machine, results
from bench.tallies import out_of, read_tally, write_tally
from tests.simulation.feeding import Failing, FailingSyncs, Manner
from tests.simulation.power import Tally, run_history
from tests.simulation.store import Durability
from tests.simulation.worlds import quiet

CUTS_A_ROUND = 5_000
_LIVES = 4
_NAME = "power"
_LONG = Durability(wal_autocheckpoint=600, journal_size_limit=1 << 23)
_MANNERS = {
    "sound": Manner(),
    "failing": Manner(failing=Failing),
    "failing to sync": Manner(_LONG, failing=FailingSyncs, steps=(45,)),
}
_TURNS = ("sound", "failing", "sound", "sound", "failing to sync")
_MOST_FAULTS = 20


def run_power(rounds: int, seed: str, save: bool) -> bool:
    """Cut the power of sound and of failing disks; tell whether everything was kept."""
    started = results.Started.now()
    print(f"power: {rounds} rounds of {CUTS_A_ROUND:,} cuts, seed {seed}", flush=True)
    kept = read_tally(_NAME)
    sums = {name: Tally(**kept.get(name, {})) for name in _MANNERS}
    run = {"seed": seed, "commit": machine.commit(), "date": machine.today()}
    runs = [*kept.get("runs", []), run]
    for number in range(rounds):
        name = _TURNS[number % len(_TURNS)]
        began = time.monotonic()
        with quiet():
            tally = run_history(f"{seed}:{number}", _MANNERS[name], CUTS_A_ROUND, _LIVES)
        sums[name].add(tally)
        sums[name].faults = sums[name].faults[:_MOST_FAULTS]
        taken = time.monotonic() - began
        print(
            f"  {number} {name}: {tally.losing_cuts} lost, {len(tally.faults)} faults, "
            f"{tally.cuts * 60 / taken:,.0f} cuts a minute",
            flush=True,
        )
        write_tally(_NAME, {key: asdict(one) for key, one in sums.items()} | {"runs": runs})
    text = "\n".join(lines(sums))
    print(text)
    if save:
        results.keep(_NAME, text, started, seed)
    return not any(one.losing_cuts or one.faults for one in sums.values())


def lines(sums: dict[str, Tally]) -> Iterator[str]:
    """Put the sums in words."""
    for name, total in sums.items():
        yield f"{name} disks: " + out_of(total.losing_cuts, total.cuts, "cuts lost acked records")
        yield f"{name} disks: " + out_of(len(total.faults), total.cuts, "cuts left wrong books")
        yield (
            f"{name} disks: {total.states:,} states checked in full, {total.lives:,} lives, "
            f"{total.acked:,} records acked, {total.disk_failures:,} failures of the disk, "
            f"{total.failed_requests:,} requests refused for them"
        )
        yield from total.faults
