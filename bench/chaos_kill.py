"""The campaign of kill -9 rounds on both databases, with a tally that adds up over runs."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench import machine, results
from bench.kill import Campaign, Tally
from bench.tallies import out_of, read_tally, write_tally
from tests.servers.andon import AndonServer
from tests.servers.postgres import PostgresServer
from tests.servers.stores import PostgresStore, SqliteStore, Store

ROUNDS_A_STORE = 20
_NAME = "kill"


def run_kill(rounds: int, seed: str, save: bool) -> bool:
    """Run rounds on SQLite and on PostgreSQL; tell whether no fault was ever found."""
    started = results.Started.now()
    print(f"kill: {rounds} rounds a database, seed {seed}", flush=True)
    kept = read_tally(_NAME)
    sums = {kind: Tally(**kept.get(kind, {})) for kind in ("sqlite", "postgresql")}
    for kind, total in sums.items():
        for first in range(0, rounds, ROUNDS_A_STORE):
            last = min(first + ROUNDS_A_STORE, rounds)
            with _store(kind) as store, AndonServer.start(store) as server:
                campaign = Campaign(server, f"{seed}:{kind}")
                for number in range(first, last):
                    total.add(_one_round(campaign, kind, number))
                    _keep(sums, seed, kept)
    text = "\n".join(lines(sums))
    print(text)
    if save:
        results.keep(_NAME, text, started, seed)
    return not any(total.faults for total in sums.values())


def lines(sums: dict[str, Tally]) -> Iterator[str]:
    """Put the sums in words."""
    for kind, total in sums.items():
        after = f"{kind}, {total.rounds} kills: "
        yield after + out_of(total.lost, total.acked, "acked records lost")
        yield after + out_of(total.counted_twice, total.acked, "acked records counted twice")
        yield f"{kind}: {total.duplicates:,} duplicates sent, {total.cut_off:,} requests cut off"
        yield from total.faults


def _one_round(campaign: Campaign, kind: str, number: int) -> Tally:
    start = time.monotonic()
    tally = campaign.run_round(number)
    taken = time.monotonic() - start
    print(
        f"  {kind} {number}: {tally.acked:,} acked, {tally.cut_off} cut off, "
        f"{len(tally.faults)} faults, {taken:.1f} s",
        flush=True,
    )
    return tally


def _keep(sums: dict[str, Tally], seed: str, kept: dict[str, Any]) -> None:
    runs = kept.get("runs", [])
    run = {"seed": seed, "commit": machine.commit(), "date": machine.today()}
    write_tally(
        _NAME, {kind: asdict(total) for kind, total in sums.items()} | {"runs": [*runs, run]}
    )


@contextmanager
def _store(kind: str) -> Iterator[Store]:
    with tempfile.TemporaryDirectory(prefix="andon-kill-") as folder:
        home = Path(folder) / "home"
        if kind == "sqlite":
            yield SqliteStore(home)
            return
        with PostgresServer.start() as server:
            yield PostgresStore(home, server.create_database())
